// SPDX-License-Identifier: Apache-2.0
// The vector engine's micro-operations as free functions, their scalar definition, and the concept
// that a value type meets to run micro-programs.
//
// A micro-program (functions.hpp) is a template over a value type V and calls only the functions
// below, found by ADL. V may be one fp32 pattern (Bits32), a SIMD vector of them (simd.hpp) or a
// node of an expression being traced into micro-code.
//
//   fma fnma          a * b + c and c - a * b, one rounding           add sub mul   one rounding
//   fmin fmax         IEEE 754-2019 minimum, maximum                  fclt fcle fceq  ordered ->
//   mask sel               mask != 0 ? a : b, bits moved                   and_ or_ xor_   bitwise
//   shl shr sar       by the low 5 bits of b                          iadd isub       modulo 2^32
//   ilt ult ieq       signed less, unsigned less, equal -> mask       mull mulh       low, unsigned
//   high clz               leading zeros, 32 for 0                         i2f             signed,
//   nearest even f2i f2t           to signed: nearest even, truncating; both saturate, NaN gives 0
//
// A mask is FFFFFFFF or 0. Floating-point results that are NaN are 7FC00000.
// `V::imm(bits)` is a constant operand; `immf<V>(x)` the same for a float.
#pragma once

#include <concepts>
#include <cstdint>

#include "tandem/numerics/bits.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/fma.hpp"
#include "tandem/numerics/ieee.hpp"

namespace tandem::numerics {

/// One 32-bit vector element. Its functions are the definition of every micro-operation.
struct Bits32 {
  std::uint32_t bits;

  TANDEM_HD_INLINE static constexpr Bits32 imm(std::uint32_t value) { return {value}; }
  TANDEM_HD_INLINE static constexpr Bits32 of(float value) { return {bits_of(value)}; }
  TANDEM_HD_INLINE constexpr float value() const { return float_of(bits); }
};

/// The constant `value` as an operand of type V.
template <class V>
TANDEM_HD_INLINE V immf(float value) {
  return V::imm(bits_of(value));
}

TANDEM_HD_INLINE Bits32 fma(Bits32 a, Bits32 b, Bits32 c) {
  return Bits32::of(fma32(a.value(), b.value(), c.value()));
}
TANDEM_HD_INLINE Bits32 fnma(Bits32 a, Bits32 b, Bits32 c) {
  return Bits32::of(fnma32(a.value(), b.value(), c.value()));
}
TANDEM_HD_INLINE Bits32 add(Bits32 a, Bits32 b) { return Bits32::of(add32(a.value(), b.value())); }
TANDEM_HD_INLINE Bits32 sub(Bits32 a, Bits32 b) { return Bits32::of(sub32(a.value(), b.value())); }
TANDEM_HD_INLINE Bits32 mul(Bits32 a, Bits32 b) { return Bits32::of(mul32(a.value(), b.value())); }
TANDEM_HD_INLINE Bits32 fmin(Bits32 a, Bits32 b) { return {minimum_bits(a.bits, b.bits)}; }
TANDEM_HD_INLINE Bits32 fmax(Bits32 a, Bits32 b) { return {maximum_bits(a.bits, b.bits)}; }
TANDEM_HD_INLINE Bits32 fclt(Bits32 a, Bits32 b) { return {less_mask(a.value(), b.value())}; }
TANDEM_HD_INLINE Bits32 fcle(Bits32 a, Bits32 b) { return {less_equal_mask(a.value(), b.value())}; }
TANDEM_HD_INLINE Bits32 fceq(Bits32 a, Bits32 b) { return {equal_mask(a.value(), b.value())}; }
TANDEM_HD_INLINE Bits32 sel(Bits32 mask, Bits32 a, Bits32 b) { return mask.bits != 0 ? a : b; }
TANDEM_HD_INLINE Bits32 and_(Bits32 a, Bits32 b) { return {a.bits & b.bits}; }
TANDEM_HD_INLINE Bits32 or_(Bits32 a, Bits32 b) { return {a.bits | b.bits}; }
TANDEM_HD_INLINE Bits32 xor_(Bits32 a, Bits32 b) { return {a.bits ^ b.bits}; }
TANDEM_HD_INLINE Bits32 shl(Bits32 a, Bits32 b) { return {a.bits << (b.bits & 31u)}; }
TANDEM_HD_INLINE Bits32 shr(Bits32 a, Bits32 b) { return {a.bits >> (b.bits & 31u)}; }
TANDEM_HD_INLINE Bits32 sar(Bits32 a, Bits32 b) {
  return {static_cast<std::uint32_t>(static_cast<std::int32_t>(a.bits) >> (b.bits & 31u))};
}
TANDEM_HD_INLINE Bits32 iadd(Bits32 a, Bits32 b) { return {a.bits + b.bits}; }
TANDEM_HD_INLINE Bits32 isub(Bits32 a, Bits32 b) { return {a.bits - b.bits}; }
TANDEM_HD_INLINE Bits32 ilt(Bits32 a, Bits32 b) {
  return {static_cast<std::int32_t>(a.bits) < static_cast<std::int32_t>(b.bits) ? kMaskTrue : 0u};
}
TANDEM_HD_INLINE Bits32 ult(Bits32 a, Bits32 b) { return {a.bits < b.bits ? kMaskTrue : 0u}; }
TANDEM_HD_INLINE Bits32 ieq(Bits32 a, Bits32 b) { return {a.bits == b.bits ? kMaskTrue : 0u}; }
TANDEM_HD_INLINE Bits32 mull(Bits32 a, Bits32 b) { return {a.bits * b.bits}; }
TANDEM_HD_INLINE Bits32 mulh(Bits32 a, Bits32 b) {
  return {static_cast<std::uint32_t>((static_cast<std::uint64_t>(a.bits) * b.bits) >> 32)};
}
TANDEM_HD_INLINE Bits32 clz(Bits32 a) { return {count_leading_zeros(a.bits)}; }
TANDEM_HD_INLINE Bits32 i2f(Bits32 a) { return {i32_to_f32(static_cast<std::int32_t>(a.bits))}; }
TANDEM_HD_INLINE Bits32 f2i(Bits32 a) {
  return {static_cast<std::uint32_t>(f32_to_i32_nearest(a.bits))};
}
TANDEM_HD_INLINE Bits32 f2t(Bits32 a) {
  return {static_cast<std::uint32_t>(f32_to_i32_truncate(a.bits))};
}

/// A value type on which micro-programs run: V::imm and every function above, all by value.
template <class V>
concept MicroOps = std::copyable<V> && requires(V a, V b, V c, std::uint32_t constant) {
  { V::imm(constant) } -> std::same_as<V>;
  { fma(a, b, c) } -> std::same_as<V>;
  { fnma(a, b, c) } -> std::same_as<V>;
  { add(a, b) } -> std::same_as<V>;
  { sub(a, b) } -> std::same_as<V>;
  { mul(a, b) } -> std::same_as<V>;
  { fmin(a, b) } -> std::same_as<V>;
  { fmax(a, b) } -> std::same_as<V>;
  { fclt(a, b) } -> std::same_as<V>;
  { fcle(a, b) } -> std::same_as<V>;
  { fceq(a, b) } -> std::same_as<V>;
  { sel(a, b, c) } -> std::same_as<V>;
  { and_(a, b) } -> std::same_as<V>;
  { or_(a, b) } -> std::same_as<V>;
  { xor_(a, b) } -> std::same_as<V>;
  { shl(a, b) } -> std::same_as<V>;
  { shr(a, b) } -> std::same_as<V>;
  { sar(a, b) } -> std::same_as<V>;
  { iadd(a, b) } -> std::same_as<V>;
  { isub(a, b) } -> std::same_as<V>;
  { ilt(a, b) } -> std::same_as<V>;
  { ult(a, b) } -> std::same_as<V>;
  { ieq(a, b) } -> std::same_as<V>;
  { mull(a, b) } -> std::same_as<V>;
  { mulh(a, b) } -> std::same_as<V>;
  { clz(a) } -> std::same_as<V>;
  { i2f(a) } -> std::same_as<V>;
  { f2i(a) } -> std::same_as<V>;
  { f2t(a) } -> std::same_as<V>;
};

}  // namespace tandem::numerics

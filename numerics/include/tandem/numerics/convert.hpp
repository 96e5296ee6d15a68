// SPDX-License-Identifier: Apache-2.0
// Conversions between fp32 and bf16, f16, fp8 (e4m3fn, e5m2), i8, u8, i32, i64, and to E8M10.
//
// Everything here is integer arithmetic on bit patterns: it depends on no rounding mode and no
// FTZ/DAZ setting, gives the same bits on host and device, and vectorises.
//   widening    exact; any NaN becomes 7FC00000
//   narrowing   nearest even, subnormals kept; any NaN becomes the target's canonical NaN
//   to integer  truncating or nearest even, saturating; NaN becomes 0
#pragma once

#include <cstdint>

#include "tandem/numerics/bits.hpp"

namespace tandem::numerics {

/// What a conversion to fp8 does with a finite value that rounds past the largest finite one, and
/// with infinity.
enum class Fp8Overflow : std::uint8_t {
  kSaturate,    ///< +-448 for e4m3, +-57344 for e5m2; infinity likewise.
  kNonSaturate  ///< e4m3: the NaN with the operand's sign (7F or FF); e5m2: +-infinity.
};

namespace detail {

/// Rounds `abs` (an fp32 pattern without sign, not NaN) to `kExp` exponent and `kFrac` fraction
/// bits, nearest even, subnormals of the target included. The result is a pattern of the target
/// without sign and runs on past the largest finite one as if the exponent field were unbounded.
template <int kExp, int kFrac>
TANDEM_HD_INLINE constexpr std::uint32_t round_to_small(std::uint32_t abs) {
  constexpr int kBias = (1 << (kExp - 1)) - 1;
  constexpr std::uint32_t kDrop = 23 - kFrac;
  constexpr std::uint32_t kFirstNormal = static_cast<std::uint32_t>(128 - kBias) << 23;
  const std::uint32_t rebased = abs - (static_cast<std::uint32_t>(127 - kBias) << 23);
  const std::uint32_t normal =
      (rebased + ((1u << (kDrop - 1)) - 1u) + ((rebased >> kDrop) & 1u)) >> kDrop;
  // Below the first normal: shift the significand so that bit 0 is the target's smallest
  // subnormal. From 25 places on everything rounds to zero, so the shift is capped there.
  const std::uint32_t exponent = abs >> 23;
  const std::uint32_t significand =
      exponent == 0 ? (abs & 0x7FFFFFu) : ((abs & 0x7FFFFFu) | 0x800000u);
  const std::uint32_t places =
      static_cast<std::uint32_t>(128 - kBias) + kDrop - (exponent == 0 ? 1u : exponent);
  const std::uint32_t shift = places > 25u ? 25u : places;
  const std::uint32_t low = significand & ((1u << (shift & 31u)) - 1u);
  const std::uint32_t half = 1u << ((shift - 1u) & 31u);
  const std::uint32_t floor = significand >> (shift & 31u);
  const std::uint32_t up = (low > half || (low == half && (floor & 1u) != 0)) ? 1u : 0u;
  return abs >= kFirstNormal ? normal : floor + up;
}

/// Widens a pattern without sign of a format with `kExp` exponent and `kFrac` fraction bits.
/// Finite values only; the caller handles infinity and NaN.
template <int kExp, int kFrac>
TANDEM_HD_INLINE constexpr std::uint32_t widen_small(std::uint32_t abs) {
  constexpr int kBias = (1 << (kExp - 1)) - 1;
  const std::uint32_t normal =
      (abs << (23 - kFrac)) + (static_cast<std::uint32_t>(127 - kBias) << 23);
  // A subnormal f x 2^(1 - bias - kFrac): its leading one moves to bit 23.
  const std::uint32_t zeros = count_leading_zeros(abs | 1u);
  const std::uint32_t place = zeros - 8u;
  const std::uint32_t subnormal =
      ((static_cast<std::uint32_t>(128 - kBias + 23 - kFrac) - place) << 23) +
      ((abs << place) & 0x7FFFFFu);
  return (abs >> kFrac) != 0 ? normal : (abs != 0 ? subnormal : 0u);
}

}  // namespace detail

// ---- widening -------------------------------------------------------------------------------

/// bf16 pattern to fp32 pattern.
TANDEM_HD_INLINE constexpr std::uint32_t bf16_to_f32(std::uint16_t x) {
  return canonical_bits(static_cast<std::uint32_t>(x) << 16);
}

/// IEEE binary16 pattern to fp32 pattern.
TANDEM_HD_INLINE constexpr std::uint32_t f16_to_f32(std::uint16_t x) {
  const std::uint32_t abs = x & 0x7FFFu;
  const std::uint32_t sign = (static_cast<std::uint32_t>(x) & 0x8000u) << 16;
  const std::uint32_t finite = detail::widen_small<5, 10>(abs) | sign;
  return abs > 0x7C00u ? kF32Nan : (abs == 0x7C00u ? (kF32Inf | sign) : finite);
}

/// fp8 e4m3 ("fn": no infinity, S.1111.111 is NaN) pattern to fp32 pattern.
TANDEM_HD_INLINE constexpr std::uint32_t e4m3_to_f32(std::uint8_t x) {
  const std::uint32_t abs = x & 0x7Fu;
  const std::uint32_t sign = (static_cast<std::uint32_t>(x) & 0x80u) << 24;
  return abs == 0x7Fu ? kF32Nan : (detail::widen_small<4, 3>(abs) | sign);
}

/// fp8 e5m2 (IEEE-like: infinity 7C, NaN above) pattern to fp32 pattern.
TANDEM_HD_INLINE constexpr std::uint32_t e5m2_to_f32(std::uint8_t x) {
  return f16_to_f32(static_cast<std::uint16_t>(static_cast<std::uint32_t>(x) << 8));
}

// ---- narrowing ------------------------------------------------------------------------------

/// fp32 pattern to bf16 pattern.
TANDEM_HD_INLINE constexpr std::uint16_t f32_to_bf16(std::uint32_t x) {
  const std::uint32_t rounded = (x + 0x7FFFu + ((x >> 16) & 1u)) >> 16;
  return static_cast<std::uint16_t>(is_nan_bits(x) ? kBf16Nan : rounded);
}

/// fp32 pattern to binary16 pattern; overflow (65520 and above) gives infinity.
TANDEM_HD_INLINE constexpr std::uint16_t f32_to_f16(std::uint32_t x) {
  const std::uint32_t abs = x & kF32AbsMask;
  const std::uint32_t sign = (x >> 16) & 0x8000u;
  const std::uint32_t rounded = detail::round_to_small<5, 10>(abs);
  const std::uint32_t clamped = (abs >= 0x47800000u || rounded > 0x7C00u) ? 0x7C00u : rounded;
  return static_cast<std::uint16_t>(abs > kF32Inf ? kF16Nan : (clamped | sign));
}

/// fp32 pattern to fp8 e4m3 pattern. 464 is a tie and rounds to 448; above it is overflow.
TANDEM_HD_INLINE constexpr std::uint8_t f32_to_e4m3(std::uint32_t x, Fp8Overflow rule) {
  const std::uint32_t abs = x & kF32AbsMask;
  const std::uint32_t sign = (x >> 24) & 0x80u;
  const std::uint32_t rounded = detail::round_to_small<4, 3>(abs);
  const std::uint32_t past = rule == Fp8Overflow::kSaturate ? 0x7Eu : 0x7Fu;
  const std::uint32_t clamped = (abs >= 0x44000000u || rounded > 0x7Eu) ? past : rounded;
  return static_cast<std::uint8_t>(abs > kF32Inf ? kE4m3Nan : (clamped | sign));
}

/// fp32 pattern to fp8 e5m2 pattern. 61440 is a tie and overflows.
TANDEM_HD_INLINE constexpr std::uint8_t f32_to_e5m2(std::uint32_t x, Fp8Overflow rule) {
  const std::uint32_t abs = x & kF32AbsMask;
  const std::uint32_t sign = (x >> 24) & 0x80u;
  const std::uint32_t rounded = detail::round_to_small<5, 2>(abs);
  const std::uint32_t past = rule == Fp8Overflow::kSaturate ? 0x7Bu : 0x7Cu;
  const std::uint32_t clamped = (abs >= 0x47800000u || rounded > 0x7Bu) ? past : rounded;
  return static_cast<std::uint8_t>(abs > kF32Inf ? kE5m2Nan : (clamped | sign));
}

/// fp32 pattern to E8M10: nearest even at 10 fraction bits, as an fp32 pattern whose low 13 bits
/// are zero. It is a rounding of the pattern, so fp32 subnormals stay (as multiples of 2^-136) and
/// the largest values round to infinity. This is the operand format of the matrix unit.
TANDEM_HD_INLINE constexpr std::uint32_t to_e8m10_bits(std::uint32_t x) {
  const std::uint32_t rounded = (x + 0x0FFFu + ((x >> 13) & 1u)) & 0xFFFFE000u;
  return is_nan_bits(x) ? kF32Nan : rounded;
}

/// As to_e8m10_bits, on numbers.
TANDEM_HD_INLINE constexpr float to_e8m10(float x) { return float_of(to_e8m10_bits(bits_of(x))); }

// ---- fp32 to integer ------------------------------------------------------------------------

namespace detail {

/// |x| of an fp32 pattern as an integer, truncated or rounded to nearest even; values of 2^32 and
/// above give 2^32 (so that the caller saturates). `abs` is not NaN.
template <bool kNearest>
TANDEM_HD_INLINE constexpr std::uint64_t magnitude_to_integer(std::uint32_t abs) {
  const std::uint32_t exponent = abs >> 23;
  const std::uint64_t significand =
      exponent == 0 ? (abs & 0x7FFFFFu) : ((abs & 0x7FFFFFu) | 0x800000u);
  const std::uint32_t left = exponent > 150u ? exponent - 150u : 0u;
  const std::uint32_t right_places = exponent < 150u ? 150u - (exponent == 0 ? 1u : exponent) : 0u;
  const std::uint32_t right = right_places > 26u ? 26u : right_places;
  std::uint64_t whole = significand >> right;
  if (kNearest) {
    const std::uint64_t twice = (significand & ((std::uint64_t{1} << right) - 1u)) * 2u;
    const std::uint64_t one = std::uint64_t{1} << right;
    whole += (twice > one || (twice == one && (whole & 1u) != 0)) ? 1u : 0u;
  }
  return exponent >= 159u ? (std::uint64_t{1} << 32) : (whole << (left & 15u));
}

template <bool kNearest>
TANDEM_HD_INLINE constexpr std::int32_t f32_to_bounded(std::uint32_t x, std::int64_t low,
                                                       std::int64_t high) {
  const std::uint32_t abs = x & kF32AbsMask;
  const auto magnitude = static_cast<std::int64_t>(magnitude_to_integer<kNearest>(abs));
  const std::int64_t value = (x & kF32SignBit) != 0 ? -magnitude : magnitude;
  const std::int64_t bounded = value < low ? low : (value > high ? high : value);
  return static_cast<std::int32_t>(abs > kF32Inf ? 0 : bounded);
}

}  // namespace detail

/// Nearest even, saturating, NaN 0 (micro-op f2i).
TANDEM_HD_INLINE constexpr std::int32_t f32_to_i32_nearest(std::uint32_t x) {
  return detail::f32_to_bounded<true>(x, -2147483648LL, 2147483647LL);
}
/// Towards zero, saturating, NaN 0 (micro-op f2t; the rule of casts).
TANDEM_HD_INLINE constexpr std::int32_t f32_to_i32_truncate(std::uint32_t x) {
  return detail::f32_to_bounded<false>(x, -2147483648LL, 2147483647LL);
}
/// To [-128, 127]: nearest even or towards zero, saturating, NaN 0.
TANDEM_HD_INLINE constexpr std::int8_t f32_to_i8_nearest(std::uint32_t x) {
  return static_cast<std::int8_t>(detail::f32_to_bounded<true>(x, -128, 127));
}
TANDEM_HD_INLINE constexpr std::int8_t f32_to_i8_truncate(std::uint32_t x) {
  return static_cast<std::int8_t>(detail::f32_to_bounded<false>(x, -128, 127));
}
/// To [0, 255]: nearest even or towards zero, saturating, NaN 0.
TANDEM_HD_INLINE constexpr std::uint8_t f32_to_u8_nearest(std::uint32_t x) {
  return static_cast<std::uint8_t>(detail::f32_to_bounded<true>(x, 0, 255));
}
TANDEM_HD_INLINE constexpr std::uint8_t f32_to_u8_truncate(std::uint32_t x) {
  return static_cast<std::uint8_t>(detail::f32_to_bounded<false>(x, 0, 255));
}
/// Towards zero, saturating, NaN 0.
TANDEM_HD_INLINE constexpr std::int64_t f32_to_i64_truncate(std::uint32_t x) {
  const std::uint32_t abs = x & kF32AbsMask;
  const bool negative = (x & kF32SignBit) != 0;
  if (abs > kF32Inf) return 0;
  if (abs >= 0x5F000000u) return negative ? INT64_MIN : INT64_MAX;
  const std::uint32_t exponent = abs >> 23;
  const std::uint64_t significand = (abs & 0x7FFFFFu) | 0x800000u;
  std::uint64_t magnitude = 0;
  if (exponent >= 150u) {
    magnitude = significand << (exponent - 150u);
  } else if (exponent >= 127u) {
    magnitude = significand >> (150u - exponent);
  }
  return negative ? -static_cast<std::int64_t>(magnitude) : static_cast<std::int64_t>(magnitude);
}

// ---- integer to fp32 ------------------------------------------------------------------------

/// u64 to fp32 pattern, nearest even.
TANDEM_HD_INLINE constexpr std::uint32_t u64_to_f32(std::uint64_t x) {
  if (x == 0) return 0u;
  const auto high = static_cast<std::uint32_t>(x >> 32);
  const std::uint32_t zeros = high != 0 ? count_leading_zeros(high)
                                        : 32u + count_leading_zeros(static_cast<std::uint32_t>(x));
  const std::uint64_t top = x << zeros;  // leading one at bit 63
  const std::uint64_t round = (std::uint64_t{1} << 39) - 1u + ((top >> 40) & 1u);
  const std::uint64_t kept = top >> 40;  // 24 bits
  const std::uint64_t up = (((top & ((std::uint64_t{1} << 40) - 1u)) + round) >> 40) & 1u;
  return ((190u - zeros) << 23) + static_cast<std::uint32_t>(kept - 0x800000u + up);
}

/// i64 to fp32 pattern, nearest even.
TANDEM_HD_INLINE constexpr std::uint32_t i64_to_f32(std::int64_t x) {
  return x < 0 ? (u64_to_f32(~static_cast<std::uint64_t>(x) + 1u) | kF32SignBit)
               : u64_to_f32(static_cast<std::uint64_t>(x));
}

/// i32 to fp32 pattern, nearest even (micro-op i2f).
TANDEM_HD_INLINE constexpr std::uint32_t i32_to_f32(std::int32_t x) {
  const std::uint32_t sign = static_cast<std::uint32_t>(x) & kF32SignBit;
  const std::uint32_t abs =
      x < 0 ? ~static_cast<std::uint32_t>(x) + 1u : static_cast<std::uint32_t>(x);
  const std::uint32_t zeros = count_leading_zeros(abs | 1u);
  const std::uint32_t top = abs << zeros;  // leading one at bit 31
  const std::uint32_t kept = top >> 8;
  const std::uint32_t up = ((top & 0xFFu) + 0x7Fu + (kept & 1u)) >> 8;
  const std::uint32_t value = ((158u - zeros) << 23) + (kept - 0x800000u + up);
  return abs == 0 ? 0u : (value | sign);
}

/// i8 and u8 to fp32 pattern, exact.
TANDEM_HD_INLINE constexpr std::uint32_t i8_to_f32(std::int8_t x) { return i32_to_f32(x); }
TANDEM_HD_INLINE constexpr std::uint32_t u8_to_f32(std::uint8_t x) { return i32_to_f32(x); }

}  // namespace tandem::numerics

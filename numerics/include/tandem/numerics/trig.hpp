// SPDX-License-Identifier: Apache-2.0
// sin and cos as micro-programs over the full fp32 range.
//
// Payne and Hanek, "Radian reduction for trigonometric functions" (SIGNUM 18(1), 1983), in 32-bit
// integer operations: |x| = M 2^(E - 150) is multiplied by the 96 bits of 2/pi that matter for its
// exponent. Straight-line: the words of 2/pi are chosen by selects, so every lane costs the same.
#pragma once

#include <cstdint>

#include "tandem/numerics/micro_ops.hpp"

namespace tandem::numerics {

namespace detail {

/// |x| = n pi/2 + r with |r| <= pi/4 (r = |x| and n = 0 below 0.5). `turns` holds n modulo 4 in
/// its two top bits; the bits below are noise.
template <class V>
struct QuarterTurns {
  V turns;
  V r;
};

/// The 64 bits hi:lo of |x| 2/pi modulo 4, 2 integer bits and 62 fraction bits, for |x| >= 0.5.
template <class V>
struct FixedTurns {
  V hi;
  V lo;
};

template <MicroOps V>
TANDEM_HD_INLINE FixedTurns<V> fixed_turns(V a) {
  // Bit 0 of the window has weight 2^1 after multiplication by M, so the window starts at bit
  // E - 151 of 2/pi (bit 1 is the first after the binary point); 32 zero bits stand before it.
  const V start = isub(shr(a, V::imm(23)), V::imm(120));
  // Four consecutive words from word start / 32 on, which is 0 to 4.
  V above = ilt(V::imm(31), start);
  V w0 = and_(above, V::imm(0xA2F9836Eu));
  V w1 = sel(above, V::imm(0x4E441529u), V::imm(0xA2F9836Eu));  // two constants
  V w2 = sel(above, V::imm(0xFC2757D1u), V::imm(0x4E441529u));  // two constants
  V w3 = sel(above, V::imm(0xF534DDC0u), V::imm(0xFC2757D1u));  // two constants
  above = ilt(V::imm(63), start);
  w0 = sel(above, V::imm(0x4E441529u), w0);
  w1 = sel(above, V::imm(0xFC2757D1u), w1);
  w2 = sel(above, V::imm(0xF534DDC0u), w2);
  w3 = sel(above, V::imm(0xDB629599u), w3);
  above = ilt(V::imm(95), start);
  w0 = sel(above, V::imm(0xFC2757D1u), w0);
  w1 = sel(above, V::imm(0xF534DDC0u), w1);
  w2 = sel(above, V::imm(0xDB629599u), w2);
  w3 = sel(above, V::imm(0x3C439041u), w3);
  above = ilt(V::imm(127), start);
  w0 = sel(above, V::imm(0xF534DDC0u), w0);
  w1 = sel(above, V::imm(0xDB629599u), w1);
  w2 = sel(above, V::imm(0x3C439041u), w2);
  w3 = sel(above, V::imm(0xFE5163ABu), w3);
  // Three words from bit start mod 32 on; mulh by 2^s is a right shift by 32 - s, also for s = 0.
  const V power = shl(V::imm(1), start);
  w0 = or_(shl(w0, start), mulh(w1, power));
  w1 = or_(shl(w1, start), mulh(w2, power));
  w2 = or_(shl(w2, start), mulh(w3, power));
  const V m = or_(and_(a, V::imm(0x007FFFFFu)), V::imm(0x00800000u));
  const V low = mull(m, w1);
  const V lo = iadd(low, mulh(m, w2));
  const V carry = ult(lo, low);  // minus one as a mask
  const V hi = isub(iadd(mull(m, w0), mulh(m, w1)), carry);
  return {hi, lo};
}

/// `quarter` is added to the turns: 0 for sin, 40000000 for cos.
template <MicroOps V>
TANDEM_HD_INLINE QuarterTurns<V> quarter_turns(V a, std::uint32_t quarter) {
  const FixedTurns<V> f = fixed_turns(a);
  // The signed fraction in units of 2^-32, as its nearest multiple of 256, which is exact in fp32,
  // and the signed rest with 24 more bits below. Where the fraction nearly vanishes (down to 2^-30)
  // the first part is 0 and the rest still has 26 bits.
  const V rounded = iadd(f.hi, V::imm(0x20));
  const V top = i2f(and_(shl(rounded, V::imm(2)), V::imm(0xFFFFFF00u)));
  const V rest = i2f(or_(shl(f.hi, V::imm(26)), shr(f.lo, V::imm(6))));
  // r = fraction x pi/2, pi/2 in two parts.
  V r = mul(rest, immf<V>(0x1.921fb6p-56f));
  r = fma(top, immf<V>(-0x1.777a5cp-57f), r);
  r = fma(top, immf<V>(0x1.921fb6p-32f), r);
  const V turns = iadd(rounded, V::imm(0x20000000u + quarter));
  const V small = fclt(a, immf<V>(0.5f));
  return {sel(small, V::imm(quarter), turns), sel(small, a, r)};
}

/// sin(r) and cos(r) for |r| <= pi/4; z = r^2.
template <MicroOps V>
TANDEM_HD_INLINE V sin_core(V r, V z) {
  V p = fma(z, immf<V>(-0x1.9952dap-13f), immf<V>(0x1.110776p-7f));  // two constants
  p = fma(p, z, immf<V>(-0x1.555546p-3f));
  return fma(mul(r, z), p, r);
}
template <MicroOps V>
TANDEM_HD_INLINE V cos_core(V z) {
  V p = fma(z, immf<V>(0x1.99e818p-16f), immf<V>(-0x1.6c0c28p-10f));  // two constants
  p = fma(p, z, immf<V>(0x1.55554ap-5f));
  p = fma(p, z, immf<V>(-0.5f));
  return fma(p, z, immf<V>(1.0f));
}

/// The core that the turns ask for, with their sign.
template <MicroOps V>
TANDEM_HD_INLINE V turn(V turns, V sine, V cosine) {
  const V value = sel(and_(turns, V::imm(0x40000000u)), cosine, sine);
  return xor_(value, and_(turns, V::imm(kF32SignBit)));
}

}  // namespace detail

/// sin(x), x in radians. +-0 gives +-0, +-inf NaN.
template <MicroOps V>
TANDEM_HD_INLINE V sin(V x) {
  const detail::QuarterTurns<V> q = detail::quarter_turns(and_(x, V::imm(kF32AbsMask)), 0u);
  const V z = mul(q.r, q.r);
  const V value = detail::turn(q.turns, detail::sin_core(q.r, z), detail::cos_core(z));
  // x 0 is a zero that changes nothing, or NaN for infinity and NaN.
  return fma(x, immf<V>(0.0f), xor_(value, and_(x, V::imm(kF32SignBit))));
}

/// cos(x), x in radians. +-inf gives NaN.
template <MicroOps V>
TANDEM_HD_INLINE V cos(V x) {
  const detail::QuarterTurns<V> q =
      detail::quarter_turns(and_(x, V::imm(kF32AbsMask)), 0x40000000u);
  const V z = mul(q.r, q.r);
  const V value = detail::turn(q.turns, detail::sin_core(q.r, z), detail::cos_core(z));
  return fma(x, immf<V>(0.0f), value);
}

/// Both, for the cost of one and eight operations; the bits are those of sin(x) and cos(x).
template <class V>
struct SinCos {
  V sin;
  V cos;
};
template <MicroOps V>
TANDEM_HD_INLINE SinCos<V> sin_cos(V x) {
  const detail::QuarterTurns<V> q = detail::quarter_turns(and_(x, V::imm(kF32AbsMask)), 0u);
  const V z = mul(q.r, q.r);
  const V sine = detail::sin_core(q.r, z);
  const V cosine = detail::cos_core(z);
  const V s = xor_(detail::turn(q.turns, sine, cosine), and_(x, V::imm(kF32SignBit)));
  const V c = detail::turn(iadd(q.turns, V::imm(0x40000000u)), sine, cosine);
  return {fma(x, immf<V>(0.0f), s), fma(x, immf<V>(0.0f), c)};
}

}  // namespace tandem::numerics

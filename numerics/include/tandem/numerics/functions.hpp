// SPDX-License-Identifier: Apache-2.0
// The vector functions as micro-programs: straight-line text over the micro-operations alone.
//
// Every function is a template over a value type V (concept MicroOps) and gives the same bits for
// every V. Contract of all of them: NaN in, 7FC00000 out (abs and neg move bits instead);
// subnormal inputs and results are kept; zeros keep the sign that IEEE 754-2019 9.2 gives them.
// Error bounds, micro-op counts and where the constants come from: docs/reference/numerics.md.
// Each operation uses at most one distinct constant, unless its comment says two; a second one
// costs a move into a register.
#pragma once

#include <cstdint>

#include "tandem/numerics/micro_ops.hpp"
#include "tandem/numerics/trig.hpp"

namespace tandem::numerics {

namespace detail {

/// 1.5 x 2^23: adding it to |x| < 2^22 rounds x to the nearest integer, ties to even, and leaves
/// that integer in the low bits of the sum.
inline constexpr float kRounder = 0x1.8p23f;

/// -x without rounding.
template <MicroOps V>
TANDEM_HD_INLINE V flip_sign(V x) {
  return xor_(x, V::imm(kF32SignBit));
}

/// 1 / m for |m| in [2^-100, 2^100], within 0.6 ulp; either sign; NaN for NaN. Six operations.
/// The seed subtracts patterns (Blinn, IEEE CG&A 17(4), 1997; error 0.0505), one cubic step with
/// fitted constants (3.2e-5), one Newton step (1.1e-9).
template <MicroOps V>
TANDEM_HD_INLINE V recip_mid(V m) {
  const V y0 = isub(V::imm(0x7EF332C4u), m);
  const V e0 = fnma(m, y0, immf<V>(0x1.803f0ap+0f));
  const V y1 = mul(y0, fma(e0, e0, immf<V>(0x1.7f81f6p-1f)));
  const V e1 = fnma(m, y1, immf<V>(1.0f));
  return fma(y1, e1, y1);
}

/// About 0.7937 / sqrt(m) for a positive normal m (relative error 2.8e-5); six operations.
/// 0.7937 is 2^(-1/3): with it the last step needs no separate halving, see rsqrt and sqrt.
template <MicroOps V>
TANDEM_HD_INLINE V rsqrt_seed(V m) {
  const V y0 = isub(V::imm(0x5F096114u), shr(m, V::imm(1)));
  const V e0 = fnma(mul(m, y0), y0, immf<V>(0x1.070202p+0f));
  return mul(y0, fma(e0, e0, immf<V>(0x1.af1fd8p-1f)));
}

/// exp(r) for |r| <= ln(2) / 2 (relative error 3.3e-9). Six operations, the first with two
/// constants.
template <MicroOps V>
TANDEM_HD_INLINE V exp_core(V r) {
  V p = fma(r, immf<V>(0x1.694ac4p-10f), immf<V>(0x1.12398ep-7f));
  p = fma(p, r, immf<V>(0x1.555a28p-5f));
  p = fma(p, r, immf<V>(0x1.555492p-3f));
  p = fma(p, r, immf<V>(0x1.fffffap-2f));
  p = fma(p, r, immf<V>(1.0f));
  return fma(p, r, immf<V>(1.0f));
}

}  // namespace detail

// ---- moves and single operations --------------------------------------------------------------

/// |x|, moving bits (NaN payload kept).
template <MicroOps V>
TANDEM_HD_INLINE V abs(V x) {
  return and_(x, V::imm(kF32AbsMask));
}

/// -x, moving bits (NaN payload kept).
template <MicroOps V>
TANDEM_HD_INLINE V neg(V x) {
  return detail::flip_sign(x);
}

/// x * x.
template <MicroOps V>
TANDEM_HD_INLINE V sqr(V x) {
  return mul(x, x);
}

/// maximum(x, +0): -0 gives +0, NaN the canonical NaN.
template <MicroOps V>
TANDEM_HD_INLINE V relu(V x) {
  return fmax(x, immf<V>(0.0f));
}

// ---- exponentials -----------------------------------------------------------------------------

/// e^x. Overflow gives +inf, results below 2^-126 are correctly rounded subnormals.
/// x = 2m ln2 + r with an even multiple, so that 2^2m can be applied as two equal factors: the
/// first product is exact, the second rounds once even when the result is subnormal.
template <MicroOps V>
TANDEM_HD_INLINE V exp(V x) {
  const V c = fmax(fmin(x, immf<V>(90.0f)), immf<V>(-105.0f));
  const V rounder = immf<V>(detail::kRounder + 127.0f);
  const V t = fma(c, immf<V>(0x1.715476p-1f), rounder);  // two constants; low bits are m + 127
  const V m = sub(t, rounder);
  const V r = fnma(m, immf<V>(-0x1.05c61p-28f), fnma(m, immf<V>(0x1.62e43p+0f), c));
  V p = fma(r, immf<V>(0x1.9ba8ap-13f), immf<V>(0x1.71c384p-10f));  // two constants
  p = fma(p, r, immf<V>(0x1.11273p-7f));
  p = fma(p, r, immf<V>(0x1.5549ep-5f));
  p = fma(p, r, immf<V>(0x1.555512p-3f));
  p = fma(p, r, immf<V>(0x1.00000cp-1f));
  p = fma(p, r, immf<V>(1.0f));
  p = fma(p, r, immf<V>(1.0f));
  const V s = shl(t, V::imm(23));  // 2^m
  return mul(mul(p, s), s);
}

namespace detail {

/// 2^64 e^c for c in [-112, 0], always normal; NaN for NaN: its t is 7FC00000, so shl gives 0 and
/// the canonical NaN passes unchanged. Twelve operations.
template <MicroOps V>
TANDEM_HD_INLINE V exp_times_2_64(V c) {
  const V rounder = immf<V>(kRounder + 64.0f);
  const V t = fma(c, immf<V>(0x1.715476p+0f), rounder);  // two constants; low bits are n + 64
  const V n = sub(t, rounder);
  const V r = fnma(n, immf<V>(-0x1.05c61p-29f), fnma(n, immf<V>(0x1.62e43p-1f), c));
  return iadd(exp_core(r), shl(t, V::imm(23)));
}

}  // namespace detail

/// e^x for x <= 0: the exponential of softmax, two operations cheaper than exp. -inf gives +0, NaN
/// the canonical NaN; correctly scaled up to x = 40, where 2^64 e^x still is a number.
template <MicroOps V>
TANDEM_HD_INLINE V exp_nonpositive(V x) {
  // The factor 2^64 keeps everything normal, so the last product rounds once.
  return mul(detail::exp_times_2_64(fmax(x, immf<V>(-105.0f))), immf<V>(0x1p-64f));
}

/// 2^x, as exp with x = 2m + r.
template <MicroOps V>
TANDEM_HD_INLINE V exp2(V x) {
  const V c = fmax(fmin(x, immf<V>(129.0f)), immf<V>(-151.0f));
  const V rounder = immf<V>(detail::kRounder + 127.0f);
  const V t = fma(c, immf<V>(0.5f), rounder);  // two constants
  const V r = fnma(sub(t, rounder), immf<V>(2.0f), c);
  V p = fma(r, immf<V>(0x1.f42aa2p-17f), immf<V>(0x1.484a4cp-13f));  // two constants
  p = fma(p, r, immf<V>(0x1.5dc046p-10f));
  p = fma(p, r, immf<V>(0x1.3b1ed8p-7f));
  p = fma(p, r, immf<V>(0x1.c6af96p-5f));
  p = fma(p, r, immf<V>(0x1.ebfbfep-3f));
  p = fma(p, r, immf<V>(0x1.62e432p-1f));
  p = fma(p, r, immf<V>(1.0f));
  const V s = shl(t, V::imm(23));
  return mul(mul(p, s), s);
}

// ---- reciprocal, division, roots --------------------------------------------------------------

/// 1 / x. +-0 gives +-inf, +-inf gives +-0; subnormal operands and results are exact to the bound.
/// s is a power of two with the sign of x, in steps of 16, such that x s lies in [1, 16)
/// (subnormal x: from 2^-22), without ever being 0 or infinite itself.
template <MicroOps V>
TANDEM_HD_INLINE V recip(V x) {
  const V s = isub(V::imm(0x7F000000u), and_(x, V::imm(0xFE000000u)));
  // The addend is absorbed by every x but 0, for which the result then overflows to infinity;
  // the minimum does the same for infinity at the other end.
  const V m = fmin(fma(x, s, immf<V>(0x1p-60f)), immf<V>(0x1p60f));
  return mul(detail::recip_mid(m), s);
}

/// a / b, all quotients: subnormal operands and results, overflow, zeros and infinities.
template <MicroOps V>
TANDEM_HD_INLINE V div(V a, V b) {
  // k scales both operands by 2^64, 1 or 2^-64 so that b k lies in [2^-85, 2^64). Scaling a can
  // only overflow or underflow where the quotient does too.
  const V top = iadd(and_(b, V::imm(kF32AbsMask)), V::imm(0x20800000u));
  const V k = isub(V::imm(0x5F800000u), shr(and_(top, V::imm(0xC0000000u)), V::imm(1)));
  const V m = mul(b, k);
  // m = 2m holds for zero and infinity alone; their reciprocals swap exponent patterns.
  const V special = fceq(m, add(m, m));
  const V r = sel(special, xor_(b, V::imm(kF32Inf)), detail::recip_mid(m));
  return mul(mul(a, k), r);
}

/// 1 / sqrt(x). +-0 gives +-inf, +inf gives +0, negative x gives NaN.
template <MicroOps V>
TANDEM_HD_INLINE V rsqrt(V x) {
  const V low = fclt(x, immf<V>(0x1p-126f));
  const V m = sel(low, mul(x, immf<V>(0x1p24f)), x);
  const V y = detail::rsqrt_seed(m);
  const V e = fnma(mul(m, y), y, immf<V>(0x1.c79e8ep-1f));
  V r = fma(y, e, y);
  r = sel(low, mul(r, immf<V>(0x1p12f)), r);
  // The iteration is wrong only outside (0, inf).
  r = sel(fclt(x, immf<V>(0.0f)), V::imm(kF32Nan), r);
  r = sel(fceq(x, immf<V>(0.0f)), or_(x, V::imm(kF32Inf)), r);
  return sel(ieq(x, V::imm(kF32Inf)), immf<V>(0.0f), r);
}

/// sqrt(x). +-0 gives +-0, +inf gives +inf, negative x gives NaN.
template <MicroOps V>
TANDEM_HD_INLINE V sqrt(V x) {
  const V low = fclt(x, immf<V>(0x1p-126f));
  const V m = sel(low, mul(x, immf<V>(0x1p24f)), x);
  const V y = detail::rsqrt_seed(m);
  const V g = mul(m, y);
  V r = fma(g, fnma(g, y, immf<V>(0x1.c79e8ep-1f)), g);
  r = sel(low, mul(r, immf<V>(0x1p-12f)), r);
  r = sel(fclt(x, immf<V>(0.0f)), V::imm(kF32Nan), r);
  return sel(ieq(x, V::imm(kF32Inf)), x, r);
}

// ---- logarithms -------------------------------------------------------------------------------

namespace detail {

/// x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), and log1p(f) = f + s q with s = f^2.
/// For positive finite x; e is a float.
template <class V>
struct LogParts {
  V e;
  V f;
  V s;
  V q;
};

template <MicroOps V>
TANDEM_HD_INLINE LogParts<V> log_parts(V x) {
  const V low = fclt(x, immf<V>(0x1p-126f));
  const V m = sel(low, mul(x, immf<V>(0x1p24f)), x);
  const V above = isub(m, V::imm(0x3F3504F3u));
  const V exponent = i2f(sar(above, V::imm(23)));
  const V e = sub(exponent, and_(low, immf<V>(24.0f)));
  const V f = sub(iadd(and_(above, V::imm(0x007FFFFFu)), V::imm(0x3F3504F3u)), immf<V>(1.0f));
  V q = fma(f, immf<V>(-0x1.5536ecp-4f), immf<V>(0x1.0663eap-3f));  // two constants
  q = fma(q, f, immf<V>(-0x1.0903aap-3f));
  q = fma(q, f, immf<V>(0x1.2292bp-3f));
  q = fma(q, f, immf<V>(-0x1.54dc64p-3f));
  q = fma(q, f, immf<V>(0x1.99a3f8p-3f));
  q = fma(q, f, immf<V>(-0x1.0000bcp-2f));
  q = fma(q, f, immf<V>(0x1.55555p-2f));
  q = fma(q, f, immf<V>(-0.5f));
  return {e, f, mul(f, f), q};
}

/// e, or what makes the logarithm special: -inf for +-0, +inf for +inf, NaN for negative and NaN.
template <MicroOps V>
TANDEM_HD_INLINE V log_exponent(V x, V e) {
  const V inside = ult(isub(x, V::imm(1)), V::imm(0x7F7FFFFFu));
  // x inf + inf: +inf, or NaN for every negative x and NaN.
  const V outside = sel(fceq(x, immf<V>(0.0f)), V::imm(kF32Inf | kF32SignBit),
                        fma(x, V::imm(kF32Inf), V::imm(kF32Inf)));
  return sel(inside, e, outside);
}

}  // namespace detail

/// Natural logarithm. +-0 gives -inf, +inf gives +inf, negative x gives NaN, 1 gives +0.
template <MicroOps V>
TANDEM_HD_INLINE V log(V x) {
  const detail::LogParts<V> p = detail::log_parts(x);
  return fma(detail::log_exponent(x, p.e), immf<V>(0x1.62e43p-1f), fma(p.s, p.q, p.f));
}

/// Binary logarithm; special values as log; powers of two are exact.
template <MicroOps V>
TANDEM_HD_INLINE V log2(V x) {
  const detail::LogParts<V> p = detail::log_parts(x);
  const V natural = fma(p.s, p.q, p.f);
  // log2(e) in two parts; the second matters where the exponent is 0.
  const V low = fma(natural, immf<V>(0x1.4ae0cp-26f), detail::log_exponent(x, p.e));
  return fma(natural, immf<V>(0x1.715476p+0f), low);
}

// ---- tanh, sigmoid and the activations --------------------------------------------------------

/// tanh(x) = w / (1 - w) with w = (1 - e^(-2|x|)) / 2, which is computed without cancellation.
template <MicroOps V>
TANDEM_HD_INLINE V tanh(V x) {
  const V a = fmin(and_(x, V::imm(kF32AbsMask)), immf<V>(10.0f));
  const V rounder = immf<V>(detail::kRounder + 127.0f);
  const V t = fma(a, immf<V>(-0x1.715476p+1f), rounder);  // two constants; low bits are n + 127
  const V r = fma(sub(t, rounder), immf<V>(0x1.62e43p-2f), a);
  V p = fma(r, immf<V>(-0x1.6cb78ep-5f), immf<V>(0x1.122912p-3f));  // two constants
  p = fma(p, r, immf<V>(-0x1.555566p-2f));
  p = fma(p, r, immf<V>(0x1.5554aep-1f));
  p = fma(p, r, immf<V>(-1.0f));
  p = fma(mul(r, r), p, r);        // (1 - e^(-2r)) / 2
  const V s = shl(t, V::imm(23));  // 2^n, n <= 0
  const V h = fnma(s, immf<V>(0.5f), immf<V>(0.5f));
  const V w = fma(p, s, h);
  const V y = detail::recip_mid(sub(immf<V>(1.0f), w));
  const V q = mul(w, y);
  // What q leaves of w: (h - q) + p s + q w, in which neither the rounding of w nor that of the
  // divisor takes part. The sign goes in before the last operation, so that a NaN stays canonical.
  const V left = fma(q, w, fma(p, s, sub(h, q)));
  const V sign = and_(x, V::imm(kF32SignBit));
  return fma(xor_(left, sign), y, xor_(q, sign));
}

/// 1 / (1 + e^-x), with full relative accuracy down to the subnormals.
template <MicroOps V>
TANDEM_HD_INLINE V sigmoid(V x) {
  const V e = detail::exp_times_2_64(fmax(or_(x, V::imm(kF32SignBit)), immf<V>(-105.0f)));
  const V above = sel(fclt(x, immf<V>(0.0f)), e, immf<V>(0x1p64f));
  return mul(above, detail::recip_mid(add(e, immf<V>(0x1p64f))));
}

/// x sigmoid(x) as max(x, 0) - a sigmoid(-a) with a = |x|. -inf gives -0, the limit.
template <MicroOps V>
TANDEM_HD_INLINE V silu(V x) {
  // -a; from -112 on the second term rounds to zero. The product with a comes before the division,
  // so that subnormal results are rounded once.
  const V c = fmax(or_(x, V::imm(kF32SignBit)), immf<V>(-112.0f));
  const V e = detail::exp_times_2_64(c);
  const V y = detail::recip_mid(add(e, immf<V>(0x1p64f)));
  return fma(mul(c, e), y, fmax(x, immf<V>(-0.0f)));
}

/// x for x >= 0, else alpha (e^x - 1).
template <MicroOps V>
TANDEM_HD_INLINE V elu(V x, V alpha) {
  const V c = fmax(x, immf<V>(-80.0f));
  const V rounder = immf<V>(detail::kRounder + 127.0f);
  const V t = fma(c, immf<V>(0x1.715476p+0f), rounder);  // two constants
  const V r = fnma(sub(t, rounder), immf<V>(0x1.62e43p-1f), c);
  V p = fma(r, immf<V>(0x1.6d543cp-10f), immf<V>(0x1.122a4ap-7f));  // two constants
  p = fma(p, r, immf<V>(0x1.5554e2p-5f));
  p = fma(p, r, immf<V>(0x1.5554acp-3f));
  p = fma(p, r, immf<V>(0.5f));
  p = mul(fma(p, r, immf<V>(1.0f)), r);
  const V s = shl(t, V::imm(23));
  const V u = fma(p, s, sub(s, immf<V>(1.0f)));
  return sel(fcle(immf<V>(0.0f), x), x, mul(alpha, u));
}

/// The error function. Below 1 an odd polynomial, above 1 - w^4 with a polynomial w; both are
/// computed and one is selected.
template <MicroOps V>
TANDEM_HD_INLINE V erf(V x) {
  const V a = fmin(and_(x, V::imm(kF32AbsMask)), immf<V>(4.2f));
  const V z = mul(a, a);
  V p = fma(z, immf<V>(-0x1.28787ap-11f), immf<V>(0x1.42a6f6p-8f));  // two constants
  p = fma(p, z, immf<V>(-0x1.b5b7c4p-6f));
  p = fma(p, z, immf<V>(0x1.ce0af8p-4f));
  p = fma(p, z, immf<V>(-0x1.81268p-2f));
  p = fma(p, z, immf<V>(0x1.06eba2p-3f));
  const V near = fma(x, p, x);
  V w = fma(a, immf<V>(-0x1.7f89fap-16f), immf<V>(0x1.899cccp-13f));  // two constants
  w = fma(w, a, immf<V>(0x1.72f996p-11f));
  w = fma(w, a, immf<V>(-0x1.9909f4p-7f));
  w = fma(w, a, immf<V>(0x1.61af96p-5f));
  w = fma(w, a, immf<V>(-0x1.0edd2cp-6f));
  w = fma(w, a, immf<V>(-0x1.81ddbap-4f));
  w = fma(w, a, immf<V>(-0x1.2c2c76p-2f));
  w = fma(w, a, immf<V>(0x1.00886cp+0f));
  w = mul(w, w);
  const V one = or_(and_(x, V::imm(kF32SignBit)), immf<V>(1.0f));
  const V far = fnma(mul(w, w), one, one);
  return sel(fclt(a, immf<V>(1.0f)), near, far);
}

/// x Phi(x) with the normal distribution function (the erf form).
/// gelu(x) = max(x, 0) - a Phi(-a) with a = |x|; Phi(-a)^(1/4) is a polynomial whose value at
/// a = 5.75 evaluates to exactly 0; larger a are clamped there (a Phi(-a) < 2.6e-8).
template <MicroOps V>
TANDEM_HD_INLINE V gelu(V x) {
  const V a = fmin(and_(x, V::imm(kF32AbsMask)), immf<V>(5.75f));
  V w = fma(a, immf<V>(-0x1.b92fa8p-19f), immf<V>(0x1.ddb1b2p-15f));  // two constants
  w = fma(w, a, immf<V>(-0x1.3a6664p-12f));
  w = fma(w, a, immf<V>(-0x1.cef6b4p-15f));
  w = fma(w, a, immf<V>(0x1.f53e1ap-9f));
  w = fma(w, a, immf<V>(0x1.2f4d1ap-8f));
  w = fma(w, a, immf<V>(-0x1.9b27a8p-5f));
  w = fma(w, a, immf<V>(-0x1.57857ep-3f));
  w = fma(w, a, immf<V>(0x1.ae89fap-1f));
  w = mul(w, w);
  return fnma(a, mul(w, w), fmax(x, immf<V>(-0.0f)));  // -0 keeps the sign of tiny results
}

/// x / (1 + e^-z) with z = 2 sqrt(2/pi) (x + 0.044715 x^3), the tanh form of gelu, computed as
/// max(x, 0) - a / (1 + e^z(a)) with a = |x|. -inf gives -0, the limit.
template <MicroOps V>
TANDEM_HD_INLINE V gelu_tanh(V x) {
  // At a = 11 the second term rounds to zero; beyond, y would leave the range of the exponential.
  const V a = fmin(and_(x, V::imm(kF32AbsMask)), immf<V>(11.0f));
  // y = -z log2(e); its error, 2^-24 of it, is harmless where y is large because 2^y is small.
  const V inner =
      fma(mul(a, a), immf<V>(-0x1.a5a7dp-4f), immf<V>(-0x1.26aec2p+1f));  // two constants
  const V y = mul(a, inner);
  const V rounder = immf<V>(detail::kRounder + 64.0f);
  const V t = add(y, rounder);
  const V r = sub(y, sub(t, rounder));
  V p = fma(r, immf<V>(0x1.5bfd58p-10f), immf<V>(0x1.3ceaf8p-7f));  // two constants
  p = fma(p, r, immf<V>(0x1.c6b69ap-5f));
  p = fma(p, r, immf<V>(0x1.ebf9bap-3f));
  p = fma(p, r, immf<V>(0x1.62e42ap-1f));
  p = fma(p, r, immf<V>(1.0f));
  const V e = iadd(p, shl(t, V::imm(23)));  // 2^(y + 64)
  const V d = detail::recip_mid(add(e, immf<V>(0x1p64f)));
  return fnma(mul(a, e), d, fmax(x, immf<V>(-0.0f)));
}

}  // namespace tandem::numerics

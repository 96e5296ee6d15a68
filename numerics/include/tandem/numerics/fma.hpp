// SPDX-License-Identifier: Apache-2.0
// The fp32 arithmetic of every Tandem device: one rounding, nearest even, subnormals kept,
// canonical NaN. IEEE 754-2019 5.4.1 (fusedMultiplyAdd, addition, subtraction, multiplication).
#pragma once

#include <cstdint>

#include "tandem/numerics/bits.hpp"

namespace tandem::numerics {

namespace detail {

/// a * b + c with one rounding in double arithmetic: the product of two fp32 numbers is exact in
/// double, TwoSum gives the error of the addition, and rounding the sum to odd makes the final
/// rounding to fp32 correct (53 >= 24 + 2 bits; Boldo and Melquiond, "Emulation of FMA and
/// correctly rounded sums", IEEE TC 57(4), 2008). No library call, so it vectorises.
TANDEM_HD_INLINE constexpr float fma_through_double(float a, float b, float c) {
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const double addend = c;
  const double sum = product + addend;
  const double back = sum - product;
  const double error = (product - (sum - back)) + (addend - back);
  const auto bits = __builtin_bit_cast(std::int64_t, sum);
  const auto error_bits = __builtin_bit_cast(std::int64_t, error);
  // An even sum moves one step towards the exact value if it is inexact: down in magnitude where
  // the signs differ, else up. With infinities and NaN the error is NaN and the sum stays.
  const bool inexact = (error < 0.0) | (error > 0.0);
  const std::int64_t step = ((bits ^ error_bits) < 0 ? -1 : 1) & ((bits & 1) - 1);
  const std::int64_t odd = bits + (inexact ? step : 0);
  return static_cast<float>(__builtin_bit_cast(double, odd));
}

}  // namespace detail

/// a * b + c, rounded once; any NaN result is 7FC00000. inf * 0 + NaN is that NaN too.
TANDEM_HD_INLINE float fma32(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
  return canonical(__fmaf_rn(a, b, c));
#elif defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__)
  return canonical(__builtin_fmaf(a, b, c));
#else
  return canonical(detail::fma_through_double(a, b, c));
#endif
}

/// c - a * b, rounded once.
TANDEM_HD_INLINE float fnma32(float a, float b, float c) { return fma32(-a, b, c); }

/// a + b: the bits of fma32(a, 1, b).
TANDEM_HD_INLINE float add32(float a, float b) {
#if defined(__CUDA_ARCH__)
  return canonical(__fadd_rn(a, b));
#else
  return canonical(a + b);
#endif
}

/// a - b: the bits of fma32(b, -1, a).
TANDEM_HD_INLINE float sub32(float a, float b) {
#if defined(__CUDA_ARCH__)
  return canonical(__fsub_rn(a, b));
#else
  return canonical(a - b);
#endif
}

/// a * b: the bits of fma32(a, b, -0) (adding -0 changes nothing, not even the sign of a zero).
TANDEM_HD_INLINE float mul32(float a, float b) {
#if defined(__CUDA_ARCH__)
  return canonical(__fmul_rn(a, b));
#else
  return canonical(a * b);
#endif
}

/// One step of a matrix output's chain: the bits of fma32(a, b, acc) for a and b in E8M10 (see
/// to_e8m10). A chain runs over k in ascending order from +0, the bias or the old C, and is never
/// split.
TANDEM_HD_INLINE float chain_step(float a, float b, float acc) {
#if defined(__CUDA_ARCH__) || defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__)
  return fma32(a, b, acc);
#else
  // The product of two 11-bit significands has 22 bits. Where acc and it overlap or lie within a
  // rounding of each other, their sum has at most 24 + 22 + 1 bits and is exact in double; farther
  // apart, the smaller one is too small to reach a midpoint of fp32. So no double rounding.
  const double sum = static_cast<double>(a) * static_cast<double>(b) + static_cast<double>(acc);
  return canonical(static_cast<float>(sum));
#endif
}

namespace detail {

/// Sign, exponent and significand with value = significand x 2^exponent; 24-bit significand with
/// its leading one at bit 23 unless zero.
struct Unpacked {
  bool negative;
  int exponent;
  std::uint64_t significand;
};

TANDEM_HD_INLINE constexpr Unpacked unpack(std::uint32_t bits) {
  const std::uint32_t field = (bits >> 23) & 0xFFu;
  std::uint32_t significand = bits & 0x7FFFFFu;
  int exponent = -149;
  if (field != 0) {
    significand |= 0x800000u;
    exponent = static_cast<int>(field) - 150;
  } else if (significand != 0) {
    const int places = static_cast<int>(count_leading_zeros(significand)) - 8;
    significand <<= places;
    exponent -= places;
  }
  return {(bits & kF32SignBit) != 0, exponent, significand};
}

/// Rounds significand x 2^exponent (significand below 2^63; bit 0 may be sticky when it is above
/// 2^26) to fp32.
TANDEM_HD_INLINE constexpr std::uint32_t round_pack(bool negative, int exponent,
                                                    std::uint64_t significand) {
  const std::uint32_t sign = negative ? kF32SignBit : 0u;
  if (significand == 0) return sign;
  const auto high = static_cast<std::uint32_t>(significand >> 32);
  const int zeros = static_cast<int>(
      high != 0 ? count_leading_zeros(high)
                : 32u + count_leading_zeros(static_cast<std::uint32_t>(significand)));
  const int top = exponent + 63 - zeros;  // exponent of the leading one
  if (top > 127) return sign | kF32Inf;
  // Unit of the result's last place: 2^(top - 23), but never below 2^-149.
  const int unit = top - 23 < -149 ? -149 : top - 23;
  const int shift = unit - exponent;
  std::uint64_t whole = 0;
  if (shift <= 0) {
    whole = significand << -shift;
  } else if (shift < 64) {
    const std::uint64_t rest = significand & ((std::uint64_t{1} << shift) - 1u);
    const std::uint64_t half = std::uint64_t{1} << (shift - 1);
    whole = significand >> shift;
    whole += (rest > half || (rest == half && (whole & 1u) != 0)) ? 1u : 0u;
  }
  // A carry out of the significand moves into the exponent field by itself, up to infinity.
  const std::uint32_t field =
      unit == -149 && whole < 0x800000u ? 0u : static_cast<std::uint32_t>(unit + 150);
  return sign | (field == 0 ? static_cast<std::uint32_t>(whole)
                            : (field << 23) + static_cast<std::uint32_t>(whole - 0x800000u));
}

}  // namespace detail

/// fma32 in integer arithmetic alone, on patterns: the proof partner of the floating-point paths
/// (it depends on no rounding mode, compiler flag or library) and the text that hardware follows.
TANDEM_HD_INLINE constexpr std::uint32_t soft_fma32(std::uint32_t a, std::uint32_t b,
                                                    std::uint32_t c) {
  const bool product_negative = ((a ^ b) & kF32SignBit) != 0;
  const bool a_inf = (a & kF32AbsMask) == kF32Inf;
  const bool b_inf = (b & kF32AbsMask) == kF32Inf;
  const bool c_inf = (c & kF32AbsMask) == kF32Inf;
  if (is_nan_bits(a) || is_nan_bits(b) || is_nan_bits(c)) return kF32Nan;
  if (a_inf || b_inf) {
    if ((a & kF32AbsMask) == 0 || (b & kF32AbsMask) == 0) return kF32Nan;
    if (c_inf && ((c & kF32SignBit) != 0) != product_negative) return kF32Nan;
    return kF32Inf | (product_negative ? kF32SignBit : 0u);
  }
  if (c_inf) return c;
  const detail::Unpacked x = detail::unpack(a);
  const detail::Unpacked y = detail::unpack(b);
  const detail::Unpacked z = detail::unpack(c);
  // Both terms with the leading one at bits 60..61, so three guard bits and more lie below the
  // 24 bits of the result even after one bit of cancellation.
  std::uint64_t product = (x.significand * y.significand) << 14;
  int product_exponent = x.exponent + y.exponent - 14;
  std::uint64_t addend = z.significand << 37;
  int addend_exponent = z.exponent - 37;
  if (product == 0 && addend == 0) {
    return product_negative && z.negative ? kF32NegZero : 0u;  // nearest even: +0 unless both -0
  }
  if (product == 0) return detail::round_pack(z.negative, addend_exponent, addend);
  if (addend == 0) return detail::round_pack(product_negative, product_exponent, product);
  // Align the smaller exponent to the larger; what falls off is kept as a sticky bit 0.
  const int distance = product_exponent - addend_exponent;
  std::uint64_t* const shifted = distance > 0 ? &addend : &product;
  const int places = distance > 0 ? distance : -distance;
  if (places > 62) {
    *shifted = 1;
  } else if (places > 0) {
    const std::uint64_t lost = *shifted & ((std::uint64_t{1} << places) - 1u);
    *shifted = (*shifted >> places) | (lost != 0 ? 1u : 0u);
  }
  const int exponent = distance > 0 ? product_exponent : addend_exponent;
  if (product_negative == z.negative) {
    return detail::round_pack(product_negative, exponent, product + addend);
  }
  if (product == addend) return 0u;
  return product > addend ? detail::round_pack(product_negative, exponent, product - addend)
                          : detail::round_pack(z.negative, exponent, addend - product);
}

}  // namespace tandem::numerics

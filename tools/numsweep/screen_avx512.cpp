// SPDX-License-Identifier: Apache-2.0
// The screen on AVX-512: references by libmvec (within 4 ulp of double), errors eight at a time.
#include <immintrin.h>

#include "screen.hpp"

// glibc's vector variants (libmvec, since 2.35), by the names of the x86-64 vector function ABI.
extern "C" {
__m512d _ZGVeN8v_exp(__m512d);
__m512d _ZGVeN8v_exp2(__m512d);
__m512d _ZGVeN8v_expm1(__m512d);
__m512d _ZGVeN8v_log(__m512d);
__m512d _ZGVeN8v_log2(__m512d);
__m512d _ZGVeN8v_sin(__m512d);
__m512d _ZGVeN8v_cos(__m512d);
__m512d _ZGVeN8v_tanh(__m512d);
__m512d _ZGVeN8v_erf(__m512d);
__m512d _ZGVeN8v_erfc(__m512d);
}

namespace tandem::numsweep {

namespace {

__m512d number(double x) { return _mm512_set1_pd(x); }
__m512d negated(__m512d x) { return _mm512_sub_pd(number(-0.0), x); }

/// x / (1 + e^-z).
__m512d times_logistic(__m512d x, __m512d z) {
  const __m512d d = _mm512_add_pd(number(1), _ZGVeN8v_exp(negated(z)));
  return _mm512_div_pd(x, d);
}

__m512d cubed_argument(__m512d x) {
  const __m512d square = _mm512_mul_pd(x, x);
  const __m512d inner = _mm512_fmadd_pd(square, number(0.044715), number(1));
  return _mm512_mul_pd(_mm512_mul_pd(x, inner), number(1.5957691216057307118));
}

/// As double_reference(), except that -inf may give NaN where that gives the limit.
__m512d reference(FunctionId id, __m512d x) {
  switch (id) {
    case FunctionId::kExp:
    case FunctionId::kExpNonpositive:
      return _ZGVeN8v_exp(x);
    case FunctionId::kExp2:
      return _ZGVeN8v_exp2(x);
    case FunctionId::kLog:
      return _ZGVeN8v_log(x);
    case FunctionId::kLog2:
      return _ZGVeN8v_log2(x);
    case FunctionId::kRecip:
    case FunctionId::kDivOne:
      return _mm512_div_pd(number(1), x);
    case FunctionId::kSqrt:
      return _mm512_sqrt_pd(x);
    case FunctionId::kRsqrt:
      return _mm512_div_pd(number(1), _mm512_sqrt_pd(x));
    case FunctionId::kSin:
      return _ZGVeN8v_sin(x);
    case FunctionId::kCos:
      return _ZGVeN8v_cos(x);
    case FunctionId::kTanh:
      return _ZGVeN8v_tanh(x);
    case FunctionId::kErf:
      return _ZGVeN8v_erf(x);
    case FunctionId::kSigmoid:
      return times_logistic(number(1), x);
    case FunctionId::kSilu:
      return times_logistic(x, x);
    case FunctionId::kGelu: {
      const __m512d z = _mm512_mul_pd(x, number(-0.70710678118654752440));
      return _mm512_mul_pd(x, _mm512_mul_pd(number(0.5), _ZGVeN8v_erfc(z)));
    }
    case FunctionId::kGeluTanh:
      return times_logistic(x, cubed_argument(x));
    case FunctionId::kElu: {
      const __mmask8 negative = _mm512_cmp_pd_mask(x, number(0), _CMP_LT_OQ);
      return _mm512_mask_mov_pd(x, negative, _ZGVeN8v_expm1(x));
    }
    case FunctionId::kRelu:
      return _mm512_max_pd(number(0), x);  // NaN and -0: the second operand, looked at again
    case FunctionId::kSqr:
      return _mm512_mul_pd(x, x);
    default:
      return number(__builtin_nan(""));
  }
}

/// 2^exponent of the place of fp32's last bit at |r|, and its inverse.
struct Unit {
  __m512d ulp;
  __m512d inverse;
};
Unit unit_of(__m512d r) {
  const __m512i field =
      _mm512_and_si512(_mm512_srli_epi64(_mm512_castpd_si512(r), 52), _mm512_set1_epi64(0x7FF));
  const __m512i low = _mm512_max_epi64(field, _mm512_set1_epi64(1023 - 126));
  const __m512i clamped = _mm512_min_epi64(low, _mm512_set1_epi64(1023 + 127));
  const __m512i ulp = _mm512_sub_epi64(clamped, _mm512_set1_epi64(23));
  const __m512i inverse = _mm512_sub_epi64(_mm512_set1_epi64(2046), ulp);
  return {_mm512_castsi512_pd(_mm512_slli_epi64(ulp, 52)),
          _mm512_castsi512_pd(_mm512_slli_epi64(inverse, 52))};
}

__mmask8 sign_mask(__m512d x) { return _mm512_movepi64_mask(_mm512_castpd_si512(x)); }

/// The lanes that need a closer look.
__mmask8 suspects_of(const Function& function, const Thresholds& thresholds, __m256i x_bits,
                     __m256i y_bits) {
  const __m512d x = _mm512_cvtps_pd(_mm256_castsi256_ps(x_bits));
  const __m512d y = _mm512_cvtps_pd(_mm256_castsi256_ps(y_bits));
  const __m512d r = reference(function.id, x);
  // Both NaN (y canonical), both the same infinity or the same zero: settled.
  const __mmask8 nan = _mm512_cmp_pd_mask(r, r, _CMP_UNORD_Q);
  const __mmask8 canonical = _mm256_cmpeq_epi32_mask(y_bits, _mm256_set1_epi32(0x7FC00000));
  const auto signs_differ = static_cast<__mmask8>(sign_mask(r) ^ sign_mask(y));
  const __m512d unsigned_r = _mm512_abs_pd(r);
  const __mmask8 overflow = _mm512_cmp_pd_mask(unsigned_r, number(0x1.FFFFFFp127), _CMP_GE_OQ);
  const __mmask8 infinite =
      _mm512_cmp_pd_mask(_mm512_abs_pd(y), number(__builtin_inf()), _CMP_EQ_OQ);
  const __mmask8 zero = _mm512_cmp_pd_mask(r, number(0), _CMP_EQ_OQ);
  const __mmask8 y_zero = _mm512_cmp_pd_mask(y, number(0), _CMP_EQ_OQ);
  const auto same_sign = static_cast<__mmask8>(~signs_differ);
  const auto settled = static_cast<__mmask8>((nan & canonical) | (overflow & infinite & same_sign) |
                                             (zero & y_zero & same_sign));
  // Everything else: the error, unless it is not a number; that stays suspect.
  const __m512d error = _mm512_abs_pd(_mm512_sub_pd(y, r));
  const Unit unit = unit_of(r);
  const __m512d in_ulp = _mm512_mul_pd(error, unit.inverse);
  const __m512d unsigned_x = _mm512_abs_pd(x);
  const __mmask8 moderate = _mm512_cmp_pd_mask(unsigned_x, number(20), _CMP_LE_OQ);
  const __m512d extra = _mm512_maskz_mul_pd(moderate, unsigned_x, number(function.relative_to_x));
  const __m512d bound = _mm512_add_pd(_mm512_fmadd_pd(unit.ulp, number(function.ulp), extra),
                                      number(function.absolute));
  const __m512d limit = _mm512_mul_pd(bound, number(thresholds.of_bound - kDoubt));
  const __mmask8 small_ulp =
      _mm512_cmp_pd_mask(in_ulp, number(thresholds.ulp - kDoubt), _CMP_LE_OQ);
  const __mmask8 small_share = _mm512_cmp_pd_mask(error, limit, _CMP_LE_OQ);
  const __mmask8 none = _mm512_cmp_pd_mask(error, number(0), _CMP_EQ_OQ);
  const auto fine = static_cast<__mmask8>(((small_ulp & small_share) | none) & same_sign & ~zero);
  auto result = static_cast<__mmask8>(~(settled | fine));
  if (function.nonpositive) {
    result &= _mm512_cmp_pd_mask(x, number(0), _CMP_NGT_UQ);
  }
  return result;
}

}  // namespace

std::size_t screen_avx512(const Function& function, const Thresholds& thresholds,
                          const std::uint32_t* x, const std::uint32_t* y, std::size_t count,
                          std::uint32_t* suspects) {
  std::uint32_t* end = suspects;
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i x_bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    const __m256i y_bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(y + i));
    unsigned mask = suspects_of(function, thresholds, x_bits, y_bits);
    for (; mask != 0; mask &= mask - 1) {
      *end++ = static_cast<std::uint32_t>(i) + static_cast<std::uint32_t>(__builtin_ctz(mask));
    }
  }
  for (; i < count; ++i) *end++ = static_cast<std::uint32_t>(i);
  return static_cast<std::size_t>(end - suspects);
}

}  // namespace tandem::numsweep

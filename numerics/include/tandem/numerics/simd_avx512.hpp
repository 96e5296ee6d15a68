// SPDX-License-Identifier: Apache-2.0
// Sixteen micro-program lanes in an AVX-512 register. Included through simd.hpp.
#pragma once

#if defined(__AVX512F__) && defined(__AVX512CD__) && defined(__AVX512DQ__)
#define TANDEM_NUMERICS_AVX512 1

#include <immintrin.h>

#include <cstdint>

#include "tandem/numerics/micro_ops.hpp"

namespace tandem::numerics {

namespace detail {

/// Intrinsics below are taken in their zero-masking form with all lanes on: the same instructions,
/// but GCC 12's plain forms read an undefined register, which -Wmaybe-uninitialized reports.
inline constexpr __mmask16 kAll = 0xFFFF;
inline constexpr __mmask8 kAllWide = 0xFF;

}  // namespace detail

struct Bits32x16 {
  static constexpr int kLanes = 16;

  __m512i bits;

  TANDEM_HD_INLINE static Bits32x16 imm(std::uint32_t value) {
    return {_mm512_set1_epi32(static_cast<int>(value))};
  }
  /// Sixteen patterns from or to `p`, no alignment needed.
  TANDEM_HD_INLINE static Bits32x16 load(const std::uint32_t* p) { return {_mm512_loadu_si512(p)}; }
  TANDEM_HD_INLINE void store(std::uint32_t* p) const { _mm512_storeu_si512(p, bits); }

  TANDEM_HD_INLINE static Bits32x16 of(__m512 value) { return {_mm512_castps_si512(value)}; }
  TANDEM_HD_INLINE static Bits32x16 of_mask(__mmask16 mask) { return {_mm512_movm_epi32(mask)}; }
  TANDEM_HD_INLINE __m512 value() const { return _mm512_castsi512_ps(bits); }
  TANDEM_HD_INLINE __mmask16 mask() const { return _mm512_test_epi32_mask(bits, bits); }
};

namespace detail {

/// Any NaN becomes 7FC00000, in one instruction: VFIXUPIMM keeps its destination (the constant)
/// for the two NaN classes, table nibbles 0, and takes the source for the other six, nibbles 1.
TANDEM_HD_INLINE Bits32x16 canonical16(__m512 x) {
  const __m512 nan = _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(kF32Nan)));
  return Bits32x16::of(_mm512_fixupimm_ps(nan, x, _mm512_set1_epi32(0x11111100), 0));
}

}  // namespace detail

TANDEM_HD_INLINE Bits32x16 fma(Bits32x16 a, Bits32x16 b, Bits32x16 c) {
  return detail::canonical16(_mm512_fmadd_ps(a.value(), b.value(), c.value()));
}
TANDEM_HD_INLINE Bits32x16 fnma(Bits32x16 a, Bits32x16 b, Bits32x16 c) {
  return detail::canonical16(_mm512_fnmadd_ps(a.value(), b.value(), c.value()));
}
TANDEM_HD_INLINE Bits32x16 add(Bits32x16 a, Bits32x16 b) {
  return detail::canonical16(_mm512_add_ps(a.value(), b.value()));
}
TANDEM_HD_INLINE Bits32x16 sub(Bits32x16 a, Bits32x16 b) {
  return detail::canonical16(_mm512_sub_ps(a.value(), b.value()));
}
TANDEM_HD_INLINE Bits32x16 mul(Bits32x16 a, Bits32x16 b) {
  return detail::canonical16(_mm512_mul_ps(a.value(), b.value()));
}
// VRANGE orders -0 below +0 but prefers a number to a quiet NaN, so NaN is put in by the mask.
// Its control 4 is minimum and 5 maximum, both with the sign of the chosen operand.
TANDEM_HD_INLINE Bits32x16 fmin(Bits32x16 a, Bits32x16 b) {
  const __mmask16 nan = _mm512_cmp_ps_mask(a.value(), b.value(), _CMP_UNORD_Q);
  const __m512i least =
      _mm512_castps_si512(_mm512_maskz_range_ps(detail::kAll, a.value(), b.value(), 4));
  return {_mm512_mask_mov_epi32(least, nan, _mm512_set1_epi32(static_cast<int>(kF32Nan)))};
}
TANDEM_HD_INLINE Bits32x16 fmax(Bits32x16 a, Bits32x16 b) {
  const __mmask16 nan = _mm512_cmp_ps_mask(a.value(), b.value(), _CMP_UNORD_Q);
  const __m512i most =
      _mm512_castps_si512(_mm512_maskz_range_ps(detail::kAll, a.value(), b.value(), 5));
  return {_mm512_mask_mov_epi32(most, nan, _mm512_set1_epi32(static_cast<int>(kF32Nan)))};
}
TANDEM_HD_INLINE Bits32x16 fclt(Bits32x16 a, Bits32x16 b) {
  return Bits32x16::of_mask(_mm512_cmp_ps_mask(a.value(), b.value(), _CMP_LT_OQ));
}
TANDEM_HD_INLINE Bits32x16 fcle(Bits32x16 a, Bits32x16 b) {
  return Bits32x16::of_mask(_mm512_cmp_ps_mask(a.value(), b.value(), _CMP_LE_OQ));
}
TANDEM_HD_INLINE Bits32x16 fceq(Bits32x16 a, Bits32x16 b) {
  return Bits32x16::of_mask(_mm512_cmp_ps_mask(a.value(), b.value(), _CMP_EQ_OQ));
}
TANDEM_HD_INLINE Bits32x16 sel(Bits32x16 mask, Bits32x16 a, Bits32x16 b) {
  return {_mm512_mask_mov_epi32(b.bits, mask.mask(), a.bits)};
}
TANDEM_HD_INLINE Bits32x16 and_(Bits32x16 a, Bits32x16 b) {
  return {_mm512_and_si512(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x16 or_(Bits32x16 a, Bits32x16 b) {
  return {_mm512_or_si512(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x16 xor_(Bits32x16 a, Bits32x16 b) {
  return {_mm512_xor_si512(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x16 shl(Bits32x16 a, Bits32x16 b) {
  return {_mm512_maskz_sllv_epi32(detail::kAll, a.bits,
                                  _mm512_and_si512(b.bits, _mm512_set1_epi32(31)))};
}
TANDEM_HD_INLINE Bits32x16 shr(Bits32x16 a, Bits32x16 b) {
  return {_mm512_maskz_srlv_epi32(detail::kAll, a.bits,
                                  _mm512_and_si512(b.bits, _mm512_set1_epi32(31)))};
}
TANDEM_HD_INLINE Bits32x16 sar(Bits32x16 a, Bits32x16 b) {
  return {_mm512_maskz_srav_epi32(detail::kAll, a.bits,
                                  _mm512_and_si512(b.bits, _mm512_set1_epi32(31)))};
}
TANDEM_HD_INLINE Bits32x16 iadd(Bits32x16 a, Bits32x16 b) {
  return {_mm512_add_epi32(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x16 isub(Bits32x16 a, Bits32x16 b) {
  return {_mm512_sub_epi32(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x16 ilt(Bits32x16 a, Bits32x16 b) {
  return Bits32x16::of_mask(_mm512_cmplt_epi32_mask(a.bits, b.bits));
}
TANDEM_HD_INLINE Bits32x16 ult(Bits32x16 a, Bits32x16 b) {
  return Bits32x16::of_mask(_mm512_cmplt_epu32_mask(a.bits, b.bits));
}
TANDEM_HD_INLINE Bits32x16 ieq(Bits32x16 a, Bits32x16 b) {
  return Bits32x16::of_mask(_mm512_cmpeq_epi32_mask(a.bits, b.bits));
}
TANDEM_HD_INLINE Bits32x16 mull(Bits32x16 a, Bits32x16 b) {
  return {_mm512_mullo_epi32(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x16 mulh(Bits32x16 a, Bits32x16 b) {
  const __m512i even = _mm512_maskz_srli_epi64(
      detail::kAllWide, _mm512_maskz_mul_epu32(detail::kAllWide, a.bits, b.bits), 32);
  const __m512i odd = _mm512_maskz_mul_epu32(detail::kAllWide,
                                             _mm512_maskz_srli_epi64(detail::kAllWide, a.bits, 32),
                                             _mm512_maskz_srli_epi64(detail::kAllWide, b.bits, 32));
  return {_mm512_mask_mov_epi32(even, 0xAAAA, odd)};
}
TANDEM_HD_INLINE Bits32x16 clz(Bits32x16 a) {
  return {_mm512_maskz_lzcnt_epi32(detail::kAll, a.bits)};
}
TANDEM_HD_INLINE Bits32x16 i2f(Bits32x16 a) {
  return Bits32x16::of(_mm512_maskz_cvtepi32_ps(detail::kAll, a.bits));
}

namespace detail {

/// The processor gives 80000000 for everything out of range: right for negative numbers only.
TANDEM_HD_INLINE Bits32x16 saturated16(__m512 x, __m512i converted) {
  const __mmask16 high = _mm512_cmp_ps_mask(x, _mm512_set1_ps(0x1p31f), _CMP_GE_OQ);
  const __mmask16 number = _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q);
  const __m512i bounded = _mm512_mask_mov_epi32(converted, high, _mm512_set1_epi32(0x7FFFFFFF));
  return {_mm512_maskz_mov_epi32(number, bounded)};
}

}  // namespace detail

TANDEM_HD_INLINE Bits32x16 f2i(Bits32x16 a) {
  return detail::saturated16(
      a.value(), _mm512_maskz_cvt_roundps_epi32(detail::kAll, a.value(),
                                                _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
TANDEM_HD_INLINE Bits32x16 f2t(Bits32x16 a) {
  return detail::saturated16(a.value(), _mm512_maskz_cvttps_epi32(detail::kAll, a.value()));
}

static_assert(MicroOps<Bits32x16>);

}  // namespace tandem::numerics

#endif  // TANDEM_NUMERICS_AVX512

// SPDX-License-Identifier: Apache-2.0
// Eight micro-program lanes in an AVX2 register (with FMA). Included through simd.hpp.
#pragma once

#if defined(__AVX2__) && defined(__FMA__)
#define TANDEM_NUMERICS_AVX2 1

#include <immintrin.h>

#include <cstdint>

#include "tandem/numerics/micro_ops.hpp"

namespace tandem::numerics {

struct Bits32x8 {
  static constexpr int kLanes = 8;

  __m256i bits;

  TANDEM_HD_INLINE static Bits32x8 imm(std::uint32_t value) {
    return {_mm256_set1_epi32(static_cast<int>(value))};
  }
  /// Eight patterns from or to `p`, no alignment needed.
  TANDEM_HD_INLINE static Bits32x8 load(const std::uint32_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
  }
  TANDEM_HD_INLINE void store(std::uint32_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bits);
  }

  TANDEM_HD_INLINE static Bits32x8 of(__m256 value) { return {_mm256_castps_si256(value)}; }
  TANDEM_HD_INLINE __m256 value() const { return _mm256_castsi256_ps(bits); }
};

namespace detail {

TANDEM_HD_INLINE __m256 nan8() {
  return _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(kF32Nan)));
}

/// Any NaN becomes 7FC00000.
TANDEM_HD_INLINE Bits32x8 canonical8(__m256 x) {
  return Bits32x8::of(_mm256_blendv_ps(x, nan8(), _mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
}

TANDEM_HD_INLINE __m256i low5(__m256i x) { return _mm256_and_si256(x, _mm256_set1_epi32(31)); }

TANDEM_HD_INLINE __m256i flip_top(__m256i x) {
  return _mm256_xor_si256(x, _mm256_set1_epi32(static_cast<int>(0x80000000u)));
}

}  // namespace detail

TANDEM_HD_INLINE Bits32x8 fma(Bits32x8 a, Bits32x8 b, Bits32x8 c) {
  return detail::canonical8(_mm256_fmadd_ps(a.value(), b.value(), c.value()));
}
TANDEM_HD_INLINE Bits32x8 fnma(Bits32x8 a, Bits32x8 b, Bits32x8 c) {
  return detail::canonical8(_mm256_fnmadd_ps(a.value(), b.value(), c.value()));
}
TANDEM_HD_INLINE Bits32x8 add(Bits32x8 a, Bits32x8 b) {
  return detail::canonical8(_mm256_add_ps(a.value(), b.value()));
}
TANDEM_HD_INLINE Bits32x8 sub(Bits32x8 a, Bits32x8 b) {
  return detail::canonical8(_mm256_sub_ps(a.value(), b.value()));
}
TANDEM_HD_INLINE Bits32x8 mul(Bits32x8 a, Bits32x8 b) {
  return detail::canonical8(_mm256_mul_ps(a.value(), b.value()));
}
// MINPS and MAXPS give the second operand for equal zeros and for NaN. Both orders together give
// both zeros: or-ing them is -0, and-ing +0; equal or single numbers stay as they are.
TANDEM_HD_INLINE Bits32x8 fmin(Bits32x8 a, Bits32x8 b) {
  const __m256 least =
      _mm256_or_ps(_mm256_min_ps(a.value(), b.value()), _mm256_min_ps(b.value(), a.value()));
  return detail::canonical8(least);  // a NaN or-ed with anything is a NaN
}
TANDEM_HD_INLINE Bits32x8 fmax(Bits32x8 a, Bits32x8 b) {
  const __m256 most =
      _mm256_and_ps(_mm256_max_ps(a.value(), b.value()), _mm256_max_ps(b.value(), a.value()));
  const __m256 nan = _mm256_cmp_ps(a.value(), b.value(), _CMP_UNORD_Q);
  return Bits32x8::of(_mm256_blendv_ps(most, detail::nan8(), nan));
}
TANDEM_HD_INLINE Bits32x8 fclt(Bits32x8 a, Bits32x8 b) {
  return Bits32x8::of(_mm256_cmp_ps(a.value(), b.value(), _CMP_LT_OQ));
}
TANDEM_HD_INLINE Bits32x8 fcle(Bits32x8 a, Bits32x8 b) {
  return Bits32x8::of(_mm256_cmp_ps(a.value(), b.value(), _CMP_LE_OQ));
}
TANDEM_HD_INLINE Bits32x8 fceq(Bits32x8 a, Bits32x8 b) {
  return Bits32x8::of(_mm256_cmp_ps(a.value(), b.value(), _CMP_EQ_OQ));
}
TANDEM_HD_INLINE Bits32x8 sel(Bits32x8 mask, Bits32x8 a, Bits32x8 b) {
  // Any non-zero mask selects a, so compare with zero instead of taking the top bit.
  const __m256i zero = _mm256_cmpeq_epi32(mask.bits, _mm256_setzero_si256());
  return {_mm256_blendv_epi8(a.bits, b.bits, zero)};
}
TANDEM_HD_INLINE Bits32x8 and_(Bits32x8 a, Bits32x8 b) {
  return {_mm256_and_si256(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x8 or_(Bits32x8 a, Bits32x8 b) { return {_mm256_or_si256(a.bits, b.bits)}; }
TANDEM_HD_INLINE Bits32x8 xor_(Bits32x8 a, Bits32x8 b) {
  return {_mm256_xor_si256(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x8 shl(Bits32x8 a, Bits32x8 b) {
  return {_mm256_sllv_epi32(a.bits, detail::low5(b.bits))};
}
TANDEM_HD_INLINE Bits32x8 shr(Bits32x8 a, Bits32x8 b) {
  return {_mm256_srlv_epi32(a.bits, detail::low5(b.bits))};
}
TANDEM_HD_INLINE Bits32x8 sar(Bits32x8 a, Bits32x8 b) {
  return {_mm256_srav_epi32(a.bits, detail::low5(b.bits))};
}
TANDEM_HD_INLINE Bits32x8 iadd(Bits32x8 a, Bits32x8 b) {
  return {_mm256_add_epi32(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x8 isub(Bits32x8 a, Bits32x8 b) {
  return {_mm256_sub_epi32(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x8 ilt(Bits32x8 a, Bits32x8 b) {
  return {_mm256_cmpgt_epi32(b.bits, a.bits)};
}
TANDEM_HD_INLINE Bits32x8 ult(Bits32x8 a, Bits32x8 b) {
  return {_mm256_cmpgt_epi32(detail::flip_top(b.bits), detail::flip_top(a.bits))};
}
TANDEM_HD_INLINE Bits32x8 ieq(Bits32x8 a, Bits32x8 b) {
  return {_mm256_cmpeq_epi32(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x8 mull(Bits32x8 a, Bits32x8 b) {
  return {_mm256_mullo_epi32(a.bits, b.bits)};
}
TANDEM_HD_INLINE Bits32x8 mulh(Bits32x8 a, Bits32x8 b) {
  const __m256i even = _mm256_srli_epi64(_mm256_mul_epu32(a.bits, b.bits), 32);
  const __m256i odd =
      _mm256_mul_epu32(_mm256_srli_epi64(a.bits, 32), _mm256_srli_epi64(b.bits, 32));
  return {_mm256_blend_epi32(even, odd, 0xAA)};
}
TANDEM_HD_INLINE Bits32x8 clz(Bits32x8 a) {
  // The exponent of the number as fp32. Clearing the bits that could round up to the next power
  // of two leaves the leading one alone; a set top bit converts to a negative number, whose field
  // exceeds 158 and saturates to 0; zero has field 0, which is cut to 32.
  const __m256i cut = _mm256_andnot_si256(_mm256_srli_epi32(a.bits, 8), a.bits);
  const __m256i field = _mm256_srli_epi32(_mm256_castps_si256(_mm256_cvtepi32_ps(cut)), 23);
  const __m256i zeros = _mm256_subs_epu16(_mm256_set1_epi32(158), field);
  return {_mm256_min_epi16(zeros, _mm256_set1_epi32(32))};
}
TANDEM_HD_INLINE Bits32x8 i2f(Bits32x8 a) { return Bits32x8::of(_mm256_cvtepi32_ps(a.bits)); }

namespace detail {

/// The processor gives 80000000 for everything out of range: right for negative numbers only;
/// flipping all bits makes it 7FFFFFFF.
TANDEM_HD_INLINE Bits32x8 saturated8(__m256 x, __m256i converted) {
  const __m256 high = _mm256_cmp_ps(x, _mm256_set1_ps(0x1p31f), _CMP_GE_OQ);
  const __m256 number = _mm256_cmp_ps(x, x, _CMP_ORD_Q);
  const __m256i bounded = _mm256_xor_si256(converted, _mm256_castps_si256(high));
  return {_mm256_and_si256(bounded, _mm256_castps_si256(number))};
}

}  // namespace detail

TANDEM_HD_INLINE Bits32x8 f2i(Bits32x8 a) {
  return detail::saturated8(a.value(), _mm256_cvtps_epi32(a.value()));
}
TANDEM_HD_INLINE Bits32x8 f2t(Bits32x8 a) {
  return detail::saturated8(a.value(), _mm256_cvttps_epi32(a.value()));
}

static_assert(MicroOps<Bits32x8>);

}  // namespace tandem::numerics

#endif  // TANDEM_NUMERICS_AVX2

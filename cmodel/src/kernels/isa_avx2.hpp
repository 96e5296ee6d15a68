// SPDX-License-Identifier: Apache-2.0
// Vectors of 32-bit lanes on AVX2, FMA and F16C: the primitives that the kernel templates are
// written in, as in isa_avx512.hpp. Included by one translation unit only.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/inline.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::cmodel::avx2 {

using abi::Dtype;

inline constexpr int kWidth = 8;
inline constexpr int kTileRows = 3;
inline constexpr int kUnroll = 64;  ///< Of tile loops: accumulators live in registers.
/// Panels of a tile: enough accumulators to hide the latency of the FMA.
constexpr int panels_by_rows(int rows) { return rows == 1 ? 2 : 1; }
struct Vec {
  __m256i v;
};

TANDEM_CM_INLINE __m256 as_float(Vec a) { return _mm256_castsi256_ps(a.v); }
TANDEM_CM_INLINE Vec as_vec(__m256 a) { return {_mm256_castps_si256(a)}; }

TANDEM_CM_INLINE Vec load(const void* p) {
  return {_mm256_loadu_si256(static_cast<const __m256i*>(p))};
}
TANDEM_CM_INLINE void store(void* p, Vec a) { _mm256_storeu_si256(static_cast<__m256i*>(p), a.v); }
TANDEM_CM_INLINE Vec splat(std::uint32_t word) { return {_mm256_set1_epi32(int(word))}; }
TANDEM_CM_INLINE Vec broadcast(const void* p) {
  return as_vec(_mm256_broadcast_ss(static_cast<const float*>(p)));
}

TANDEM_CM_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return as_vec(_mm256_fmadd_ps(as_float(a), as_float(b), as_float(c)));
}
TANDEM_CM_INLINE Vec mul(Vec a, Vec b) { return as_vec(_mm256_mul_ps(as_float(a), as_float(b))); }
TANDEM_CM_INLINE Vec to_float(Vec a) { return as_vec(_mm256_cvtepi32_ps(a.v)); }
TANDEM_CM_INLINE Vec and_bits(Vec a, Vec b) { return {_mm256_and_si256(a.v, b.v)}; }
template <int kBits>
TANDEM_CM_INLINE Vec shift_right(Vec a) {
  return {_mm256_srli_epi32(a.v, kBits)};
}
TANDEM_CM_INLINE Vec multiply_pairs(Vec a, Vec b, Vec acc) {
  return {_mm256_add_epi32(acc.v, _mm256_madd_epi16(a.v, b.v))};
}
TANDEM_CM_INLINE Vec canonical(Vec a) {
  const __m256 nan = _mm256_cmp_ps(as_float(a), as_float(a), _CMP_UNORD_Q);
  const __m256 quiet = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FC00000));
  return as_vec(_mm256_blendv_ps(as_float(a), quiet, nan));
}
TANDEM_CM_INLINE Vec round_e8m10_finite(Vec a) {
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(a.v, 13), _mm256_set1_epi32(1));
  const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(a.v, odd), _mm256_set1_epi32(0x0FFF));
  return {_mm256_and_si256(sum, _mm256_set1_epi32(int(0xFFFFE000u)))};
}
TANDEM_CM_INLINE Vec round_e8m10(Vec a) { return round_e8m10_finite(canonical(a)); }

template <Dtype kType>
TANDEM_CM_INLINE Vec widen(const std::byte* p) {
  const auto load8 = [p] { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
  const auto load4 = [p] { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); };
  if constexpr (kType == Dtype::kF32 || kType == Dtype::kI32) {
    return load(p);
  } else if constexpr (kType == Dtype::kBF16) {
    return {_mm256_slli_epi32(_mm256_cvtepu16_epi32(load8()), 16)};
  } else if constexpr (kType == Dtype::kF16) {
    return as_vec(_mm256_cvtph_ps(load8()));
  } else if constexpr (kType == Dtype::kE5M2) {
    return as_vec(_mm256_cvtph_ps(_mm_slli_epi16(_mm_cvtepu8_epi16(load4()), 8)));
  } else if constexpr (kType == Dtype::kE4M3) {
    // The fields of e4m3 moved to those of f16 give the value times 2^-8, subnormals included.
    const __m128i wide = _mm_cvtepi8_epi16(load4());
    const __m128i half = _mm_and_si128(_mm_slli_epi16(wide, 7), _mm_set1_epi16(short(0xBF80)));
    const __m256 value = _mm256_mul_ps(_mm256_cvtph_ps(half), _mm256_set1_ps(256.0F));
    const __m128i magnitude = _mm_and_si128(load4(), _mm_set1_epi8(0x7F));
    const __m256i nan = _mm256_cvtepi8_epi32(_mm_cmpeq_epi8(magnitude, _mm_set1_epi8(0x7F)));
    const __m256 quiet = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FC00000));
    return as_vec(_mm256_blendv_ps(value, quiet, _mm256_castsi256_ps(nan)));
  } else if constexpr (kType == Dtype::kI8) {
    return {_mm256_cvtepi8_epi32(load4())};
  } else if constexpr (kType == Dtype::kU8) {
    return {_mm256_cvtepu8_epi32(load4())};
  } else if constexpr (kType == Dtype::kU16) {
    return {_mm256_cvtepu16_epi32(load8())};
  } else {
    static_assert(kType == Dtype::kI64);
    const __m256 low = as_float(load(p));
    const __m256 high = as_float(load(p + 32));
    const __m256i mixed = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0x88));
    return {_mm256_permute4x64_epi64(mixed, 0xD8)};
  }
}

template <Dtype kType>
TANDEM_CM_INLINE void narrow(std::byte* p, Vec a) {
  const auto store8 = [p](__m128i x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), x); };
  // The low 16 bits of each lane, packed.
  const auto pack16 = [](__m256i x) {
    const __m256i low = _mm256_and_si256(x, _mm256_set1_epi32(0xFFFF));
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08);
    return _mm256_castsi256_si128(packed);
  };
  if constexpr (kType == Dtype::kF32 || kType == Dtype::kI32) {
    store(p, a);
  } else if constexpr (kType == Dtype::kBF16) {
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(a.v, 16), _mm256_set1_epi32(1));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(a.v, odd), _mm256_set1_epi32(0x7FFF));
    store8(pack16(_mm256_srli_epi32(sum, 16)));
  } else if constexpr (kType == Dtype::kF16) {
    store8(_mm256_cvtps_ph(as_float(a), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  } else if constexpr (kType == Dtype::kI8 || kType == Dtype::kU8) {
    const __m128i half = _mm_and_si128(pack16(a.v), _mm_set1_epi16(0xFF));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(half, half));
  } else if constexpr (kType == Dtype::kU16) {
    store8(pack16(a.v));
  } else {
    static_assert(kType == Dtype::kI64);
    store(p, {_mm256_cvtepi32_epi64(_mm256_castsi256_si128(a.v))});
    store(p + 32, {_mm256_cvtepi32_epi64(_mm256_extracti128_si256(a.v, 1))});
  }
}

/// Bytes of two rows as pairs of 16-bit integers, the first row in the low halves.
TANDEM_CM_INLINE Vec pair_bytes(const std::byte* first, const std::byte* second) {
  const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(first));
  const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(second));
  return {_mm256_cvtepi8_epi16(_mm_unpacklo_epi8(low, high))};
}
/// Consecutive bytes as pairs of 16-bit integers.
TANDEM_CM_INLINE Vec widen_byte_pairs(const std::byte* p) {
  return {_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}

/// The low (0) or high (1) 16 bits of every lane as a bf16 or f16 number; kU16: as two signed bytes
/// that become a pair of 16-bit integers.
template <Dtype kType, int kHalf>
TANDEM_CM_INLINE Vec widen_half(Vec pairs) {
  if constexpr (kType == Dtype::kU16) {
    constexpr int kFrom = kHalf == 0 ? 0x01000000 : 0x03020200;  // to bytes 1 and 3
    const __m256i lane = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0C0C0C0C, 0, 0x04040404,
                                           0x08080808, 0x0C0C0C0C);
    const __m256i moved =
        _mm256_shuffle_epi8(pairs.v, _mm256_add_epi8(lane, _mm256_set1_epi32(kFrom)));
    return {_mm256_srai_epi16(moved, 8)};
  }
  if constexpr (kType == Dtype::kBF16) {
    if constexpr (kHalf == 0) return {_mm256_slli_epi32(pairs.v, 16)};
    return {_mm256_and_si256(pairs.v, _mm256_set1_epi32(int(0xFFFF0000u)))};
  } else {
    const __m256i half = kHalf == 0 ? _mm256_and_si256(pairs.v, _mm256_set1_epi32(0xFFFF))
                                    : _mm256_srli_epi32(pairs.v, 16);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(half, half), 0x08);
    return as_vec(_mm256_cvtph_ps(_mm256_castsi256_si128(packed)));
  }
}

/// The 32 4-bit numbers of a panel's row as fp32 in nibble order: of each 16 columns the even ones,
/// then the odd ones.
TANDEM_CM_INLINE void load_nibbles(const std::byte* p, Vec (&x)[4]) {
  for (int half = 0; half < 2; ++half) {
    const auto* source = reinterpret_cast<const __m128i*>(p + 8 * half);
    const __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(source));
    const __m256i low = _mm256_and_si256(bytes, _mm256_set1_epi32(15));
    x[2 * half] = as_vec(_mm256_cvtepi32_ps(low));
    x[2 * half + 1] = as_vec(_mm256_cvtepi32_ps(_mm256_srli_epi32(bytes, 4)));
  }
}
TANDEM_CM_INLINE void to_nibble_order(Vec (&x)[4]) {
  for (int i = 0; i < 4; i += 2) {
    const __m256d even =
        _mm256_castps_pd(_mm256_shuffle_ps(as_float(x[i]), as_float(x[i + 1]), 0x88));
    const __m256d odd =
        _mm256_castps_pd(_mm256_shuffle_ps(as_float(x[i]), as_float(x[i + 1]), 0xDD));
    x[i] = as_vec(_mm256_castpd_ps(_mm256_permute4x64_pd(even, 0xD8)));
    x[i + 1] = as_vec(_mm256_castpd_ps(_mm256_permute4x64_pd(odd, 0xD8)));
  }
}
TANDEM_CM_INLINE void from_nibble_order(Vec (&x)[4]) {
  for (int i = 0; i < 4; i += 2) {
    const __m256i low = _mm256_unpacklo_epi32(x[i].v, x[i + 1].v);
    const __m256i high = _mm256_unpackhi_epi32(x[i].v, x[i + 1].v);
    x[i] = {_mm256_permute2x128_si256(low, high, 0x20)};
    x[i + 1] = {_mm256_permute2x128_si256(low, high, 0x31)};
  }
}

template <class Get, class Put>
TANDEM_CM_INLINE void transpose(Get&& get, Put&& put) {
  __m256i u[8];  // u[4 i + c]: columns c, c + 4 of rows 4 i .. 4 i + 3
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    const __m256i r0 = get(i).v;
    const __m256i r1 = get(i + 1).v;
    const __m256i r2 = get(i + 2).v;
    const __m256i r3 = get(i + 3).v;
    const __m256i low01 = _mm256_unpacklo_epi32(r0, r1);
    const __m256i low23 = _mm256_unpacklo_epi32(r2, r3);
    const __m256i high01 = _mm256_unpackhi_epi32(r0, r1);
    const __m256i high23 = _mm256_unpackhi_epi32(r2, r3);
    u[i] = _mm256_unpacklo_epi64(low01, low23);
    u[i + 1] = _mm256_unpackhi_epi64(low01, low23);
    u[i + 2] = _mm256_unpacklo_epi64(high01, high23);
    u[i + 3] = _mm256_unpackhi_epi64(high01, high23);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    put(c, Vec{_mm256_permute2x128_si256(u[c], u[4 + c], 0x20)});
    put(c + 4, Vec{_mm256_permute2x128_si256(u[c], u[4 + c], 0x31)});
  }
}

struct WordSums {
  __m256i even = _mm256_setzero_si256();
  __m256i odd = _mm256_setzero_si256();
  __m256i even_running = _mm256_setzero_si256();
  __m256i odd_running = _mm256_setzero_si256();

  TANDEM_CM_INLINE void add(Vec words) {
    even = _mm256_add_epi64(even, _mm256_and_si256(words.v, _mm256_set1_epi64x(0xFFFFFFFF)));
    odd = _mm256_add_epi64(odd, _mm256_srli_epi64(words.v, 32));
    even_running = _mm256_add_epi64(even_running, even);
    odd_running = _mm256_add_epi64(odd_running, odd);
  }
  TANDEM_CM_INLINE void get(std::uint64_t (&sum)[kWidth], std::uint64_t (&running)[kWidth]) const {
    alignas(32) std::uint64_t lanes[4][4];
    store(lanes[0], {even});
    store(lanes[1], {odd});
    store(lanes[2], {even_running});
    store(lanes[3], {odd_running});
    for (int i = 0; i < kWidth; ++i) {
      sum[i] = lanes[i & 1][i / 2];
      running[i] = lanes[2 + (i & 1)][i / 2];
    }
  }
};

// ---- micro-operations: bits equal to the functions on numerics::Bits32 ----

namespace micro {

TANDEM_CM_INLINE Vec low5(Vec a) { return {_mm256_and_si256(a.v, _mm256_set1_epi32(31))}; }
TANDEM_CM_INLINE Vec blend(Vec no, Vec yes, Vec mask) {
  return {_mm256_blendv_epi8(no.v, yes.v, mask.v)};
}
template <int kPredicate>
TANDEM_CM_INLINE Vec compare(Vec a, Vec b) {
  return as_vec(_mm256_cmp_ps(as_float(a), as_float(b), kPredicate));
}

TANDEM_CM_INLINE Vec fma(Vec a, Vec b, Vec c) { return canonical(avx2::fma(a, b, c)); }
TANDEM_CM_INLINE Vec fnma(Vec a, Vec b, Vec c) {
  return canonical(as_vec(_mm256_fnmadd_ps(as_float(a), as_float(b), as_float(c))));
}
TANDEM_CM_INLINE Vec fadd(Vec a, Vec b) {
  return canonical(as_vec(_mm256_add_ps(as_float(a), as_float(b))));
}
TANDEM_CM_INLINE Vec fsub(Vec a, Vec b) {
  return canonical(as_vec(_mm256_sub_ps(as_float(a), as_float(b))));
}
TANDEM_CM_INLINE Vec fmul(Vec a, Vec b) { return canonical(mul(a, b)); }
/// Equal operands differ at most in the sign of zero: the minimum has either sign bit, the maximum
/// both.
TANDEM_CM_INLINE Vec fmin(Vec a, Vec b) {
  const Vec less = as_vec(_mm256_min_ps(as_float(a), as_float(b)));
  const Vec either = {_mm256_or_si256(a.v, b.v)};
  const Vec value = blend(less, either, compare<_CMP_EQ_OQ>(a, b));
  return blend(value, splat(0x7FC00000), compare<_CMP_UNORD_Q>(a, b));
}
TANDEM_CM_INLINE Vec fmax(Vec a, Vec b) {
  const Vec more = as_vec(_mm256_max_ps(as_float(a), as_float(b)));
  const Vec both = {_mm256_and_si256(a.v, b.v)};
  const Vec value = blend(more, both, compare<_CMP_EQ_OQ>(a, b));
  return blend(value, splat(0x7FC00000), compare<_CMP_UNORD_Q>(a, b));
}
TANDEM_CM_INLINE Vec fclt(Vec a, Vec b) { return compare<_CMP_LT_OQ>(a, b); }
TANDEM_CM_INLINE Vec fcle(Vec a, Vec b) { return compare<_CMP_LE_OQ>(a, b); }
TANDEM_CM_INLINE Vec fceq(Vec a, Vec b) { return compare<_CMP_EQ_OQ>(a, b); }
TANDEM_CM_INLINE Vec sel(Vec a, Vec b, Vec c) {
  return blend(b, c, {_mm256_cmpeq_epi32(a.v, _mm256_setzero_si256())});
}
TANDEM_CM_INLINE Vec and_(Vec a, Vec b) { return {_mm256_and_si256(a.v, b.v)}; }
TANDEM_CM_INLINE Vec or_(Vec a, Vec b) { return {_mm256_or_si256(a.v, b.v)}; }
TANDEM_CM_INLINE Vec xor_(Vec a, Vec b) { return {_mm256_xor_si256(a.v, b.v)}; }
TANDEM_CM_INLINE Vec shl(Vec a, Vec b) { return {_mm256_sllv_epi32(a.v, low5(b).v)}; }
TANDEM_CM_INLINE Vec shr(Vec a, Vec b) { return {_mm256_srlv_epi32(a.v, low5(b).v)}; }
TANDEM_CM_INLINE Vec sar(Vec a, Vec b) { return {_mm256_srav_epi32(a.v, low5(b).v)}; }
TANDEM_CM_INLINE Vec iadd(Vec a, Vec b) { return {_mm256_add_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec isub(Vec a, Vec b) { return {_mm256_sub_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec ilt(Vec a, Vec b) { return {_mm256_cmpgt_epi32(b.v, a.v)}; }
TANDEM_CM_INLINE Vec ult(Vec a, Vec b) {
  const Vec sign = splat(0x80000000u);
  return ilt(xor_(a, sign), xor_(b, sign));
}
TANDEM_CM_INLINE Vec ieq(Vec a, Vec b) { return {_mm256_cmpeq_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec imin(Vec a, Vec b) { return {_mm256_min_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec imax(Vec a, Vec b) { return {_mm256_max_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec mull(Vec a, Vec b) { return {_mm256_mullo_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec mulh(Vec a, Vec b) {
  const __m256i even = _mm256_srli_epi64(_mm256_mul_epu32(a.v, b.v), 32);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a.v, 32), _mm256_srli_epi64(b.v, 32));
  return {_mm256_blend_epi32(even, odd, 0xAA)};
}
/// From the exponent of a float; clearing the bit below the leading one keeps it from rounding up.
TANDEM_CM_INLINE Vec clz(Vec a) {
  const __m256i top = _mm256_andnot_si256(_mm256_srli_epi32(a.v, 1), a.v);
  const __m256i exponent = _mm256_srli_epi32(as_vec(_mm256_cvtepi32_ps(top)).v, 23);
  const __m256i zeros = _mm256_sub_epi32(_mm256_set1_epi32(158), exponent);
  const __m256i bounded = _mm256_min_epi32(zeros, _mm256_set1_epi32(32));
  return {_mm256_max_epi32(bounded, _mm256_setzero_si256())};
}
TANDEM_CM_INLINE Vec i2f(Vec a) { return to_float(a); }
/// The processor gives 80000000 for whatever does not fit.
TANDEM_CM_INLINE Vec saturate(Vec source, __m256i converted) {
  const Vec limit = as_vec(_mm256_set1_ps(0x1p31F));
  const Vec value = blend({converted}, splat(0x7FFFFFFF), compare<_CMP_GE_OQ>(source, limit));
  return and_(value, compare<_CMP_ORD_Q>(source, source));
}
TANDEM_CM_INLINE Vec f2i(Vec a) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return saturate(a, _mm256_cvttps_epi32(_mm256_round_ps(as_float(a), kNearest)));
}
TANDEM_CM_INLINE Vec f2t(Vec a) { return saturate(a, _mm256_cvttps_epi32(as_float(a))); }
TANDEM_CM_INLINE Vec tab(Vec a, const std::uint32_t* table) {
  const __m256i index = _mm256_and_si256(a.v, _mm256_set1_epi32(255));
  return {_mm256_i32gather_epi32(reinterpret_cast<const int*>(table), index, 4)};
}

}  // namespace micro

}  // namespace tandem::cmodel::avx2

// SPDX-License-Identifier: Apache-2.0
// Vectors of 32-bit lanes on AVX-512 (F, BW, CD, DQ, VL) and F16C: the primitives that the kernel
// templates are written in. Included by one translation unit only.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/inline.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::cmodel::avx512 {

using abi::Dtype;

inline constexpr int kWidth = 16;  ///< Lanes.
inline constexpr int kTileRows = 6;
inline constexpr int kUnroll = 64;  ///< Of tile loops: accumulators live in registers.
/// Panels of a tile: enough accumulators to hide the latency of the FMA.
constexpr int panels_by_rows(int rows) { return rows <= 2 ? 4 : 2; }
struct Vec {
  __m512i v;
};

TANDEM_CM_INLINE __m512 as_float(Vec a) { return _mm512_castsi512_ps(a.v); }
TANDEM_CM_INLINE Vec as_vec(__m512 a) { return {_mm512_castps_si512(a)}; }

TANDEM_CM_INLINE Vec load(const void* p) { return {_mm512_loadu_si512(p)}; }
TANDEM_CM_INLINE void store(void* p, Vec a) { _mm512_storeu_si512(p, a.v); }
TANDEM_CM_INLINE Vec splat(std::uint32_t word) { return {_mm512_set1_epi32(int(word))}; }
TANDEM_CM_INLINE Vec broadcast(const void* p) {
  return as_vec(_mm512_set1_ps(*static_cast<const float*>(p)));
}

/// a * b + c, one rounding; a NaN keeps whatever payload the processor gives it.
TANDEM_CM_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return as_vec(_mm512_fmadd_ps(as_float(a), as_float(b), as_float(c)));
}
TANDEM_CM_INLINE Vec mul(Vec a, Vec b) { return as_vec(_mm512_mul_ps(as_float(a), as_float(b))); }
TANDEM_CM_INLINE Vec to_float(Vec a) { return as_vec(_mm512_cvtepi32_ps(a.v)); }
TANDEM_CM_INLINE Vec and_bits(Vec a, Vec b) { return {_mm512_and_si512(a.v, b.v)}; }
template <int kBits>
TANDEM_CM_INLINE Vec shift_right(Vec a) {
  return {_mm512_srli_epi32(a.v, kBits)};
}
/// acc + products of the two signed 16-bit halves of each lane, modulo 2^32.
TANDEM_CM_INLINE Vec multiply_pairs(Vec a, Vec b, Vec acc) {
  return {_mm512_add_epi32(acc.v, _mm512_madd_epi16(a.v, b.v))};
}
TANDEM_CM_INLINE Vec canonical(Vec a) {
  const __mmask16 nan = _mm512_cmp_ps_mask(as_float(a), as_float(a), _CMP_UNORD_Q);
  return {_mm512_mask_mov_epi32(a.v, nan, _mm512_set1_epi32(0x7FC00000))};
}
/// Nearest even at 10 fraction bits. NaN stays NaN if its low 13 bits are zero.
TANDEM_CM_INLINE Vec round_e8m10_finite(Vec a) {
  const __mmask16 odd = _mm512_test_epi32_mask(a.v, _mm512_set1_epi32(1 << 13));
  const __m512i down = _mm512_add_epi32(a.v, _mm512_set1_epi32(0x0FFF));
  const __m512i sum = _mm512_mask_add_epi32(down, odd, a.v, _mm512_set1_epi32(0x1000));
  return {_mm512_and_si512(sum, _mm512_set1_epi32(int(0xFFFFE000u)))};
}
TANDEM_CM_INLINE Vec round_e8m10(Vec a) { return round_e8m10_finite(canonical(a)); }

/// kWidth elements in memory widened to 32 bits: floats to fp32 (NaN payloads kept), integers
/// extended, I64 cut to its low word.
template <Dtype kType>
TANDEM_CM_INLINE Vec widen(const std::byte* p) {
  const auto load16 = [p] { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); };
  const auto load8 = [p] { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
  if constexpr (kType == Dtype::kF32 || kType == Dtype::kI32) {
    return load(p);
  } else if constexpr (kType == Dtype::kBF16) {
    return {_mm512_slli_epi32(_mm512_cvtepu16_epi32(load16()), 16)};
  } else if constexpr (kType == Dtype::kF16) {
    return as_vec(_mm512_cvtph_ps(load16()));
  } else if constexpr (kType == Dtype::kE5M2) {
    return as_vec(_mm512_cvtph_ps(_mm256_slli_epi16(_mm256_cvtepu8_epi16(load8()), 8)));
  } else if constexpr (kType == Dtype::kE4M3) {
    // The fields of e4m3 moved to those of f16 give the value times 2^-8, subnormals included.
    const __m256i wide = _mm256_cvtepi8_epi16(load8());
    const __m256i moved = _mm256_slli_epi16(wide, 7);
    const __m256i half = _mm256_and_si256(moved, _mm256_set1_epi16(short(0xBF80)));
    const __m512 value = _mm512_mul_ps(_mm512_cvtph_ps(half), _mm512_set1_ps(256.0F));
    const __mmask16 nan =
        _mm_cmpeq_epi8_mask(_mm_and_si128(load8(), _mm_set1_epi8(0x7F)), _mm_set1_epi8(0x7F));
    return {_mm512_mask_mov_epi32(_mm512_castps_si512(value), nan, _mm512_set1_epi32(0x7FC00000))};
  } else if constexpr (kType == Dtype::kI8) {
    return {_mm512_cvtepi8_epi32(load8())};
  } else if constexpr (kType == Dtype::kU8) {
    return {_mm512_cvtepu8_epi32(load8())};
  } else if constexpr (kType == Dtype::kU16) {
    return {_mm512_cvtepu16_epi32(load16())};
  } else {
    static_assert(kType == Dtype::kI64);
    const __m256i low = _mm512_cvtepi64_epi32(load(p).v);
    const __m256i high = _mm512_cvtepi64_epi32(load(p + 64).v);
    return {_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1)};
  }
}

/// kWidth lanes to elements in memory: floats to nearest even (the lanes hold canonical NaNs),
/// integers by their low bits, I64 with the sign extended.
template <Dtype kType>
TANDEM_CM_INLINE void narrow(std::byte* p, Vec a) {
  const auto store16 = [p](__m256i x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x); };
  if constexpr (kType == Dtype::kF32 || kType == Dtype::kI32) {
    store(p, a);
  } else if constexpr (kType == Dtype::kBF16) {
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(a.v, 16), _mm512_set1_epi32(1));
    const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(a.v, odd), _mm512_set1_epi32(0x7FFF));
    store16(_mm512_cvtepi32_epi16(_mm512_srli_epi32(sum, 16)));
  } else if constexpr (kType == Dtype::kF16) {
    store16(_mm512_cvtps_ph(as_float(a), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  } else if constexpr (kType == Dtype::kI8 || kType == Dtype::kU8) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a.v));
  } else if constexpr (kType == Dtype::kU16) {
    store16(_mm512_cvtepi32_epi16(a.v));
  } else {
    static_assert(kType == Dtype::kI64);
    store(p, {_mm512_cvtepi32_epi64(_mm512_castsi512_si256(a.v))});
    store(p + 64, {_mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(a.v, 1))});
  }
}

/// Bytes of two rows as pairs of 16-bit integers, the first row in the low halves.
TANDEM_CM_INLINE Vec pair_bytes(const std::byte* first, const std::byte* second) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second));
  const __m256i mixed =
      _mm256_set_m128i(_mm_unpackhi_epi8(low, high), _mm_unpacklo_epi8(low, high));
  return {_mm512_cvtepi8_epi16(mixed)};
}
/// Consecutive bytes as pairs of 16-bit integers.
TANDEM_CM_INLINE Vec widen_byte_pairs(const std::byte* p) {
  return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}

/// The low (0) or high (1) 16 bits of every lane as a bf16 or f16 number; kU16: as two signed bytes
/// that become a pair of 16-bit integers.
template <Dtype kType, int kHalf>
TANDEM_CM_INLINE Vec widen_half(Vec pairs) {
  if constexpr (kType == Dtype::kU16) {
    constexpr int kFrom = kHalf == 0 ? 0x01000000 : 0x03020200;  // to bytes 1 and 3
    const __m512i lane = _mm512_set4_epi32(0x0C0C0C0C, 0x08080808, 0x04040404, 0);
    const __m512i moved =
        _mm512_shuffle_epi8(pairs.v, _mm512_add_epi8(lane, _mm512_set1_epi32(kFrom)));
    return {_mm512_srai_epi16(moved, 8)};
  }
  if constexpr (kType == Dtype::kBF16) {
    if constexpr (kHalf == 0) return {_mm512_slli_epi32(pairs.v, 16)};
    return {_mm512_and_si512(pairs.v, _mm512_set1_epi32(int(0xFFFF0000u)))};
  } else {
    const __m512i half = kHalf == 0 ? pairs.v : _mm512_srli_epi32(pairs.v, 16);
    return as_vec(_mm512_cvtph_ps(_mm512_cvtepi32_epi16(half)));
  }
}

/// The 32 4-bit numbers of a panel's row as fp32 in nibble order: x[0] the even columns, x[1] the
/// odd ones.
TANDEM_CM_INLINE void load_nibbles(const std::byte* p, Vec (&x)[2]) {
  const __m512 numbers = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  // The permutation looks at the low four bits of an index only.
  x[0] = as_vec(_mm512_permutexvar_ps(bytes, numbers));
  x[1] = as_vec(_mm512_permutexvar_ps(_mm512_srli_epi32(bytes, 4), numbers));
}
TANDEM_CM_INLINE void to_nibble_order(Vec (&x)[2]) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  const Vec first = {_mm512_permutex2var_epi32(x[0].v, even, x[1].v)};
  x[1] = {_mm512_permutex2var_epi32(x[0].v, odd, x[1].v)};
  x[0] = first;
}
TANDEM_CM_INLINE void from_nibble_order(Vec (&x)[2]) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
  const Vec first = {_mm512_permutex2var_epi32(x[0].v, low, x[1].v)};
  x[1] = {_mm512_permutex2var_epi32(x[0].v, high, x[1].v)};
  x[0] = first;
}

/// Transposes a kWidth x kWidth block of lanes: get(r) gives row r, put(i, vector) takes column i.
template <class Get, class Put>
TANDEM_CM_INLINE void transpose(Get&& get, Put&& put) {
  __m512i u[16];  // u[4 i + c]: columns c, c + 4, c + 8, c + 12 of rows 4 i .. 4 i + 3
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    const __m512i r0 = get(i).v;
    const __m512i r1 = get(i + 1).v;
    const __m512i r2 = get(i + 2).v;
    const __m512i r3 = get(i + 3).v;
    const __m512i low01 = _mm512_unpacklo_epi32(r0, r1);
    const __m512i low23 = _mm512_unpacklo_epi32(r2, r3);
    const __m512i high01 = _mm512_unpackhi_epi32(r0, r1);
    const __m512i high23 = _mm512_unpackhi_epi32(r2, r3);
    u[i] = _mm512_unpacklo_epi64(low01, low23);
    u[i + 1] = _mm512_unpackhi_epi64(low01, low23);
    u[i + 2] = _mm512_unpacklo_epi64(high01, high23);
    u[i + 3] = _mm512_unpackhi_epi64(high01, high23);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512i even_low = _mm512_shuffle_i32x4(u[c], u[4 + c], 0x88);
    const __m512i even_high = _mm512_shuffle_i32x4(u[8 + c], u[12 + c], 0x88);
    put(c, Vec{_mm512_shuffle_i32x4(even_low, even_high, 0x88)});
    put(c + 8, Vec{_mm512_shuffle_i32x4(even_low, even_high, 0xDD)});
    const __m512i odd_low = _mm512_shuffle_i32x4(u[c], u[4 + c], 0xDD);
    const __m512i odd_high = _mm512_shuffle_i32x4(u[8 + c], u[12 + c], 0xDD);
    put(c + 4, Vec{_mm512_shuffle_i32x4(odd_low, odd_high, 0x88)});
    put(c + 12, Vec{_mm512_shuffle_i32x4(odd_low, odd_high, 0xDD)});
  }
}

/// Sums modulo 2^64 over groups of kWidth words: of each word, and of each word times the number
/// of groups from its own to the last.
struct WordSums {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  __m512i even_running = _mm512_setzero_si512();
  __m512i odd_running = _mm512_setzero_si512();

  TANDEM_CM_INLINE void add(Vec words) {
    even = _mm512_add_epi64(even, _mm512_and_si512(words.v, _mm512_set1_epi64(0xFFFFFFFF)));
    odd = _mm512_add_epi64(odd, _mm512_srli_epi64(words.v, 32));
    even_running = _mm512_add_epi64(even_running, even);
    odd_running = _mm512_add_epi64(odd_running, odd);
  }
  /// By lane: `sum` and `running`.
  TANDEM_CM_INLINE void get(std::uint64_t (&sum)[kWidth], std::uint64_t (&running)[kWidth]) const {
    alignas(64) std::uint64_t lanes[4][8];
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

TANDEM_CM_INLINE Vec of_mask(__mmask16 mask) { return {_mm512_movm_epi32(mask)}; }
TANDEM_CM_INLINE Vec low5(Vec a) { return {_mm512_and_si512(a.v, _mm512_set1_epi32(31))}; }

TANDEM_CM_INLINE Vec fma(Vec a, Vec b, Vec c) { return canonical(avx512::fma(a, b, c)); }
TANDEM_CM_INLINE Vec fnma(Vec a, Vec b, Vec c) {
  return canonical(as_vec(_mm512_fnmadd_ps(as_float(a), as_float(b), as_float(c))));
}
TANDEM_CM_INLINE Vec fadd(Vec a, Vec b) {
  return canonical(as_vec(_mm512_add_ps(as_float(a), as_float(b))));
}
TANDEM_CM_INLINE Vec fsub(Vec a, Vec b) {
  return canonical(as_vec(_mm512_sub_ps(as_float(a), as_float(b))));
}
TANDEM_CM_INLINE Vec fmul(Vec a, Vec b) { return canonical(mul(a, b)); }
/// Equal operands differ at most in the sign of zero: the minimum has either sign bit, the maximum
/// both.
TANDEM_CM_INLINE Vec fmin(Vec a, Vec b) {
  const __m512i less = as_vec(_mm512_min_ps(as_float(a), as_float(b))).v;
  const __mmask16 equal = _mm512_cmp_ps_mask(as_float(a), as_float(b), _CMP_EQ_OQ);
  const __mmask16 nan = _mm512_cmp_ps_mask(as_float(a), as_float(b), _CMP_UNORD_Q);
  const __m512i signed_zero = _mm512_mask_or_epi32(less, equal, a.v, b.v);
  return {_mm512_mask_mov_epi32(signed_zero, nan, _mm512_set1_epi32(0x7FC00000))};
}
TANDEM_CM_INLINE Vec fmax(Vec a, Vec b) {
  const __m512i more = as_vec(_mm512_max_ps(as_float(a), as_float(b))).v;
  const __mmask16 equal = _mm512_cmp_ps_mask(as_float(a), as_float(b), _CMP_EQ_OQ);
  const __mmask16 nan = _mm512_cmp_ps_mask(as_float(a), as_float(b), _CMP_UNORD_Q);
  const __m512i signed_zero = _mm512_mask_and_epi32(more, equal, a.v, b.v);
  return {_mm512_mask_mov_epi32(signed_zero, nan, _mm512_set1_epi32(0x7FC00000))};
}
TANDEM_CM_INLINE Vec fclt(Vec a, Vec b) {
  return of_mask(_mm512_cmp_ps_mask(as_float(a), as_float(b), _CMP_LT_OQ));
}
TANDEM_CM_INLINE Vec fcle(Vec a, Vec b) {
  return of_mask(_mm512_cmp_ps_mask(as_float(a), as_float(b), _CMP_LE_OQ));
}
TANDEM_CM_INLINE Vec fceq(Vec a, Vec b) {
  return of_mask(_mm512_cmp_ps_mask(as_float(a), as_float(b), _CMP_EQ_OQ));
}
TANDEM_CM_INLINE Vec sel(Vec a, Vec b, Vec c) {
  return {_mm512_mask_mov_epi32(c.v, _mm512_test_epi32_mask(a.v, a.v), b.v)};
}
TANDEM_CM_INLINE Vec and_(Vec a, Vec b) { return {_mm512_and_si512(a.v, b.v)}; }
TANDEM_CM_INLINE Vec or_(Vec a, Vec b) { return {_mm512_or_si512(a.v, b.v)}; }
TANDEM_CM_INLINE Vec xor_(Vec a, Vec b) { return {_mm512_xor_si512(a.v, b.v)}; }
TANDEM_CM_INLINE Vec shl(Vec a, Vec b) { return {_mm512_sllv_epi32(a.v, low5(b).v)}; }
TANDEM_CM_INLINE Vec shr(Vec a, Vec b) { return {_mm512_srlv_epi32(a.v, low5(b).v)}; }
TANDEM_CM_INLINE Vec sar(Vec a, Vec b) { return {_mm512_srav_epi32(a.v, low5(b).v)}; }
TANDEM_CM_INLINE Vec iadd(Vec a, Vec b) { return {_mm512_add_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec isub(Vec a, Vec b) { return {_mm512_sub_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec ilt(Vec a, Vec b) { return of_mask(_mm512_cmplt_epi32_mask(a.v, b.v)); }
TANDEM_CM_INLINE Vec ult(Vec a, Vec b) { return of_mask(_mm512_cmplt_epu32_mask(a.v, b.v)); }
TANDEM_CM_INLINE Vec ieq(Vec a, Vec b) { return of_mask(_mm512_cmpeq_epi32_mask(a.v, b.v)); }
TANDEM_CM_INLINE Vec imin(Vec a, Vec b) { return {_mm512_min_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec imax(Vec a, Vec b) { return {_mm512_max_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec mull(Vec a, Vec b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
TANDEM_CM_INLINE Vec mulh(Vec a, Vec b) {
  const __m512i even = _mm512_srli_epi64(_mm512_mul_epu32(a.v, b.v), 32);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a.v, 32), _mm512_srli_epi64(b.v, 32));
  return {_mm512_mask_mov_epi32(even, 0xAAAA, odd)};
}
TANDEM_CM_INLINE Vec clz(Vec a) { return {_mm512_lzcnt_epi32(a.v)}; }
TANDEM_CM_INLINE Vec i2f(Vec a) { return to_float(a); }
/// The processor gives 80000000 for whatever does not fit.
TANDEM_CM_INLINE Vec saturate(Vec source, __m512i converted) {
  const __mmask16 above = _mm512_cmp_ps_mask(as_float(source), _mm512_set1_ps(0x1p31F), _CMP_GE_OQ);
  const __mmask16 number = _mm512_cmp_ps_mask(as_float(source), as_float(source), _CMP_ORD_Q);
  return {_mm512_maskz_mov_epi32(
      number, _mm512_mask_mov_epi32(converted, above, _mm512_set1_epi32(0x7FFFFFFF)))};
}
TANDEM_CM_INLINE Vec f2i(Vec a) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return saturate(a, _mm512_cvt_roundps_epi32(as_float(a), kNearest));
}
TANDEM_CM_INLINE Vec f2t(Vec a) { return saturate(a, _mm512_cvttps_epi32(as_float(a))); }
TANDEM_CM_INLINE Vec tab(Vec a, const std::uint32_t* table) {
  const __m512i index = _mm512_and_si512(a.v, _mm512_set1_epi32(255));
  return {_mm512_i32gather_epi32(index, table, 4)};
}

}  // namespace micro

}  // namespace tandem::cmodel::avx512

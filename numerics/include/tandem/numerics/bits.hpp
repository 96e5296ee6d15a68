// SPDX-License-Identifier: Apache-2.0
// Bit-pattern basics of the numerics library: fp32 as uint32_t, canonical NaNs, host/device macro.
#pragma once

#include <cstdint>

/// Marks a function for host and device compilation; empty for plain C++ compilers.
#if defined(__CUDACC__)
#define TANDEM_HD __host__ __device__
#else
#define TANDEM_HD
#endif

/// As TANDEM_HD, always inlined. Every function of this library is: one program includes it from
/// translation units compiled for different instruction sets, and an out-of-line copy made with
/// AVX-512 could otherwise be the one that the linker keeps for all. For the same reason take no
/// function's address in a translation unit that is compiled for more than the base instructions.
#if defined(__CUDACC__)
#define TANDEM_HD_INLINE __host__ __device__ __forceinline__
#else
#define TANDEM_HD_INLINE inline __attribute__((always_inline))
#endif

namespace tandem::numerics {

/// The one NaN that arithmetic and converting casts produce, per type.
inline constexpr std::uint32_t kF32Nan = 0x7FC00000u;
inline constexpr std::uint16_t kBf16Nan = 0x7FC0u;
inline constexpr std::uint16_t kF16Nan = 0x7E00u;
inline constexpr std::uint8_t kE4m3Nan = 0x7Fu;
inline constexpr std::uint8_t kE5m2Nan = 0x7Eu;

inline constexpr std::uint32_t kF32Inf = 0x7F800000u;
inline constexpr std::uint32_t kF32SignBit = 0x80000000u;
inline constexpr std::uint32_t kF32AbsMask = 0x7FFFFFFFu;
inline constexpr std::uint32_t kF32NegZero = 0x80000000u;
inline constexpr std::uint32_t kF32MaxFinite = 0x7F7FFFFFu;
inline constexpr std::uint32_t kF32MinNormal = 0x00800000u;

/// What a compare writes into a vector register: all ones or zero.
inline constexpr std::uint32_t kMaskTrue = 0xFFFFFFFFu;

/// The bit pattern of `x`; NaN payloads are kept.
TANDEM_HD_INLINE constexpr std::uint32_t bits_of(float x) {
  return __builtin_bit_cast(std::uint32_t, x);
}

/// The fp32 number with bit pattern `bits`.
TANDEM_HD_INLINE constexpr float float_of(std::uint32_t bits) {
  return __builtin_bit_cast(float, bits);
}

/// True for quiet and signalling NaN patterns.
TANDEM_HD_INLINE constexpr bool is_nan_bits(std::uint32_t bits) {
  return (bits & kF32AbsMask) > kF32Inf;
}

/// `x`, or the canonical NaN when `x` is any NaN.
TANDEM_HD_INLINE constexpr float canonical(float x) { return x != x ? float_of(kF32Nan) : x; }

/// `bits`, or the canonical NaN when `bits` is any NaN.
TANDEM_HD_INLINE constexpr std::uint32_t canonical_bits(std::uint32_t bits) {
  return is_nan_bits(bits) ? kF32Nan : bits;
}

/// Leading zero count; 32 for 0.
TANDEM_HD_INLINE constexpr std::uint32_t count_leading_zeros(std::uint32_t x) {
#if defined(__CUDA_ARCH__)
  return static_cast<std::uint32_t>(__clz(static_cast<int>(x)));
#else
  return x == 0 ? 32u : static_cast<std::uint32_t>(__builtin_clz(x));
#endif
}

}  // namespace tandem::numerics

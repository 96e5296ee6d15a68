// SPDX-License-Identifier: Apache-2.0
// Group-quantised weights (int4, int8 with scale and minimum per group) and int8 products.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tandem/numerics/bits.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::numerics {

/// fma(scale, q, min) in fp32: what a quantised weight stands for before it enters the matrix
/// unit. `scale` and `minimum` are fp32 or exactly widened f16; q is exact in fp32.
TANDEM_HD_INLINE float dequantize_f32(float scale, std::int32_t q, float minimum) {
  return fma32(scale, float_of(i32_to_f32(q)), minimum);
}

/// The weight as the matrix unit multiplies it: dequantize_f32 rounded to E8M10.
TANDEM_HD_INLINE float dequantize(float scale, std::int32_t q, float minimum) {
  return to_e8m10(dequantize_f32(scale, q, minimum));
}

/// Element k of packed int4 data, 0..15. Two per byte: even k in the low nibble.
TANDEM_HD_INLINE constexpr std::uint8_t int4_at(const std::uint8_t* packed, std::size_t k) {
  const std::uint8_t pair = packed[k / 2];
  return static_cast<std::uint8_t>((k & 1u) != 0 ? pair >> 4 : pair & 0x0Fu);
}

/// The byte that holds `even` (k) and `odd` (k + 1); only the low four bits of each count.
TANDEM_HD_INLINE constexpr std::uint8_t int4_pack(std::uint8_t even, std::uint8_t odd) {
  return static_cast<std::uint8_t>((even & 0x0Fu) | ((odd & 0x0Fu) << 4));
}

/// acc + a * b modulo 2^32: one step of an int8 chain. The order of steps cannot matter.
TANDEM_HD_INLINE constexpr std::int32_t int8_step(std::int8_t a, std::int8_t b, std::int32_t acc) {
  const std::int32_t product = static_cast<std::int32_t>(a) * static_cast<std::int32_t>(b);
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(acc) +
                                   static_cast<std::uint32_t>(product));
}

}  // namespace tandem::numerics

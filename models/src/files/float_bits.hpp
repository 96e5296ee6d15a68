// SPDX-License-Identifier: Apache-2.0
// Exact widening of 16-bit and 8-bit floats to fp32, without branches so that loops vectorise.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace tandem::models {

static_assert(std::endian::native == std::endian::little, "file formats are little endian");

// Subnormals go through an integer conversion: no intermediate value is a subnormal fp32, so the
// result does not depend on the caller's flush-to-zero setting.

inline float f16_to_f32(std::uint16_t h) {
  const std::uint32_t magnitude = h & 0x7FFFu;
  const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000u) << 16;
  const float small = static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24f;
  const std::uint32_t rebias = magnitude >= 0x7C00u ? 224u << 23 : 112u << 23;
  const std::uint32_t normal = (magnitude << 13) + rebias;
  const std::uint32_t bits = magnitude < 0x0400u ? std::bit_cast<std::uint32_t>(small) : normal;
  return std::bit_cast<float>(bits | sign);
}

inline float f16_at(const std::uint8_t* bytes) {
  std::uint16_t h = 0;
  std::memcpy(&h, bytes, sizeof h);
  return f16_to_f32(h);
}

inline float bf16_to_f32(std::uint16_t h) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(h) << 16);
}

/// e4m3fn: bias 7, no infinity, 0x7F and 0xFF are NaN.
inline float e4m3_to_f32(std::uint8_t b) {
  const std::uint32_t magnitude = b & 0x7Fu;
  const std::uint32_t sign = static_cast<std::uint32_t>(b & 0x80u) << 24;
  const float small = static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-9f;
  std::uint32_t bits = (magnitude << 20) + (120u << 23);
  bits = magnitude < 0x08u ? std::bit_cast<std::uint32_t>(small) : bits;
  bits = magnitude == 0x7Fu ? 0x7FC00000u : bits;
  return std::bit_cast<float>(bits | sign);
}

/// e5m2 is the upper byte of f16.
inline float e5m2_to_f32(std::uint8_t b) { return f16_to_f32(static_cast<std::uint16_t>(b << 8)); }

}  // namespace tandem::models

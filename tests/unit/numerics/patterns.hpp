// SPDX-License-Identifier: Apache-2.0
// Operand patterns for the numerics tests: corners of fp32 and of integers, and seeded randomness.
#pragma once

#include <array>
#include <cstdint>
#include <random>

namespace tandem::test {

/// Zeros, subnormals, powers of two, all-ones significands, limits, infinities, NaNs, and patterns
/// that are corners as integers. Signs are included.
inline constexpr std::array<std::uint32_t, 56> kCorners = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x00000002, 0x00400000, 0x807FFFFF, 0x007FFFFF,
    0x00800000, 0x80800000, 0x00800001, 0x00FFFFFF, 0x01000000, 0x0C000000, 0x0C7FFFFF, 0x20000000,
    0x1FFFFFFF, 0x33000000, 0x33800000, 0x33800001, 0x34000000, 0x3EAAAAAB, 0x3F000000, 0xBF000000,
    0x3F7FFFFF, 0x3F800000, 0xBF800000, 0x3F800001, 0x3FC00000, 0x40000000, 0xC0200000, 0x40490FDB,
    0x42FE0000, 0x43000000, 0x4B000000, 0x4B7FFFFF, 0x4B800001, 0x4EFFFFFF, 0x4F000000, 0xCF000000,
    0xCF000001, 0x4F800000, 0x5F000000, 0x5F7FFFFF, 0x7E7FFFFF, 0x7F000000, 0x7F7FFFFE, 0x7F7FFFFF,
    0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF, 0x7FFFFFFF};

/// Patterns of three kinds in turn: any bits; a number of moderate size; one near `last`.
class Patterns {
 public:
  explicit Patterns(std::uint64_t seed) : random_(seed) {}

  std::uint32_t any() { return static_cast<std::uint32_t>(random_()); }

  /// Exponent field 97 to 157, so that sums and products neither overflow nor vanish.
  std::uint32_t moderate() {
    const std::uint32_t bits = any();
    return (bits & 0x807FFFFFu) | ((97u + (bits >> 23) % 61u) << 23);
  }

  /// Within a few units or binades of `bits`, with the sign flipped half the time.
  std::uint32_t near(std::uint32_t bits) {
    const std::uint32_t noise = any();
    std::uint32_t result = bits + noise % 7u - 3u;
    if ((noise & 0x100u) != 0) result += ((noise >> 9) % 51u - 25u) << 23;
    return (noise & 0x200u) != 0 ? result ^ 0x80000000u : result;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace tandem::test

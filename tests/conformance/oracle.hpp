// SPDX-License-Identifier: Apache-2.0
// Plain-loop references of the contract, written for reading, not for speed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tandem::tests::oracle {

/// Section 7 of the contract, byte by byte: each written byte counts (byte + 1) * 256^lane times
/// the word's weight.
inline std::uint64_t checksum(std::uint64_t addr, std::span<const std::uint8_t> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint64_t at = addr + i;
    const std::uint64_t lane = std::uint64_t{1} << (8 * (at % 4));
    sum += (std::uint64_t{bytes[i]} + 1) * lane * (2 * (at / 4) + 1);
  }
  return sum;
}

}  // namespace tandem::tests::oracle

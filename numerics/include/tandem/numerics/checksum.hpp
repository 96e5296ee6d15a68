// SPDX-License-Identifier: Apache-2.0
// The completion checksum: the sum modulo 2^64, over aligned 32-bit words, of
// W x (2 x (addr >> 2) + 1), where W = sum over the written bytes of (byte + 1) x 256^lane.
//
// It is a plain sum over written bytes, so spans may be added in any order and split anywhere:
//   sum += checksum_span(addr, data, size);
// A word written completely has W = word + 01010101 as a 64-bit number (at most 2 0202 0200).
#pragma once

#include <cstddef>
#include <cstdint>

#include "tandem/numerics/bits.hpp"

namespace tandem::numerics {

/// The weight of the aligned word that holds byte address `addr`.
TANDEM_HD_INLINE constexpr std::uint64_t checksum_weight(std::uint64_t addr) {
  return 2u * (addr >> 2) + 1u;
}

/// The contribution of one byte written at `addr`.
TANDEM_HD_INLINE constexpr std::uint64_t checksum_byte(std::uint64_t addr, std::uint8_t byte) {
  return ((static_cast<std::uint64_t>(byte) + 1u) << (8u * (addr & 3u))) * checksum_weight(addr);
}

/// The definition, byte by byte: what `size` bytes written from `addr` on contribute.
TANDEM_HD_INLINE constexpr std::uint64_t checksum_bytes(std::uint64_t addr,
                                                        const std::uint8_t* data,
                                                        std::size_t size) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += checksum_byte(addr + i, data[i]);
  return sum;
}

/// The contribution of `count` completely written words from the aligned address `addr` on.
/// `data` needs no alignment. Little-endian hosts. The inner loop vectorises: with word n of a
/// block, sum of word x (2 x (first + n) + 1) = (2 x first + 1) x sum(word) + 2 x sum(n x word).
TANDEM_HD_INLINE std::uint64_t checksum_words(std::uint64_t addr, const std::uint8_t* data,
                                              std::size_t count) {
  constexpr std::size_t kBlock = 4096;  // words; n x word stays a 32 x 32-bit product
  std::uint64_t sum = 0;
  for (std::size_t start = 0; start < count; start += kBlock) {
    const std::size_t length = count - start < kBlock ? count - start : kBlock;
    const std::uint8_t* block = data + 4 * start;
    std::uint64_t plain = 0;
    std::uint64_t weighted = 0;
    for (std::size_t n = 0; n < length; ++n) {
      std::uint32_t word = 0;
      __builtin_memcpy(&word, block + 4 * n, sizeof word);
      plain += word;
      weighted += static_cast<std::uint64_t>(static_cast<std::uint32_t>(n)) * word;
    }
    const std::uint64_t first = checksum_weight(addr) + 2u * start;
    const std::uint64_t weights =
        length * first + static_cast<std::uint64_t>(length) * (length - 1u);
    sum += first * plain + 2u * weighted + 0x01010101u * weights;
  }
  return sum;
}

/// checksum_bytes at the speed of memory: partial words byte by byte, the rest in blocks.
TANDEM_HD_INLINE std::uint64_t checksum_span(std::uint64_t addr, const std::uint8_t* data,
                                             std::size_t size) {
  const std::size_t to_word = static_cast<std::size_t>((4u - (addr & 3u)) & 3u);
  const std::size_t head = to_word < size ? to_word : size;
  const std::size_t words = (size - head) / 4;
  const std::size_t tail = head + 4 * words;
  return checksum_bytes(addr, data, head) + checksum_words(addr + head, data + head, words) +
         checksum_bytes(addr + tail, data + tail, size - tail);
}

}  // namespace tandem::numerics

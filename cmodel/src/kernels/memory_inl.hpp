// SPDX-License-Identifier: Apache-2.0
// Checksum, copy and widening over the primitives of one instruction set. Included as
// matmul_inl.hpp is.
#pragma once

#include <cstring>

#include "kernels/kernels.hpp"

namespace tandem::cmodel::TANDEM_CM_ISA {

TANDEM_CM_INLINE std::uint64_t checksum_some_bytes(std::uint64_t addr, const std::byte* data,
                                                   std::size_t size) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint64_t byte = (std::uint64_t(data[i]) + 1) << (8 * ((addr + i) & 3));
    sum += byte * (2 * ((addr + i) >> 2) + 1);
  }
  return sum;
}

/// `count` whole words from the aligned address `addr` on. With word n = kWidth * g + lane and W =
/// word + 01010101, the sum of W * (2 * (addr / 4 + n) + 1) splits into plain and weighted sums.
TANDEM_CM_INLINE std::uint64_t checksum_whole_words(std::uint64_t addr, const std::byte* data,
                                                    std::size_t count) {
  const std::uint64_t first = 2 * (addr >> 2) + 1;
  const std::size_t groups = count / kWidth;
  WordSums sums;
  for (std::size_t g = 0; g < groups; ++g) sums.add(load(data + g * 4 * kWidth));
  std::uint64_t by_lane[kWidth];
  std::uint64_t running[kWidth];
  sums.get(by_lane, running);
  std::uint64_t plain = 0;
  std::uint64_t weighted = 0;  // sum of n * word
  for (int i = 0; i < kWidth; ++i) {
    plain += by_lane[i];
    weighted += kWidth * (groups * by_lane[i] - running[i]) + std::uint64_t(i) * by_lane[i];
  }
  for (std::size_t n = groups * kWidth; n < count; ++n) {
    std::uint32_t word = 0;
    std::memcpy(&word, data + 4 * n, sizeof word);
    plain += word;
    weighted += n * word;
  }
  const std::uint64_t weights = count * first + std::uint64_t(count) * (count - 1);
  return first * plain + 2 * weighted + 0x01010101u * weights;
}

std::uint64_t checksum(std::uint64_t addr, const std::byte* data, std::size_t size) {
  const std::size_t to_word = std::size_t((4 - (addr & 3)) & 3);
  const std::size_t head = to_word < size ? to_word : size;
  const std::size_t words = (size - head) / 4;
  const std::size_t tail = head + 4 * words;
  std::uint64_t sum = checksum_some_bytes(addr, data, head);
  if (words != 0) sum += checksum_whole_words(addr + head, data + head, words);
  return sum + checksum_some_bytes(addr + tail, data + tail, size - tail);
}

std::uint64_t copy(std::byte* dst, std::uint64_t dst_addr, const std::byte* src, std::size_t size) {
  // Blocks that stay in the first-level cache between copy and checksum.
  constexpr std::size_t kBlock = 8192;
  std::uint64_t sum = 0;
  while (size != 0) {
    const std::size_t here = size < kBlock ? size : kBlock;
    std::memmove(dst, src, here);
    sum += checksum(dst_addr, dst, here);
    dst += here;
    dst_addr += here;
    src += here;
    size -= here;
  }
  return sum;
}

}  // namespace tandem::cmodel::TANDEM_CM_ISA

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

/// Rows of a few whole vectors: sums over all rows at once for each vector of a row. The weight of
/// a row's first word grows by stride / 2 from row to row.
template <int kVecs>
TANDEM_CM_INLINE std::uint64_t checksum_vector_rows(std::uint64_t addr, const std::byte* data,
                                                    std::ptrdiff_t stride, int rows) {
  WordSums sums[kVecs];
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kVecs; ++v) sums[v].add(load(data + r * stride + v * 4 * kWidth));
  }
  const std::uint64_t first = 2 * (addr >> 2) + 1;
  const auto step = std::uint64_t(stride) / 2;
  const auto count = std::uint64_t(rows);
  std::uint64_t sum = 0;
  for (int v = 0; v < kVecs; ++v) {
    std::uint64_t plain[kWidth];
    std::uint64_t running[kWidth];  // sum over rows of (rows - row) * word
    sums[v].get(plain, running);
    for (int i = 0; i < kWidth; ++i) {
      const std::uint64_t weight = first + 2 * std::uint64_t(v * kWidth + i);
      sum += weight * plain[i] + step * (count * plain[i] - running[i]);
      sum += 0x01010101u * (count * weight + step * (count * (count - 1) / 2));
    }
  }
  return sum;
}

std::uint64_t checksum_rows(std::uint64_t addr, const std::byte* data, std::size_t row_bytes,
                            std::ptrdiff_t stride, int rows) {
  constexpr std::size_t kVecBytes = 4 * kWidth;
  if (((addr | std::uint64_t(stride)) & 3) == 0 && rows > 2) {
    if (row_bytes == kVecBytes) return checksum_vector_rows<1>(addr, data, stride, rows);
    if (row_bytes == 2 * kVecBytes) return checksum_vector_rows<2>(addr, data, stride, rows);
    if (row_bytes == 4 * kVecBytes) return checksum_vector_rows<4>(addr, data, stride, rows);
  }
  std::uint64_t sum = 0;
  for (int r = 0; r < rows; ++r) {
    const std::uint64_t offset = std::uint64_t(r) * std::uint64_t(stride);
    sum += checksum(addr + offset, data + offset, row_bytes);
  }
  return sum;
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

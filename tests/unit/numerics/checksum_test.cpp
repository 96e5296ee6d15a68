// SPDX-License-Identifier: Apache-2.0
// The completion checksum: fast and defining versions agree, and it sees what it must see.
#include "tandem/numerics/checksum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "patterns.hpp"

namespace tandem::numerics {
namespace {

std::vector<std::uint8_t> random_bytes(std::size_t size, std::uint64_t seed) {
  test::Patterns patterns(seed);
  std::vector<std::uint8_t> bytes(size);
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(patterns.any() >> 24);
  return bytes;
}

TEST(Checksum, SpanEqualsTheDefinitionAtEveryOffsetAndLength) {
  const std::vector<std::uint8_t> data = random_bytes(600, 1);
  for (const std::uint64_t base : {0x1000ull, 0xFFFF'FFF0ull, 0x12'3456'7890ull}) {
    for (std::uint64_t offset = 0; offset < 8; ++offset) {
      for (std::size_t size = 0; size < 80; ++size) {
        EXPECT_EQ(checksum_span(base + offset, data.data() + offset, size),
                  checksum_bytes(base + offset, data.data() + offset, size));
      }
    }
  }
}

TEST(Checksum, LongSpansEqualTheDefinition) {
  // Longer than a block of the fast version, with all-ones data for the largest sums.
  const std::vector<std::uint8_t> data = random_bytes(70001, 2);
  const std::vector<std::uint8_t> ones(40000, 0xFF);
  for (const std::uint64_t addr : {0ull, 3ull, 0xFFFF'FFFF'0001ull}) {
    EXPECT_EQ(checksum_span(addr, data.data(), data.size()),
              checksum_bytes(addr, data.data(), data.size()));
    EXPECT_EQ(checksum_span(addr, ones.data(), ones.size()),
              checksum_bytes(addr, ones.data(), ones.size()));
  }
}

TEST(Checksum, HasTheDocumentedValue) {
  // Word 0x04030201 at address 8: W = 0x05040302, weight 2 * 2 + 1.
  const std::uint8_t word[] = {1, 2, 3, 4};
  EXPECT_EQ(checksum_span(8, word, 4), 0x05040302ull * 5);
  // Byte 0xFF in lane 3 at address 7: 256 * 2^24 * 3.
  const std::uint8_t byte[] = {0xFF};
  EXPECT_EQ(checksum_span(7, byte, 1), (256ull << 24) * 3);
}

TEST(Checksum, IsAPlainSumOfItsParts) {
  const std::vector<std::uint8_t> data = random_bytes(1000, 3);
  const std::uint64_t whole = checksum_span(0x2001, data.data(), data.size());
  for (const std::size_t cut : {1u, 2u, 3u, 4u, 500u, 999u}) {
    EXPECT_EQ(checksum_span(0x2001 + cut, data.data() + cut, data.size() - cut) +
                  checksum_span(0x2001, data.data(), cut),
              whole);
  }
}

TEST(Checksum, SeesLostZerosSwappedLanesShiftsAndDoubleWrites) {
  std::vector<std::uint8_t> data = random_bytes(64, 4);
  data[10] = 0;
  const std::uint64_t good = checksum_span(0x100, data.data(), 64);
  // A lost strobe, on a byte that is zero.
  EXPECT_NE(checksum_span(0x100, data.data(), 10) + checksum_span(0x10B, data.data() + 11, 53),
            good);
  // A byte written twice.
  EXPECT_NE(good + checksum_span(0x10A, data.data() + 10, 1), good);
  // Two lanes of a word, two words, and the whole shifted.
  std::vector<std::uint8_t> lanes = data;
  std::swap(lanes[4], lanes[6]);
  EXPECT_NE(checksum_span(0x100, lanes.data(), 64), good);
  std::vector<std::uint8_t> words = data;
  std::rotate(words.begin(), words.begin() + 4, words.begin() + 8);
  EXPECT_NE(checksum_span(0x100, words.data(), 64), good);
  EXPECT_NE(checksum_span(0x104, data.data(), 64), good);
  EXPECT_NE(checksum_span(0x101, data.data(), 64), good);
}

}  // namespace
}  // namespace tandem::numerics

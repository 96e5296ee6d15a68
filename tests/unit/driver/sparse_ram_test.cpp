// SPDX-License-Identifier: Apache-2.0
// Banks, copies, page walk and discarding of the simulated memory.
#include "tandem/driver/sparse_ram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "support/errors.hpp"

namespace tandem::driver {
namespace {

using testing::ElementsAre;
using tests::expect_error;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = std::byte(random() | 1u);
  return bytes;
}

std::vector<std::uint64_t> pages(const SparseRam& ram) {
  std::vector<std::uint64_t> found;
  ram.for_each_page([&](std::uint64_t addr, std::span<const std::byte> page) {
    EXPECT_EQ(page.size(), SparseRam::kPageBytes);
    found.push_back(addr);
  });
  return found;
}

TEST(SparseRam, ReadsZeroWhereNothingWasWritten) {
  const SparseRam ram({{0x1000, 0x2000}});
  std::vector<std::byte> bytes(0x2000, std::byte{0xff});
  ram.read(0x1000, bytes);
  EXPECT_EQ(bytes, std::vector<std::byte>(0x2000));
}

TEST(SparseRam, ReadsBackWhatWasWrittenAtAnyAlignment) {
  SparseRam ram({{0x10000, 0x10000}, {0x40000, 0x10000}});
  for (const std::uint64_t base : {0x10000u, 0x40000u}) {
    for (const std::uint64_t offset : {0u, 1u, 4095u, 4097u, 0x10000u - 5000u}) {
      const auto written = pattern(5000, static_cast<unsigned>(offset));
      ram.write(base + offset, written);
      std::vector<std::byte> read(5000);
      ram.read(base + offset, read);
      EXPECT_EQ(read, written) << base << " + " << offset;
    }
  }
}

TEST(SparseRam, BanksThatAdjoinAreOneRange) {
  SparseRam ram({{0x3000, 0x1000}, {0x2000, 0x1000}});
  ASSERT_EQ(ram.banks().size(), 2u);
  EXPECT_EQ(ram.banks()[0].base, 0x2000u);
  ASSERT_NE(ram.pointer(0x2000, 0x2000), nullptr);
  EXPECT_EQ(ram.pointer(0x2000, 0x2000) + 0x1000, ram.pointer(0x3000, 0x1000));
  EXPECT_EQ(ram.pointer(0x2000, 0x2001), nullptr);
  const auto written = pattern(16, 1);
  ram.write(0x2ff8, written);
  EXPECT_EQ(std::memcmp(ram.pointer(0x2ff8, 16), written.data(), 16), 0);
}

TEST(SparseRam, PointerKnowsEveryEdge) {
  const SparseRam ram({{0x4000, 0x1000}});
  EXPECT_EQ(ram.pointer(0x3fff, 1), nullptr);
  EXPECT_NE(ram.pointer(0x4000, 0x1000), nullptr);
  EXPECT_NE(ram.pointer(0x4fff, 1), nullptr);
  EXPECT_EQ(ram.pointer(0x4fff, 2), nullptr);
  EXPECT_EQ(ram.pointer(0x5000, 0), nullptr);
  EXPECT_EQ(ram.pointer(0x4001, ~std::uint64_t{0}), nullptr);
}

TEST(SparseRam, AddressOutsideNamesTheFirstBadByteAndTheBanks) {
  SparseRam ram({{0x4000, 0x1000}, {0x8000, 0x1000}});
  std::vector<std::byte> bytes(32, std::byte{1});
  expect_error(ErrorCode::kInvalidArgument,
               {"reading 32 bytes at 0x4ff0", "no memory answers at 0x5000", "[0x4000, 0x5000)",
                "[0x8000, 0x9000)"},
               [&] { ram.read(0x4ff0, bytes); });
  expect_error(ErrorCode::kInvalidArgument,
               {"writing 32 bytes at 0x4ff0", "no memory answers at 0x5000"},
               [&] { ram.write(0x4ff0, bytes); });
  EXPECT_TRUE(pages(ram).empty()) << "a failed write must not write";
}

TEST(SparseRam, RefusesBadBanks) {
  const auto make = [](std::vector<SparseRam::Bank> banks) {
    return [banks] { SparseRam ram(banks); };
  };
  expect_error(ErrorCode::kInvalidArgument, {"0x1001", "multiples of 4096"},
               make({{0x1001, 0x1000}}));
  expect_error(ErrorCode::kInvalidArgument, {"0x1000", "0x800"}, make({{0x1000, 0x800}}));
  expect_error(ErrorCode::kInvalidArgument, {"not 0"}, make({{0, 0x1000}}));
  expect_error(ErrorCode::kInvalidArgument, {"not 0"}, make({{0x1000, 0}}));
  expect_error(ErrorCode::kInvalidArgument, {"end below"},
               make({{0x1000, std::uint64_t{1} << 48}}));
  expect_error(ErrorCode::kInvalidArgument, {"[0x2000, 0x3000) overlaps bank [0x1000, 0x3000)"},
               make({{0x1000, 0x2000}, {0x2000, 0x1000}}));
}

TEST(SparseRam, PageWalkSeesOnlyPagesWithData) {
  SparseRam ram({{0x10000, 64 * kGiB}, {256 * kGiB, kMiB}});
  const std::byte one{1};
  const std::byte zero{0};
  ram.write(0x10000 + 64 * kGiB - 1, {&one, 1});
  ram.write(0x11800, {&one, 1});
  ram.write(0x50000, {&zero, 1});
  ram.write(256 * kGiB + 0x3000, {&one, 1});
  std::byte ignored{};
  ram.read(0x77000, {&ignored, 1});
  EXPECT_THAT(pages(ram), ElementsAre(0x11000, 0x10000 + 64 * kGiB - 0x1000, 256 * kGiB + 0x3000));
}

TEST(SparseRam, PageWalkHandsOutTheBytes) {
  SparseRam ram({{0x1000, 0x4000}});
  const auto written = pattern(0x1000, 5);
  ram.write(0x3000, written);
  int calls = 0;
  ram.for_each_page([&](std::uint64_t addr, std::span<const std::byte> page) {
    ++calls;
    EXPECT_EQ(addr, 0x3000u);
    EXPECT_TRUE(std::equal(page.begin(), page.end(), written.begin()));
  });
  EXPECT_EQ(calls, 1);
}

TEST(SparseRam, DiscardKeepsPartialPages) {
  SparseRam ram({{0x1000, 0x10000}});
  ram.write(0x1000, pattern(0x4000, 7));
  ram.discard(0x1800, 0x2000);  // wholly inside: only the page at 0x2000
  EXPECT_THAT(pages(ram), ElementsAre(0x1000, 0x3000, 0x4000));
  ram.discard(0x3001, 0x1ffe);  // no whole page
  EXPECT_THAT(pages(ram), ElementsAre(0x1000, 0x3000, 0x4000));
  ram.clear();
  EXPECT_TRUE(pages(ram).empty());
  expect_error(ErrorCode::kInvalidArgument, {"discarding", "0x11000"},
               [&] { ram.discard(0x10000, 0x2000); });
}

TEST(SparseRam, ResidentBytesFollowUse) {
  SparseRam ram({{0x1000, 16 * kMiB}, {kGiB, 8 * kMiB}});
  EXPECT_LT(ram.resident_bytes(), kMiB);
  ram.write(0x1000, pattern(4 * kMiB, 9));
  EXPECT_GE(ram.resident_bytes(), 4 * kMiB);
  EXPECT_LE(ram.resident_bytes(), 5 * kMiB);
  std::vector<std::byte> buffer(8 * kMiB);
  ram.read(kGiB, buffer);
  EXPECT_LE(ram.resident_bytes(), 5 * kMiB) << "reading must not cost memory";
  ram.clear();
  EXPECT_LT(ram.resident_bytes(), kMiB);
}

}  // namespace
}  // namespace tandem::driver

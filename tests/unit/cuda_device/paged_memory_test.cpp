// SPDX-License-Identifier: Apache-2.0
#include "paged_memory.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>

#include "tandem/base/error.hpp"

namespace tandem::gpu {
namespace {

constexpr std::uint64_t kBase = 0x10'0000;
constexpr std::uint64_t kGranule = 64 * 1024;
constexpr std::uint64_t kSize = 8 * kGranule;
using Access = PagedMemory::Access;

/// GPU memory that knows which granules exist and counts what moves.
class FakeSide final : public DeviceSide {
 public:
  std::uint64_t granule_bytes() const override { return kGranule; }
  std::uint64_t reserve(std::uint64_t num_bytes) override {
    memory_.resize(memory_.size() + num_bytes, std::byte{0xCD});
    return kDevice + memory_.size() - num_bytes;
  }
  void back(std::uint64_t granule) override {
    if (backed.size() == limit) throw Error(ErrorCode::kOutOfMemory, "no more");
    EXPECT_TRUE(backed.insert(granule).second);
    std::memset(at(granule, kGranule), 0, kGranule);
  }
  void upload_and_wait(std::uint64_t dst, std::span<const std::byte> src) override {
    std::memcpy(at(dst, src.size()), src.data(), src.size());
    uploaded += src.size();
  }
  void download(std::span<std::byte> dst, std::uint64_t src) override {
    std::memcpy(dst.data(), at(src, dst.size()), dst.size());
    downloaded += dst.size();
  }
  std::byte* at(std::uint64_t addr, std::uint64_t num_bytes) {
    for (std::uint64_t a = addr / kGranule * kGranule; a < addr + num_bytes; a += kGranule) {
      EXPECT_TRUE(backed.contains(a)) << "no memory at " << a;
    }
    return memory_.data() + (addr - kDevice);
  }

  static constexpr std::uint64_t kDevice = std::uint64_t{1} << 40;
  std::set<std::uint64_t> backed;
  std::size_t limit = 1000;
  std::uint64_t uploaded = 0;
  std::uint64_t downloaded = 0;

 private:
  std::vector<std::byte> memory_;
};

class PagedMemoryTest : public testing::Test {
 protected:
  std::vector<std::byte> bytes(std::size_t count, int value) {
    return std::vector<std::byte>(count, std::byte(value));
  }
  std::byte get(std::uint64_t addr) {
    std::byte value{};
    memory.read(addr, std::span(&value, 1));
    return value;
  }

  std::shared_ptr<driver::SparseRam> ram = std::make_shared<driver::SparseRam>(
      std::vector<driver::SparseRam::Bank>{{kBase, kSize}, {std::uint64_t{1} << 44, kSize}});
  FakeSide side;
  PagedMemory memory{ram, side};
};

TEST_F(PagedMemoryTest, FreshMemoryIsZeroOnBothSidesAndCostsNothing) {
  EXPECT_EQ(get(kBase + 77), std::byte{0});
  EXPECT_EQ(memory.backed_bytes(), 0u);
  const std::uint64_t at = memory.on_device(kBase + kGranule + 5, 3, Access::kRead);
  EXPECT_EQ(at, FakeSide::kDevice + kGranule + 5);
  EXPECT_EQ(*side.at(at, 3), std::byte{0});
  EXPECT_EQ(memory.backed_bytes(), kGranule);
  EXPECT_EQ(side.uploaded, 0u);
}

TEST_F(PagedMemoryTest, SmallWritesStayOnTheHostUntilAPacketNeedsThem) {
  memory.write(kBase + 100, bytes(50, 7));
  EXPECT_EQ(memory.backed_bytes(), 0u);
  const std::uint64_t at = memory.on_device(kBase + 120, 4, Access::kRead);
  EXPECT_EQ(*side.at(at, 1), std::byte{7});
  EXPECT_EQ(side.uploaded, 4096u);
  memory.on_device(kBase + 120, 4, Access::kRead);
  EXPECT_EQ(side.uploaded, 4096u);
}

TEST_F(PagedMemoryTest, LargeWritesGoToTheGpuAndComeBack) {
  memory.write(kBase + 10, bytes(3 * kGranule, 9));
  EXPECT_GT(side.uploaded, 2 * kGranule);
  EXPECT_EQ(get(kBase + 9), std::byte{0});
  EXPECT_EQ(get(kBase + 10), std::byte{9});
  EXPECT_EQ(get(kBase + 3 * kGranule + 9), std::byte{9});
  EXPECT_EQ(get(kBase + 3 * kGranule + 10), std::byte{0});
}

TEST_F(PagedMemoryTest, LargeWritesStayOnTheHostWhereTheGpuIsFull) {
  side.limit = 1;
  memory.write(kBase, bytes(4 * kGranule, 5));
  EXPECT_EQ(side.backed.size(), 1u);
  EXPECT_EQ(get(kBase), std::byte{5});
  EXPECT_EQ(get(kBase + 4 * kGranule - 1), std::byte{5});
  EXPECT_THROW(memory.on_device(kBase + 2 * kGranule, 1, Access::kRead), Error);
  EXPECT_EQ(get(kBase + 2 * kGranule), std::byte{5});
}

TEST_F(PagedMemoryTest, WhatAPacketWroteIsReadFromTheGpu) {
  memory.write(kBase, bytes(16, 1));
  const std::uint64_t at = memory.on_device(kBase + 4, 4, Access::kWrite);
  std::memset(side.at(at, 4), 2, 4);
  EXPECT_EQ(get(kBase + 3), std::byte{1});
  EXPECT_EQ(get(kBase + 4), std::byte{2});
  // Bytes of the page that the packet does not use may be written meanwhile.
  memory.write(kBase + 12, bytes(4, 3));
  EXPECT_EQ(get(kBase + 4), std::byte{2});
  EXPECT_EQ(get(kBase + 12), std::byte{3});
  memory.on_host(kBase, 16, Access::kRead);
  EXPECT_EQ(*ram->pointer(kBase + 4, 1), std::byte{2});
  EXPECT_EQ(*ram->pointer(kBase + 12, 1), std::byte{3});
}

TEST_F(PagedMemoryTest, PinnedPagesComeBackAfterEachPacket) {
  const std::uint64_t ring = kBase + 2 * kGranule;
  memory.write(ring, bytes(kGranule, 1));
  memory.pin(0, ring, kGranule);
  EXPECT_EQ(*ram->pointer(ring, 1), std::byte{1});
  memory.write(ring, bytes(kGranule, 2));
  EXPECT_EQ(*ram->pointer(ring, 1), std::byte{2});
  const std::uint64_t at = memory.on_device(ring + 8, 4, Access::kWrite);
  std::memset(side.at(at, 4), 3, 4);
  memory.write(ring + 100, bytes(4, 4));
  memory.restore();
  EXPECT_EQ(*ram->pointer(ring + 8, 1), std::byte{3});
  EXPECT_EQ(*ram->pointer(ring + 100, 1), std::byte{4});
  memory.write(ring + 8, bytes(1, 5));
  EXPECT_EQ(*ram->pointer(ring + 8, 1), std::byte{5});
}

TEST_F(PagedMemoryTest, AddressesWithoutMemoryAreNamed) {
  try {
    memory.write(kBase + kSize - 4, bytes(8, 1));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(error.message().find("0x180000"), std::string::npos) << error.message();
  }
  EXPECT_EQ(get(kBase + kSize - 4), std::byte{0});
  EXPECT_THROW(memory.on_device(0, 1, Access::kRead), Error);
}

TEST_F(PagedMemoryTest, RandomTrafficEqualsPlainMemory) {
  std::mt19937_64 random(42);
  std::vector<std::byte> plain(kSize);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t size = 1 + below(below(4) == 0 ? 2 * kGranule : 6000);
    const std::uint64_t offset = below(kSize - size);
    const std::uint64_t addr = kBase + offset;
    const auto value = std::byte(random());
    switch (below(6)) {
      case 0:
        memory.write(addr, std::vector<std::byte>(size, value));
        std::fill_n(plain.begin() + std::ptrdiff_t(offset), size, value);
        break;
      case 1: {  // A packet.
        const std::uint64_t at = memory.on_device(addr, size, Access::kWrite);
        std::memset(side.at(at, size), int(value), size);
        std::fill_n(plain.begin() + std::ptrdiff_t(offset), size, value);
        break;
      }
      case 2: {
        const std::uint64_t at = memory.on_device(addr, size, Access::kRead);
        ASSERT_EQ(std::memcmp(side.at(at, size), plain.data() + offset, size), 0) << i;
        break;
      }
      case 3: {
        memory.on_host(addr, size, Access::kWrite);
        std::byte* host = ram->pointer(addr, size);
        ASSERT_EQ(std::memcmp(host, plain.data() + offset, size), 0) << i;
        std::fill_n(host, size, value);
        std::fill_n(plain.begin() + std::ptrdiff_t(offset), size, value);
        break;
      }
      case 4:
        if (below(2) == 0) {
          memory.pin(unsigned(below(3)), addr, size);
        } else {
          memory.unpin(unsigned(below(3)));
        }
        memory.restore();
        break;
      default: {
        std::vector<std::byte> got(size);
        memory.read(addr, got);
        ASSERT_EQ(std::memcmp(got.data(), plain.data() + offset, size), 0) << i;
      }
    }
  }
}

}  // namespace
}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
// The allocator against a plain model, and its messages.
#include "tandem/runtime/allocator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "tandem/base/error.hpp"

namespace tandem::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kBase = 0x8000'0000;

std::shared_ptr<Allocator> make(std::uint64_t size) {
  return std::make_shared<Allocator>("weights", PhysAddr(kBase), size);
}

TEST(Allocator, PlacesAllocationsWithAGuardBetween) {
  const auto allocator = make(1 << 20);
  const Buffer a = allocator->malloc(1, "a");
  const Buffer b = allocator->malloc(65, "b");
  const Buffer c = allocator->malloc(64, "c", 4096);
  EXPECT_EQ(a.addr().value, kBase);
  EXPECT_EQ(b.addr().value, kBase + 128);
  EXPECT_EQ(c.addr().value, kBase + 4096);
  EXPECT_EQ(b.num_bytes(), 65u);
  EXPECT_EQ(allocator->num_live(), 3u);
  EXPECT_EQ(allocator->used_bytes(), 128u + 192 + 128);
}

TEST(Allocator, FillsARegionToTheLastByte) {
  const auto allocator = make(4096);
  const Buffer all = allocator->malloc(4096, "all");
  EXPECT_EQ(allocator->largest_hole_bytes(), 0u);
  EXPECT_THROW(allocator->malloc(1, "more"), Error);
}

TEST(Allocator, TakesTheSmallestHoleThatFits) {
  const auto allocator = make(1 << 20);
  Buffer large = allocator->malloc(8192, "large");
  const Buffer keep1 = allocator->malloc(64, "keep1");
  Buffer small = allocator->malloc(1024, "small");
  const Buffer keep2 = allocator->malloc(64, "keep2");
  const PhysAddr small_addr = small.addr();
  large = Buffer();
  small = Buffer();
  EXPECT_EQ(allocator->malloc(1000, "again").addr(), small_addr);
}

TEST(Allocator, JoinsNeighbouringHoles) {
  const auto allocator = make(1 << 16);
  std::vector<Buffer> buffers;
  for (int i = 0; i < 8; ++i) {
    buffers.push_back(allocator->malloc(8192 - Allocator::kGuardBytes, "part"));
  }
  EXPECT_THROW(allocator->malloc(64, "none left"), Error);
  for (const int i : {1, 3, 2, 7, 0, 5, 6, 4}) {
    buffers[static_cast<std::size_t>(i)] = Buffer();
  }
  EXPECT_EQ(allocator->largest_hole_bytes(), 1u << 16);
  EXPECT_EQ(allocator->malloc(1 << 16, "all").addr().value, kBase);
}

TEST(Allocator, BufferMovesAndOutlivesItsOwner) {
  auto allocator = make(4096);
  Buffer a = allocator->malloc(64, "a");
  Buffer b = std::move(a);
  EXPECT_FALSE(a);
  EXPECT_TRUE(b);
  b = std::move(b);
  EXPECT_TRUE(b);
  EXPECT_EQ(allocator->num_live(), 1u);
  b = allocator->malloc(64, "other");
  EXPECT_EQ(allocator->num_live(), 1u);
  allocator.reset();
  b = Buffer();
}

TEST(Allocator, TellsTheObserver) {
  const auto allocator = make(4096);
  std::vector<std::string> events;
  allocator->set_observer(
      {.allocated = [&](const Allocator::Allocation& a) { events.push_back("+" + a.label); },
       .freed = [&](const Allocator::Allocation& a) { events.push_back("-" + a.label); }});
  { const Buffer a = allocator->malloc(64, "a"); }
  allocator->set_observer({});
  { const Buffer b = allocator->malloc(64, "b"); }
  EXPECT_THAT(events, ::testing::ElementsAre("+a", "-a"));
}

TEST(Allocator, FindsTheAllocationOfAnAddress) {
  const auto allocator = make(4096);
  const Buffer a = allocator->malloc(100, "a");
  ASSERT_NE(allocator->find(PhysAddr(kBase + 99)), nullptr);
  EXPECT_EQ(allocator->find(PhysAddr(kBase + 99))->label, "a");
  EXPECT_EQ(allocator->find(PhysAddr(kBase + 100)), nullptr);
  EXPECT_EQ(allocator->find(PhysAddr(kBase - 1)), nullptr);
}

TEST(AllocatorBad, ZeroBytesAndAlignment) {
  const auto allocator = make(4096);
  const auto message = [&](std::uint64_t bytes, std::uint64_t align) -> std::string {
    try {
      allocator->malloc(bytes, "x", align);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.message();
    }
    return "no error";
  };
  EXPECT_EQ(message(0, 64), "malloc 'x' in region 'weights': 0 bytes; expected 1 or more");
  EXPECT_EQ(message(1, 96),
            "malloc 'x' in region 'weights': alignment 96; expected a power of two of 64 or more");
  EXPECT_EQ(message(1, 32),
            "malloc 'x' in region 'weights': alignment 32; expected a power of two of 64 or more");
  EXPECT_THAT(message(1, 0), HasSubstr("alignment 0"));
}

TEST(AllocatorBad, OutOfMemorySaysWhatIsLive) {
  const auto allocator = make(1 << 20);
  std::vector<Buffer> buffers;
  buffers.push_back(allocator->malloc(600'000, "model.layers.0"));
  buffers.push_back(allocator->malloc(300'000, "model.layers.1"));
  for (int i = 0; i < 20; ++i) {
    buffers.push_back(allocator->malloc(1024, "small " + std::to_string(i)));
  }
  try {
    allocator->malloc(1 << 19, "kv cache", 4096);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(
        error.message(),
        AllOf(HasSubstr("region 'weights' has no room for 'kv cache': 524288 bytes (512.00 KiB) of "
                        "alignment 4096; the largest hole has "),
              HasSubstr("of 1.00 MiB are in use by 22 allocations"),
              HasSubstr("\n      585.94 KiB  0x80000000  model.layers.0\n      292.97 KiB  "),
              HasSubstr("small 7"), HasSubstr("in 12 smaller ones"),
              HasSubstr("enlarge region 'weights' in the configuration")));
    EXPECT_THAT(error.message(), ::testing::Not(HasSubstr("small 8\n")));
  }
  EXPECT_THROW(allocator->malloc(~std::uint64_t{0}, "huge"), Error);
  EXPECT_THROW(allocator->malloc(1, "far", std::uint64_t{1} << 63), Error);
  EXPECT_EQ(allocator->num_live(), 22u);
}

/// Byte owners, one a granule: slow and obviously right.
class Model {
 public:
  explicit Model(std::uint64_t size) : taken_(size / 64, false) {}

  void set(const Buffer& buffer, bool taken) {
    const std::uint64_t first = (buffer.addr().value - kBase) / 64;
    const std::uint64_t count = (buffer.num_bytes() + 63) / 64;
    for (std::uint64_t i = first; i < first + count; ++i) {
      ASSERT_LT(i, taken_.size());
      ASSERT_NE(taken_[i], taken);
      taken_[i] = taken;
    }
    if (taken && first > 0) {
      ASSERT_FALSE(taken_[first - 1]) << "no guard before " << buffer.addr().value;
    }
    if (taken && first + count < taken_.size()) {
      ASSERT_FALSE(taken_[first + count]) << "no guard behind " << buffer.addr().value;
    }
  }

  /// Whether any aligned place with guards on both sides is free.
  bool has_room(std::uint64_t bytes, std::uint64_t align) const {
    const std::uint64_t count = (bytes + 63) / 64;
    for (std::uint64_t i = 0; i + count <= taken_.size(); ++i) {
      if ((kBase + i * 64) % align != 0 || (i > 0 && taken_[i - 1])) {
        continue;
      }
      const std::uint64_t end = std::min<std::uint64_t>(i + count + 1, taken_.size());
      bool free = true;
      for (std::uint64_t j = i; j < end && free; ++j) {
        free = !taken_[j];
      }
      if (free) {
        return true;
      }
    }
    return false;
  }

 private:
  std::vector<bool> taken_;
};

TEST(Allocator, AgreesWithThePlainModel) {
  constexpr unsigned kSeed = 7;
  constexpr std::uint64_t kSize = 1 << 16;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  const auto allocator = make(kSize);
  Model model(kSize);
  std::vector<Buffer> live;
  int refused = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (!live.empty() && random() % 100 < 45) {
      const std::size_t i = random() % live.size();
      model.set(live[i], false);
      std::swap(live[i], live.back());
      live.pop_back();
    } else {
      const std::uint64_t bytes = 1 + random() % (random() % 8 == 0 ? 16384 : 1500);
      const std::uint64_t align = std::uint64_t{64} << random() % 6;
      const bool room = model.has_room(bytes, align);
      try {
        live.push_back(allocator->malloc(bytes, "x", align));
        ASSERT_TRUE(room) << "step " << step;
        ASSERT_EQ(live.back().addr().value % align, 0u);
        model.set(live.back(), true);
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ErrorCode::kOutOfMemory);
        ASSERT_FALSE(room) << "step " << step << ": " << error.what();
        ++refused;
      }
    }
    ASSERT_FALSE(::testing::Test::HasFatalFailure());
    ASSERT_EQ(allocator->num_live(), live.size());
    if (const std::uint64_t hole = allocator->largest_hole_bytes(); step % 64 == 0 && hole > 0) {
      ASSERT_TRUE(model.has_room(hole, 64));
      ASSERT_FALSE(model.has_room(hole + 64, 64));
    }
  }
  EXPECT_GT(refused, 100);
  live.clear();
  EXPECT_EQ(allocator->largest_hole_bytes(), kSize);
  EXPECT_EQ(allocator->used_bytes(), 0u);
}

}  // namespace
}  // namespace tandem::runtime

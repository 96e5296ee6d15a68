// SPDX-License-Identifier: Apache-2.0
// COPY, FILL, GATHER, SCATTER_ADD against plain loops.
#include <gtest/gtest.h>

#include "conformance/functional.hpp"

namespace tandem::tests {
namespace {

using abi::Dtype;

class Copy : public Functional {};
class Fill : public Functional {};
class Gather : public Functional {};
class ScatterAdd : public Functional {};
TANDEM_CONFORMANCE_FIXTURE(Copy);
TANDEM_CONFORMANCE_FIXTURE(Fill);
TANDEM_CONFORMANCE_FIXTURE(Gather);
TANDEM_CONFORMANCE_FIXTURE(ScatterAdd);

abi::CopyPacket copy_line(std::uint64_t dst, std::uint64_t src, std::uint32_t count,
                          std::uint8_t elem_bytes) {
  abi::CopyPacket p;
  p.extent0 = p.extent1 = p.extent2 = 1;
  p.extent3 = count;
  p.elem_bytes = elem_bytes;
  p.src_addr = src;
  p.dst_addr = dst;
  p.src_stride3 = p.dst_stride3 = elem_bytes;
  return p;
}

TEST_P(Copy, ContiguousAtEveryOffsetAndLength) {
  for (const std::uint32_t length : {1u, 2u, 3u, 7u, 31u, 64u, 65u, 300u}) {
    for (std::uint64_t offset = 0; offset < 9; ++offset) {
      scramble();
      SCOPED_TRACE(fmt::format("{} bytes, offset {}", length, offset));
      compare(copy_line(kB + offset, kA + (offset * 5) % 8, length, 1));
    }
  }
}

TEST_P(Copy, LongRunsOfEveryElementSize) {
  for (const std::uint8_t bytes : {1, 2, 4, 8}) {
    scramble();
    compare(copy_line(kB, kA, 40000u / bytes, bytes));
  }
}

TEST_P(Copy, FourDimensionsOfEveryElementSize) {
  for (int round = 0; round < 40; ++round) {
    scramble();
    abi::CopyPacket p;
    const std::uint64_t e = p.elem_bytes = static_cast<std::uint8_t>(1u << random(4));
    p.extent0 = random_between(1, 3);
    p.extent1 = random_between(1, 4);
    p.extent2 = random_between(1, 5);
    p.extent3 = random_between(1, 9);
    p.dst_addr = kB + e * random(8);
    p.dst_stride3 = e * random_between(1, 3);
    p.dst_stride2 = p.dst_stride3 * p.extent3 + e * random(3);
    p.dst_stride1 = p.dst_stride2 * p.extent2 + e * random(3);
    p.dst_stride0 = p.dst_stride1 * p.extent1;
    p.src_addr = kA + e * random(8);
    p.src_stride0 = e * random(50);  // 0 broadcasts
    p.src_stride1 = e * random(20);
    p.src_stride2 = e * random(10);
    p.src_stride3 = e * random(4);
    SCOPED_TRACE(round);
    compare(p);
  }
}

TEST_P(Copy, Transposes) {
  for (const std::uint8_t bytes : {1, 2, 4, 8}) {
    scramble();
    const std::uint64_t e = bytes;
    abi::CopyPacket p = copy_line(kB, kA, 37, bytes);
    p.extent2 = 21;
    p.src_stride3 = 21 * e;
    p.src_stride2 = e;
    p.dst_stride3 = e;
    p.dst_stride2 = 37 * e;
    compare(p);
  }
}

TEST_P(Copy, CrossesAdjacentRegions) {
  device().fill(map::kLow, map::kLowSize + map::kHighSize, 0x5a);
  device().write_one<std::uint64_t>(map::kData, 0x0102030405060708);
  expect_success(device().run(copy_line(map::kHigh - 4, map::kData, 8, 1)));
  EXPECT_EQ(device().read_one<std::uint64_t>(map::kHigh - 4), 0x0102030405060708u);
  expect_success(device().run(copy_line(map::kData + 64, map::kHigh - 4, 8, 1)));
  EXPECT_EQ(device().read_one<std::uint64_t>(map::kData + 64), 0x0102030405060708u);
}

TEST_P(Copy, ChecksumTellsSwapsShiftsAndZeros) {
  const auto sum = [&](std::vector<std::uint8_t> bytes, std::uint64_t addr) {
    device().write(map::kData + 0x1000, bytes);
    return device()
        .run(copy_line(addr, map::kData + 0x1000, std::uint32_t(bytes.size()), 1))
        .checksum;
  };
  const std::uint64_t addr = map::kData + 0x2000;
  const std::uint64_t base = sum({1, 2, 3, 4, 0, 0, 0, 0}, addr);
  EXPECT_NE(base, sum({1, 2, 3, 4, 0, 0, 0}, addr)) << "a lost zero";
  EXPECT_NE(base, sum({2, 1, 3, 4, 0, 0, 0, 0}, addr)) << "swapped lanes";
  EXPECT_NE(base, sum({0, 0, 0, 0, 1, 2, 3, 4}, addr)) << "swapped words";
  EXPECT_NE(base, sum({1, 2, 3, 4, 0, 0, 0, 0}, addr + 4)) << "a shift";
  EXPECT_NE(base, sum({1, 2, 3, 4, 0, 0, 0, 0}, addr + 1)) << "a shift by a lane";
  EXPECT_EQ(base, sum({1, 2, 3, 4, 0, 0, 0, 0}, addr));
}

TEST_P(Fill, ShapesOfEveryElementSize) {
  for (int round = 0; round < 30; ++round) {
    scramble();
    abi::FillPacket p;
    const std::uint64_t e = p.elem_bytes = static_cast<std::uint8_t>(1u << random(4));
    p.value = 0x0123'4567'89ab'cdef >> (64 - 8 * e);
    p.extent0 = random_between(1, 3);
    p.extent1 = random_between(1, 4);
    p.extent2 = random_between(1, 5);
    p.extent3 = random_between(1, 70);
    p.dst_addr = kB + e * random(8);
    p.dst_stride3 = e * random_between(1, 2);
    p.dst_stride2 = p.dst_stride3 * p.extent3 + e * random(3);
    p.dst_stride1 = p.dst_stride2 * p.extent2 + e * random(3);
    p.dst_stride0 = p.dst_stride1 * p.extent1;
    SCOPED_TRACE(round);
    compare(p);
  }
}

TEST_P(Gather, RowsByIndex) {
  for (int round = 0; round < 30; ++round) {
    scramble();
    abi::GatherPacket p;
    const std::uint64_t e = p.elem_bytes = static_cast<std::uint8_t>(1u << random(4));
    p.index_type = random(2) == 0 ? Dtype::kI32 : Dtype::kI64;
    const std::uint64_t i = p.index_type == Dtype::kI32 ? 4 : 8;
    p.extent0 = random_between(1, 3);
    p.extent1 = random_between(1, 6);
    p.extent2 = random_between(1, 9);
    p.limit = random_between(1, 12);
    p.src_addr = kA;
    p.src_stride2 = e * random_between(1, 2);
    p.src_index_stride = p.src_stride2 * p.extent2 + e * random(2);
    p.src_stride0 = p.src_index_stride * p.limit * random(2);
    p.dst_addr = kB + e * random(4);
    p.dst_stride2 = e;
    p.dst_stride1 = e * (p.extent2 + random(3));
    p.dst_stride0 = p.dst_stride1 * p.extent1;
    // An index for each element, each row, or all alike.
    const std::uint32_t kind = random(3);
    p.index_addr = kC;
    p.index_stride2 = kind == 0 ? i : 0;
    p.index_stride1 = kind <= 1 ? i * (kind == 0 ? p.extent2 : 1) : 0;
    p.index_stride0 = p.index_stride1 * p.extent1 * random(2);
    for (std::uint64_t n = 0; n < 256; ++n) {
      const std::int64_t index = random(p.limit);
      if (i == 8) device().write_one(kC + n * i, index);
      if (i == 4) device().write_one(kC + n * i, static_cast<std::int32_t>(index));
    }
    SCOPED_TRACE(round);
    compare(p);
  }
}

TEST_P(Gather, FirstIndexOutOfRangeEndsThePacket) {
  abi::GatherPacket p;
  p.extent0 = 1;
  p.extent1 = 4;
  p.extent2 = 1;
  p.limit = 3;
  p.elem_bytes = 4;
  p.index_type = Dtype::kI32;
  p.src_addr = kA;
  p.src_index_stride = 4;
  p.dst_addr = kB;
  p.dst_stride1 = 4;
  p.index_addr = kC;
  p.index_stride1 = 4;
  device().write(kC, std::vector<std::int32_t>{0, 2, 3, -1});
  compare(p);
}

TEST_P(ScatterAdd, AddsInIndexOrder) {
  for (int round = 0; round < 30; ++round) {
    scramble();
    abi::ScatterAddPacket p;
    p.elem_type = random(2) == 0 ? Dtype::kF32 : Dtype::kI32;
    p.index_type = random(2) == 0 ? Dtype::kI32 : Dtype::kI64;
    const std::uint64_t i = p.index_type == Dtype::kI32 ? 4 : 8;
    p.extent0 = random_between(1, 3);
    p.extent1 = random_between(1, 20);
    p.extent2 = random_between(1, 9);
    p.limit = random_between(1, 5);  // collisions are certain
    p.src_addr = kA;
    p.src_stride2 = 4;
    p.src_stride1 = 4 * p.extent2;
    p.src_stride0 = p.src_stride1 * p.extent1;
    p.dst_addr = kB;
    p.dst_stride2 = 4;
    p.dst_index_stride = 4 * (p.extent2 + random(2));
    p.dst_stride0 = p.dst_index_stride * p.limit;
    if (p.elem_type == Dtype::kF32) {
      put_floats(kA, 1024);
      put_floats(kB, 1024);
    }
    const std::uint32_t kind = random(3);
    p.index_addr = kC;
    p.index_stride2 = kind == 0 ? i : 0;
    p.index_stride1 = kind <= 1 ? i * (kind == 0 ? p.extent2 : 1) : 0;
    p.index_stride0 = p.index_stride1 * p.extent1 * random(2);
    for (std::uint64_t n = 0; n < 640; ++n) {
      const std::int64_t index = random(p.limit);
      if (i == 8) device().write_one(kC + n * i, index);
      if (i == 4) device().write_one(kC + n * i, static_cast<std::int32_t>(index));
    }
    SCOPED_TRACE(round);
    compare(p);
  }
}

TEST_P(ScatterAdd, FloatsRoundAfterEveryAddition) {
  // 2^24 + 1 + 1 stays 2^24 one by one; in another order it does not.
  abi::ScatterAddPacket p;
  p.extent0 = p.extent2 = 1;
  p.extent1 = 3;
  p.limit = 1;
  p.elem_type = Dtype::kF32;
  p.index_type = Dtype::kI32;
  p.src_addr = kA;
  p.src_stride1 = 4;
  p.dst_addr = kB;
  p.index_addr = kC;
  device().fill(kC, 16, 0);
  device().write(kA, std::vector<float>{16777216.0f, 1.0f, 1.0f});
  device().write_one(kB, 0.0f);
  compare(p);
  EXPECT_EQ(device().read_one<float>(kB), 16777216.0f);
  device().write_one(kB, -0.0f);
  device().write(kA, std::vector<float>{-0.0f, -0.0f, -0.0f});
  compare(p);
  // NaN and infinities give the canonical NaN.
  device().write(kA, std::vector<std::uint32_t>{0x7f80'0000, 0xff80'0000, 0xffc1'2345});
  compare(p);
  EXPECT_EQ(device().read_one<std::uint32_t>(kB), 0x7fc0'0000u);
}

}  // namespace
}  // namespace tandem::tests

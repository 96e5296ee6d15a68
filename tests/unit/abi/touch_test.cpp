// SPDX-License-Identifier: Apache-2.0
#include "tandem/abi/touch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "samples.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::abi {
namespace {

constexpr std::uint64_t kSeed = 7;

std::set<std::uint64_t> bytes_of(const Operand& operand) {
  std::set<std::uint64_t> bytes;
  for_each_run(operand, [&](std::uint64_t addr, std::uint64_t num_bytes) {
    for (std::uint64_t i = 0; i < num_bytes; ++i) bytes.insert(addr + i);
  });
  return bytes;
}

Operand random_operand(std::mt19937_64& random) {
  Operand operand;
  operand.name = "a";
  operand.base = 1000;
  operand.run_bytes = 1 + random() % 6;
  operand.num_dims = static_cast<int>(random() % 4);
  for (int d = 0; d < operand.num_dims; ++d) {
    operand.dims[static_cast<std::size_t>(d)] = {1 + random() % 5, random() % 24};
  }
  return operand;
}

const Operand& named(const OperandList& list, std::string_view name) {
  return *std::ranges::find(list.view(), name, &Operand::name);
}

TEST(Touch, AgreesWithEveryByteOfTheRuns) {
  SCOPED_TRACE(kSeed);
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 2000; ++i) {
    const Operand operand = random_operand(random);
    const auto bytes = bytes_of(operand);
    const std::uint64_t begin = 990 + random() % 200;
    const ByteRange range{begin, begin + random() % 8};
    const auto first = bytes.lower_bound(range.begin);
    const bool expected = first != bytes.end() && *first < range.end;
    const auto touch = first_touch(operand, range);
    ASSERT_EQ(touch.has_value(), expected) << i;
    if (!touch) continue;
    ASSERT_TRUE(touch->addr >= range.begin && touch->addr < range.end);
    std::uint64_t addr = operand.base + touch->in_run;
    for (int d = 0; d < operand.num_dims; ++d) {
      const auto at = static_cast<std::size_t>(d);
      ASSERT_LT(touch->index[at], operand.dims[at].extent);
      addr += touch->index[at] * operand.dims[at].stride;
    }
    ASSERT_EQ(addr, touch->addr);
    ASSERT_LT(touch->in_run, operand.run_bytes);
  }
}

TEST(Touch, NamesTheElement) {
  const Packet packet = to_packet(sample_matmul());
  const OperandList list = checked_operands(packet);
  const Operand& c = named(list, "c");
  // Batch 1, 1, row 2, column 3.
  const std::uint64_t addr = c.base + 120 + 60 + 2 * 20 + 3 * 4;
  const auto touch = first_touch(c, {addr + 1, addr + 2});
  ASSERT_TRUE(touch);
  EXPECT_EQ(touch_text(c, *touch, element_bytes(packet, c)), "c[1, 1, 2, 3]");
  EXPECT_EQ(touch->addr, addr + 1);
}

TEST(Touch, WideStridesCostNothing) {
  Operand operand;
  operand.base = 1;
  operand.run_bytes = 1;
  operand.num_dims = 2;
  operand.dims[0] = {1u << 20, 1u << 22};
  operand.dims[1] = {1u << 20, 4};
  EXPECT_TRUE(first_touch(operand, {(std::uint64_t{77} << 22) + 1 + 4000, ~std::uint64_t{0}}));
  EXPECT_FALSE(
      first_touch(operand, {(std::uint64_t{77} << 22) + 2, (std::uint64_t{77} << 22) + 5}));
}

TEST(Touch, BadPacketsHaveNoOperands) {
  MatmulPacket packet = sample_matmul();
  packet.m = 0;
  EXPECT_EQ(checked_operands(to_packet(packet)).count, 0);
}

TEST(DistinctBytes, CountsBroadcastsOnce) {
  const Packet packet = to_packet(sample_matmul());
  const OperandList list = checked_operands(packet);
  // B has no batch strides: 7 x 5 elements, whatever the batches.
  EXPECT_EQ(distinct_bytes(packet, named(list, "b")), 7u * 5 * 4);
  EXPECT_EQ(distinct_bytes(packet, named(list, "a")), 4u * 3 * 7 * 4);
  EXPECT_EQ(distinct_bytes(packet, named(list, "c")), 4u * 3 * 5 * 4);
}

TEST(DistinctBytes, CountsWhatIndicesSelect) {
  const GatherPacket gather = sample_gather();
  const Packet packet = to_packet(gather);
  const OperandList list = checked_operands(packet);
  EXPECT_EQ(distinct_bytes(packet, named(list, "src")),
            std::uint64_t{gather.extent0} * gather.extent1 * gather.extent2 * gather.elem_bytes);
}

}  // namespace
}  // namespace tandem::abi

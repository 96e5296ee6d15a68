// SPDX-License-Identifier: Apache-2.0
// Parts of packets do parts of the work.
#include "shape.hpp"

#include <gtest/gtest.h>

#include "tandem/abi/elements.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::debug {
namespace {

using abi::Dtype;

abi::MatmulPacket product() {
  abi::MatmulPacket p;
  p.m = 6;
  p.n = 96;
  p.k = 64;
  p.batch0 = 2;
  p.batch1 = 3;
  p.a_type = p.b_type = Dtype::kF16;
  p.c_type = Dtype::kF32;
  p.a_addr = 0x10000;
  p.a_row_stride = 128;
  p.a_batch0_stride = 0x4000;
  p.a_batch1_stride = 0x1000;
  p.b_addr = 0x20000;
  p.b_layout = abi::BLayout::kPanels;
  p.b_row_stride = 64 * 64;
  p.c_addr = 0x80000;
  p.c_row_stride = 96 * 4;
  p.c_batch0_stride = 0x8000;
  p.c_batch1_stride = 0x2000;
  return p;
}

Extent extent_of(const abi::Packet& packet, std::string_view field) {
  for (const Extent& extent : extents(packet)) {
    if (extent.field == field) return extent;
  }
  ADD_FAILURE() << field;
  return {};
}

TEST(Shape, Product) {
  const abi::Packet packet = abi::to_packet(product());
  const auto part = [&](const char* field, std::uint64_t first, std::uint64_t count) {
    return abi::packet_as<abi::MatmulPacket>(
        narrowed(packet, extent_of(packet, field), first, count));
  };
  EXPECT_EQ(part("m", 0, 2).m, 2u);
  EXPECT_EQ(part("m", 2, 3).a_addr, 0x10000u + 2 * 128);
  EXPECT_EQ(part("m", 2, 3).c_addr, 0x80000u + 2 * 96 * 4);
  EXPECT_EQ(part("batch0", 1, 1).a_addr, 0x14000u);
  EXPECT_EQ(part("batch1", 2, 1).c_addr, 0x84000u);
  EXPECT_EQ(extent_of(packet, "n").granule, 32u);
  EXPECT_EQ(part("n", 64, 32).b_addr, 0x20000u + 2 * 64 * 64);
  EXPECT_EQ(part("n", 64, 32).c_addr, 0x80000u + 64 * 4);
  EXPECT_EQ(part("k", 8, 56).a_addr, 0x10000u + 8 * 2);
  EXPECT_EQ(part("k", 8, 56).b_addr, 0x20000u + 8 * 64);
  for (const char* field : {"batch0", "batch1", "m", "n", "k"}) {
    const Extent extent = extent_of(packet, field);
    const std::uint64_t first = extent.value / 2 / extent.granule * extent.granule;
    EXPECT_FALSE(
        abi::memory_operands(narrowed(packet, extent, first, extent.value - first)).empty())
        << field;
  }
}

TEST(Shape, GroupsMoveWithTheirColumnsAndDepth) {
  abi::MatmulPacket p = product();
  p.b_type = Dtype::kU4;
  p.b_row_stride = 64 * 16;
  p.scale_mode = abi::ScaleMode::kGroup;
  p.scale_type = Dtype::kF16;
  p.group_size = 16;
  p.b_scale_addr = 0x30000;
  p.b_min_addr = 0x40000;
  p.b_scale_row_stride = 4 * 32 * 2;
  const abi::Packet packet = abi::to_packet(p);
  ASSERT_FALSE(abi::memory_operands(packet).empty());
  const auto n =
      abi::packet_as<abi::MatmulPacket>(narrowed(packet, extent_of(packet, "n"), 32, 64));
  EXPECT_EQ(n.b_scale_addr, 0x30000u + 256);
  EXPECT_EQ(n.b_min_addr, 0x40000u + 256);
  const Extent depth = extent_of(packet, "k");
  EXPECT_EQ(depth.granule, 16u);
  const auto k = abi::packet_as<abi::MatmulPacket>(narrowed(packet, depth, 32, 32));
  EXPECT_EQ(k.b_scale_addr, 0x30000u + 2 * 64);
  EXPECT_EQ(k.b_addr, 0x20000u + 32 * 16);
  EXPECT_FALSE(abi::memory_operands(abi::to_packet(k)).empty());
}

TEST(Shape, Gather) {
  abi::GatherPacket p;
  p.extent0 = 2;
  p.extent1 = 5;
  p.extent2 = 8;
  p.limit = 100;
  p.elem_bytes = 4;
  p.index_type = Dtype::kI32;
  p.src_addr = 0x1000;
  p.src_stride0 = 0x10000;
  p.src_index_stride = 32;
  p.src_stride2 = 4;
  p.dst_addr = 0x40000;
  p.dst_stride0 = 160;
  p.dst_stride1 = 32;
  p.dst_stride2 = 4;
  p.index_addr = 0x50000;
  p.index_stride0 = 20;
  p.index_stride1 = 4;
  const abi::Packet packet = abi::to_packet(p);
  const auto j =
      abi::packet_as<abi::GatherPacket>(narrowed(packet, extent_of(packet, "extent1"), 3, 2));
  EXPECT_EQ(j.src_addr, 0x1000u);
  EXPECT_EQ(j.dst_addr, 0x40000u + 96);
  EXPECT_EQ(j.index_addr, 0x50000u + 12);
  const auto l =
      abi::packet_as<abi::GatherPacket>(narrowed(packet, extent_of(packet, "extent2"), 4, 4));
  EXPECT_EQ(l.src_addr, 0x1000u + 16);
  EXPECT_EQ(l.index_addr, 0x50000u);
}

TEST(Shape, PacketsWithoutAShape) {
  EXPECT_TRUE(extents(abi::to_packet(abi::NopPacket{})).empty());
}

}  // namespace
}  // namespace tandem::debug

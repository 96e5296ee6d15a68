// SPDX-License-Identifier: Apache-2.0
// Cycles of typical packets on the 512-bit engine, counted, not timed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>

#include "VDmaEngine512.h"
#include "packetgen/dma_cases.hpp"
#include "rtl/support/engine_bench.hpp"

namespace tandem::rtltest {

using namespace packetgen;

namespace {

constexpr std::uint64_t kSrc = 0x1000'0000;
constexpr std::uint64_t kDst = 0x12'3456'0000;
constexpr std::uint64_t kIndex = 0x1001'c000;

abi::CopyPacket copy(std::array<std::uint32_t, 2> extents, std::uint8_t bytes,
                     std::array<std::uint64_t, 2> src, std::array<std::uint64_t, 2> dst) {
  abi::CopyPacket p;
  p.extent0 = p.extent1 = 1;
  p.extent2 = extents[0];
  p.extent3 = extents[1];
  p.elem_bytes = bytes;
  p.src_addr = kSrc;
  p.src_stride2 = src[0];
  p.src_stride3 = src[1];
  p.dst_addr = kDst;
  p.dst_stride2 = dst[0];
  p.dst_stride3 = dst[1];
  return p;
}

abi::GatherPacket gather(std::uint32_t rows, std::uint32_t row_elements, std::uint32_t limit) {
  abi::GatherPacket p;
  p.elem_bytes = 4;
  p.index_type = abi::Dtype::kI32;
  p.extent0 = 1;
  p.extent1 = rows;
  p.extent2 = row_elements;
  p.limit = limit;
  p.src_addr = kSrc;
  p.src_index_stride = 4 * row_elements;
  p.src_stride2 = 4;
  p.dst_addr = kDst;
  p.dst_stride1 = 4 * row_elements;
  p.dst_stride2 = 4;
  p.index_addr = kIndex;
  p.index_stride1 = 4;
  return p;
}

abi::ScatterAddPacket scatter_add(std::uint32_t rows, std::uint32_t row_elements,
                                  std::uint32_t limit) {
  abi::ScatterAddPacket p;
  p.elem_type = abi::Dtype::kF32;
  p.index_type = abi::Dtype::kI32;
  p.extent0 = 1;
  p.extent1 = rows;
  p.extent2 = row_elements;
  p.limit = limit;
  p.src_addr = kSrc;
  p.src_stride1 = 4 * row_elements;
  p.src_stride2 = 4;
  p.dst_addr = kDst;
  p.dst_index_stride = 4 * row_elements;
  p.dst_stride2 = 4;
  p.index_addr = kIndex;
  p.index_stride1 = 4;
  return p;
}

std::vector<std::int32_t> indices(std::uint32_t count, std::uint32_t limit, std::uint32_t factor) {
  std::vector<std::int32_t> data(count);
  for (std::uint32_t i = 0; i < count; ++i) data[i] = static_cast<std::int32_t>(i * factor % limit);
  return data;
}

class DmaCycles : public testing::Test {
 protected:
  using Bench = EngineBench<VDmaEngine512>;

  /// Runs the packet with both memories; the cycles may be at most those given.
  template <class P>
  void expect(const char* name, const P& packet, std::uint64_t bytes, std::uint64_t zero_wait,
              std::uint64_t realistic, const std::vector<std::int32_t>& index = {}) {
    const std::pair<rtlmodel::AxiSettings, std::uint64_t> runs[] = {
        {rtlmodel::AxiSettings::zero_wait(), zero_wait},
        {rtlmodel::AxiSettings::realistic(), realistic}};
    std::string line = fmt::format("{:<40} {:>6} bytes", name, bytes);
    for (const auto& [settings, most] : runs) {
      Bench bench(settings, {.banks = dma_banks()});
      bench.write(kIndex, index);
      ASSERT_TRUE(bench.same(packet)) << name;
      const std::uint64_t cycles = bench.last().cycles;
      EXPECT_LE(cycles, most) << name << ", latency " << settings.latency;
      EXPECT_GT(cycles, most * 7 / 10) << name << " became faster: lower the bound";
      line += fmt::format(" {:>6} cycles ({:.3f} a byte)", cycles, double(cycles) / double(bytes));
    }
    fmt::print("{}\n", line);
  }
};

TEST_F(DmaCycles, Copies) {
  expect("contiguous, aligned", copy({1, 0x4000}, 4, {0, 4}, {0, 4}), 0x1'0000, 1105, 1265);
  auto unaligned = copy({1, 0x4000}, 4, {0, 4}, {0, 4});
  unaligned.src_addr += 12;
  expect("source unaligned", unaligned, 0x1'0000, 1105, 1270);
  unaligned.dst_addr += 36;
  expect("both unaligned", unaligned, 0x1'0000, 1110, 1270);
  expect("rows of 256 bytes to rows of 512", copy({128, 128}, 2, {256, 2}, {512, 2}), 0x8000, 565,
         870);
  expect("rows of 200 bytes packed", copy({128, 100}, 2, {256, 2}, {200, 2}), 25600, 575, 880);
  expect("rows of 8 bytes packed", copy({4096, 1}, 8, {16, 8}, {8, 8}), 0x8000, 4265, 5530);
  expect("transpose f16 128 x 128", copy({128, 128}, 2, {2, 256}, {256, 2}), 0x8000, 16920, 85575);
  expect("transpose f16 128 x 128, dst strided", copy({128, 128}, 2, {256, 2}, {2, 256}), 0x8000,
         16910, 85595);
  expect("transpose f32 64 x 128", copy({64, 128}, 4, {4, 256}, {512, 4}), 0x8000, 8485, 42860);
  expect("broadcast of one f32", copy({1, 4096}, 4, {0, 0}, {0, 4}), 0x4000, 4265, 4430);
  expect("64 bytes", copy({1, 16}, 4, {0, 4}, {0, 4}), 64, 35, 200);
}

TEST_F(DmaCycles, Fills) {
  abi::FillPacket p;
  p.extent0 = p.extent1 = p.extent2 = 1;
  p.extent3 = 0x4000;
  p.elem_bytes = 4;
  p.dst_addr = kDst;
  p.dst_stride3 = 4;
  expect("fill", p, 0x1'0000, 1095, 1180);
  p.dst_addr += 4;
  expect("fill, unaligned", p, 0x1'0000, 1100, 1180);
  p.extent3 = 2048;
  p.dst_stride3 = 8;
  expect("fill, every other word", p, 0x2000, 2130, 2215);
}

TEST_F(DmaCycles, Gathers) {
  expect("gather rows of 2304 bytes", gather(28, 576, 40), 28 * 2304, 1105, 1350,
         indices(28, 40, 7));
  expect("gather rows of 64 bytes", gather(1024, 16, 1000), 0x1'0000, 1155, 5600,
         indices(1024, 1000, 77));
  expect("gather words", gather(4096, 1, 16384), 0x4000, 4520, 21585, indices(4096, 16384, 777));
}

TEST_F(DmaCycles, ScatterAdds) {
  expect("scatter rows of 2304 bytes", scatter_add(28, 576, 40), 28 * 2304, 2125, 2380,
         indices(28, 40, 7));
  expect("scatter rows of 64 bytes", scatter_add(1024, 16, 1000), 0x1'0000, 3100, 14025,
         indices(1024, 1000, 77));
  expect("scatter words", scatter_add(4096, 1, 16384), 0x4000, 8860, 49000,
         indices(4096, 16384, 777));
  expect("scatter onto one word", scatter_add(256, 1, 1), 0x400, 6635, 48375, indices(256, 1, 0));
}

}  // namespace
}  // namespace tandem::rtltest

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>

#include "samples.hpp"

namespace tandem::abi {
namespace {

struct Case {
  const char* what;
  MatmulPacket base;
  std::function<void(MatmulPacket&)> change;
  Fault fault;
  std::uint64_t at;
};

void expect(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    MatmulPacket p = c.base;
    c.change(p);
    const CheckResult r = check_packet(to_packet(p), kLimits);
    EXPECT_EQ(r.fault, c.fault) << c.what << " at " << r.fault_addr;
    EXPECT_EQ(r.fault_addr, c.at) << c.what;
  }
}

TEST(CheckMatmul, TypesGoTogether) {
  const MatmulPacket plain = sample_matmul();
  const MatmulPacket group = sample_group();
  const MatmulPacket scaled = sample_row_col();
  expect({
      {"group with float b", group, [](auto& p) { p.b_type = Dtype::kF16; }, Fault::kBadField, 41},
      {"group with i8 a", group, [](auto& p) { p.a_type = Dtype::kI8; }, Fault::kBadField, 40},
      {"group with i8 b", group, [](auto& p) { p.b_type = Dtype::kI8, p.b_row_stride = 65; },
       Fault::kNone, 0},
      {"u4 without group", plain, [](auto& p) { p.b_type = Dtype::kU4; }, Fault::kBadField, 41},
      {"i8 a, f32 b", plain, [](auto& p) { p.a_type = Dtype::kI8; }, Fault::kBadField, 41},
      {"f32 a, i8 b", plain, [](auto& p) { p.b_type = Dtype::kI8; }, Fault::kBadField, 41},
      {"mixed floats", plain, [](auto& p) { p.a_type = Dtype::kE5M2, p.b_type = Dtype::kBF16; },
       Fault::kNone, 0},
      {"row_col with floats", scaled, [](auto& p) { p.a_type = p.b_type = Dtype::kF16; },
       Fault::kBadField, 51},
      {"i32 c of floats", plain, [](auto& p) { p.c_type = Dtype::kI32; }, Fault::kBadField, 42},
      {"f32 c of integers", plain, [](auto& p) { p.a_type = p.b_type = Dtype::kI8; },
       Fault::kBadField, 42},
      {"i32 c of integers", plain,
       [](auto& p) { p.a_type = p.b_type = Dtype::kI8, p.c_type = Dtype::kI32; }, Fault::kNone, 0},
      {"i32 c scaled", scaled, [](auto& p) { p.c_type = Dtype::kI32; }, Fault::kBadField, 42},
      {"scale type without scaling", plain, [](auto& p) { p.scale_type = Dtype::kF32; },
       Fault::kBadField, 43},
      {"group without scale type", group, [](auto& p) { p.scale_type = Dtype::kNone; },
       Fault::kBadField, 43},
      {"row_col with f16 scales", scaled, [](auto& p) { p.scale_type = Dtype::kF16; },
       Fault::kBadField, 43},
  });
}

TEST(CheckMatmul, ModesGoTogether) {
  const MatmulPacket plain = sample_matmul();
  const MatmulPacket group = sample_group();
  const MatmulPacket scaled = sample_row_col();
  expect({
      {"group with KN", group, [](auto& p) { p.b_layout = BLayout::kKn; }, Fault::kBadField, 49},
      {"row_col accumulating", scaled, [](auto& p) { p.init_mode = InitMode::kAccumulate; },
       Fault::kBadField, 50},
      {"row_col with bias", scaled, [](auto& p) { p.init_mode = InitMode::kBias, p.bias_addr = 4; },
       Fault::kNone, 0},
      {"group accumulating", group, [](auto& p) { p.init_mode = InitMode::kAccumulate; },
       Fault::kNone, 0},
      {"group size without group", plain, [](auto& p) { p.group_size = 32; }, Fault::kBadField, 52},
      {"group without group size", group, [](auto& p) { p.group_size = 0; }, Fault::kBadField, 52},
      {"layout before group size", group,
       [](auto& p) { p.group_size = 0, p.b_layout = BLayout::kKn; }, Fault::kBadField, 49},
  });
}

TEST(CheckMatmul, AbsentOperandsAreZero) {
  const MatmulPacket plain = sample_matmul();
  const MatmulPacket group = sample_group();
  const MatmulPacket scaled = sample_row_col();
  expect({
      {"bias", plain, [](auto& p) { p.bias_addr = 4; }, Fault::kBadField, 88},
      {"b_scale", plain, [](auto& p) { p.b_scale_addr = 4; }, Fault::kBadField, 96},
      {"b_min", scaled, [](auto& p) { p.b_min_addr = 4; }, Fault::kBadField, 104},
      {"a_scale", group, [](auto& p) { p.a_scale_addr = 4; }, Fault::kBadField, 112},
      {"b_scale rows", scaled, [](auto& p) { p.b_scale_row_stride = 4; }, Fault::kBadField, 192},
      {"b_scale batch0", plain, [](auto& p) { p.b_scale_batch0_stride = 4; }, Fault::kBadField,
       200},
      {"b_scale batch1", plain, [](auto& p) { p.b_scale_batch1_stride = 4; }, Fault::kBadField,
       208},
      {"a_scale batch0", group, [](auto& p) { p.a_scale_batch0_stride = 4; }, Fault::kBadField,
       216},
      {"a_scale batch1", plain, [](auto& p) { p.a_scale_batch1_stride = 4; }, Fault::kBadField,
       224},
      {"lowest first", plain, [](auto& p) { p.a_scale_batch1_stride = 4, p.b_min_addr = 4; },
       Fault::kBadField, 104},
  });
}

TEST(CheckMatmul, AlignmentFollowsTypeAndLayout) {
  const MatmulPacket plain = sample_matmul();
  const MatmulPacket group = sample_group();
  const auto panels = [](MatmulPacket& p) {
    p.b_layout = BLayout::kPanels;
    p.b_row_stride = 8320;
  };
  const auto group_panels = [](MatmulPacket& p) {
    p.b_layout = BLayout::kPanels;
    p.b_row_stride = 1088;
    p.b_scale_row_stride = 192;
  };
  expect({
      {"f32 b at 2", plain, [](auto& p) { p.b_addr += 2; }, Fault::kMisaligned, 72},
      {"bf16 c at 2", plain, [](auto& p) { p.c_type = Dtype::kBF16, p.c_addr += 2; }, Fault::kNone,
       0},
      {"bf16 c at 1", plain, [](auto& p) { p.c_type = Dtype::kBF16, p.c_addr += 1; },
       Fault::kMisaligned, 80},
      {"panels", plain, panels, Fault::kNone, 0},
      {"panel address", plain, [&](auto& p) { panels(p), p.b_addr += 32; }, Fault::kMisaligned, 72},
      {"panel stride", plain, [&](auto& p) { panels(p), p.b_row_stride += 4; }, Fault::kMisaligned,
       144},
      {"panel batch stride", plain, [&](auto& p) { panels(p), p.b_batch1_stride = 32; },
       Fault::kMisaligned, 160},
      {"group panels", group, group_panels, Fault::kNone, 0},
      {"group panel scales", group, [&](auto& p) { group_panels(p), p.b_scale_addr += 2; },
       Fault::kMisaligned, 96},
      {"group panel minimums", group, [&](auto& p) { group_panels(p), p.b_min_addr += 32; },
       Fault::kMisaligned, 104},
      {"group panel scale stride", group,
       [&](auto& p) { group_panels(p), p.b_scale_row_stride = 96; }, Fault::kMisaligned, 192},
      {"group rows", group, [](auto& p) { p.b_scale_addr += 2; }, Fault::kNone, 0},
      {"row_col panels keep scale alignment 4", sample_row_col(),
       [&](auto& p) { panels(p), p.b_scale_addr += 4; }, Fault::kNone, 0},
      {"address before stride", plain, [](auto& p) { p.a_row_stride = 2, p.c_addr += 1; },
       Fault::kMisaligned, 80},
  });
}

TEST(CheckMatmul, OverflowNamesTheFirstOperandThatLeavesTheAddressSpace) {
  const std::uint64_t top = 0xfffffffffffffffc;
  expect({
      {"c", sample_matmul(), [=](auto& p) { p.c_row_stride = top; }, Fault::kShapeOverflow, 80},
      {"b before c", sample_matmul(),
       [=](auto& p) { p.c_row_stride = top, p.b_batch0_stride = top; }, Fault::kShapeOverflow, 72},
      {"last byte is 2^64 - 1", sample_matmul(),
       [](auto& p) { p.m = p.n = p.k = p.batch0 = p.batch1 = 1, p.c_addr = 0xfffffffffffffffc; },
       Fault::kNone, 0},
      {"one more", sample_matmul(),
       [](auto& p) { p.m = p.k = p.batch0 = p.batch1 = 1, p.n = 2, p.c_addr = 0xfffffffffffffffc; },
       Fault::kShapeOverflow, 80},
      {"stride of a single row does not matter", sample_matmul(),
       [=](auto& p) { p.batch0 = 1, p.c_batch0_stride = top; }, Fault::kNone, 0},
      {"largest extents", sample_matmul(),
       [=](auto& p) {
         p.m = p.n = p.k = p.batch0 = p.batch1 = 0xffffffff;
         p.a_row_stride = p.a_batch0_stride = p.a_batch1_stride = top;
       },
       Fault::kShapeOverflow, 64},
  });
}

}  // namespace
}  // namespace tandem::abi

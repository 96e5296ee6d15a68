// SPDX-License-Identifier: Apache-2.0
#include "conformance/samples.hpp"

#include <gtest/gtest.h>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::tests {
namespace {

using abi::Dtype;
using abi::MatmulPacket;

constexpr std::uint64_t kA = map::kData;
constexpr std::uint64_t kB = map::kData + 0x1'0000;
constexpr std::uint64_t kC = map::kData + 0x2'0000;
constexpr std::uint64_t kExtra = map::kData + 0x3'0000;
constexpr std::uint64_t kProgram = map::kData + 0x40'0000;

constexpr std::string_view kProgramText = R"(
phase
  ld v0, in0
  ld v1, in1
  rsum s0, v0
phase
  fadd s1, s0, p0
  sts out2, s1
  ld v2, in2
  ld v3, in3
  st out0, v2
  st out1, v3
)";

MatmulPacket bias_matmul() {
  MatmulPacket p = sample_matmul();
  p.init_mode = abi::InitMode::kBias;
  p.bias_addr = kExtra;
  return p;
}

MatmulPacket group_matmul() {
  MatmulPacket p = sample_matmul();
  p.b_type = Dtype::kU4;
  p.b_layout = abi::BLayout::kNk;
  p.scale_mode = abi::ScaleMode::kGroup;
  p.scale_type = Dtype::kF32;
  p.group_size = 16;
  p.b_row_stride = 32;
  p.b_batch1_stride = 32 * p.n;
  p.b_batch0_stride = p.b_batch1_stride * p.batch1;
  p.b_scale_addr = kExtra;
  p.b_min_addr = kExtra + 0x8000;
  p.b_scale_row_stride = 16;
  p.b_scale_batch1_stride = 16 * p.n;
  p.b_scale_batch0_stride = p.b_scale_batch1_stride * p.batch1;
  return p;
}

MatmulPacket panel_matmul() {
  MatmulPacket p = group_matmul();
  p.b_layout = abi::BLayout::kPanels;
  p.b_row_stride = 16 * 64;
  p.b_batch1_stride = 2 * p.b_row_stride;
  p.b_batch0_stride = p.b_batch1_stride * p.batch1;
  p.b_scale_row_stride = 4 * 128;
  p.b_scale_batch1_stride = 2 * p.b_scale_row_stride;
  p.b_scale_batch0_stride = p.b_scale_batch1_stride * p.batch1;
  return p;
}

MatmulPacket scaled_int_matmul() {
  MatmulPacket p = bias_matmul();
  p.a_type = p.b_type = Dtype::kI8;
  p.scale_mode = abi::ScaleMode::kRowCol;
  p.scale_type = Dtype::kF32;
  p.b_scale_addr = kExtra + 0x4000;
  p.a_scale_addr = kExtra + 0x8000;
  p.b_scale_batch1_stride = 4 * p.n;
  p.b_scale_batch0_stride = p.b_scale_batch1_stride * p.batch1;
  p.a_scale_batch1_stride = 64;
  p.a_scale_batch0_stride = p.a_scale_batch1_stride * p.batch1;
  return p;
}

template <class P>
Sample make(std::string name, const P& packet, std::vector<std::string_view> absent = {},
            std::vector<std::string_view> unaligned = {}) {
  return {std::move(name), abi::to_packet(packet), std::move(absent), std::move(unaligned)};
}

}  // namespace

abi::CopyPacket sample_copy() {
  abi::CopyPacket p;
  p.extent0 = p.extent1 = 2;
  p.extent2 = 3;
  p.extent3 = 8;
  p.elem_bytes = 4;
  p.src_addr = kA;
  p.src_stride0 = 0x400;
  p.src_stride1 = 0x200;
  p.src_stride2 = 0x40;
  p.src_stride3 = 4;
  p.dst_addr = kB;
  p.dst_stride0 = 0x1000;
  p.dst_stride1 = 0x400;
  p.dst_stride2 = 0x100;
  p.dst_stride3 = 4;
  return p;
}

abi::FillPacket sample_fill() {
  abi::FillPacket p;
  p.extent0 = p.extent1 = 2;
  p.extent2 = 3;
  p.extent3 = 8;
  p.elem_bytes = 4;
  p.value = 0x1234'5678;
  p.dst_addr = kB;
  p.dst_stride0 = 0x1000;
  p.dst_stride1 = 0x400;
  p.dst_stride2 = 0x100;
  p.dst_stride3 = 4;
  return p;
}

abi::GatherPacket sample_gather() {
  abi::GatherPacket p;
  p.extent0 = 2;
  p.extent1 = 3;
  p.extent2 = 32;
  p.limit = 5;
  p.elem_bytes = 4;
  p.index_type = Dtype::kI32;
  p.src_addr = kA;
  p.src_stride0 = 0x1000;
  p.src_index_stride = 0x100;
  p.src_stride2 = 4;
  p.dst_addr = kB;
  p.dst_stride0 = 0x1000;
  p.dst_stride1 = 0x100;
  p.dst_stride2 = 4;
  p.index_addr = kExtra;  // zeros
  p.index_stride0 = 0x400;
  p.index_stride1 = 0x100;
  p.index_stride2 = 4;
  return p;
}

abi::ScatterAddPacket sample_scatter_add() {
  abi::ScatterAddPacket p;
  p.extent0 = 2;
  p.extent1 = 3;
  p.extent2 = 32;
  p.limit = 5;
  p.elem_type = Dtype::kF32;
  p.index_type = Dtype::kI32;
  p.src_addr = kA;
  p.src_stride0 = 0x1000;
  p.src_stride1 = 0x100;
  p.src_stride2 = 4;
  p.dst_addr = kB;
  p.dst_stride0 = 0x1000;
  p.dst_index_stride = 0x100;
  p.dst_stride2 = 4;
  p.index_addr = kExtra;
  p.index_stride0 = 0x400;
  p.index_stride1 = 0x100;
  p.index_stride2 = 4;
  return p;
}

abi::MatmulPacket sample_matmul() {
  abi::MatmulPacket p;
  p.m = 3;
  p.n = 34;
  p.k = 50;
  p.batch0 = p.batch1 = 2;
  p.a_type = p.b_type = p.c_type = Dtype::kF32;
  p.a_addr = kA;
  p.b_addr = kB;
  p.c_addr = kC;
  p.a_row_stride = 256;
  p.a_batch1_stride = 3 * 256;
  p.a_batch0_stride = 2 * 3 * 256;
  p.b_row_stride = 192;
  p.b_batch1_stride = 50 * 192;
  p.b_batch0_stride = 2 * 50 * 192;
  p.c_row_stride = 160;
  p.c_batch1_stride = 3 * 160;
  p.c_batch0_stride = 2 * 3 * 160;
  return p;
}

abi::VectorPacket sample_vector() {
  abi::VectorPacket p;
  p.cols = 40;
  p.rows1 = 3;
  p.rows0 = 2;
  p.ucode_words = 11;
  p.out_scalar = 4;
  p.in0_type = p.in1_type = p.in2_type = p.in3_type = Dtype::kF32;
  p.out0_type = p.out1_type = p.out2_type = Dtype::kF32;
  p.in0_col_stride = p.in1_col_stride = p.in2_col_stride = p.in3_col_stride = 4;
  p.out0_col_stride = p.out1_col_stride = 4;
  p.in0_addr = kA;
  p.in1_addr = kA + 0x2000;
  p.in2_addr = kA + 0x4000;
  p.in3_addr = kA + 0x6000;
  p.out0_addr = kB;
  p.out1_addr = kB + 0x2000;
  p.out2_addr = kB + 0x4000;
  p.in0_row1_stride = p.in1_row1_stride = p.in2_row1_stride = p.in3_row1_stride = 0x100;
  p.in0_row0_stride = p.in1_row0_stride = p.in2_row0_stride = p.in3_row0_stride = 0x400;
  p.out0_row1_stride = p.out1_row1_stride = p.out2_row1_stride = 0x100;
  p.out0_row0_stride = p.out1_row0_stride = p.out2_row0_stride = 0x400;
  return p;
}

abi::LoadUcodePacket sample_load_ucode() {
  abi::LoadUcodePacket p;
  p.words = 16;
  p.target = abi::UcodeTarget::kProgram;
  p.src_addr = kProgram + 0x1000;
  p.dst_word = 11;  // behind the sample program
  return p;
}

abi::SignalPacket sample_signal() {
  abi::SignalPacket p;
  p.elem_bytes = 4;
  p.addr = kA;
  p.value = 77;
  return p;
}

abi::WaitPacket sample_wait() {
  abi::WaitPacket p;
  p.addr = kExtra;
  p.mask = 0;  // matches whatever lies there
  p.cycle_limit = 1000;
  return p;
}

std::vector<Sample> control_samples() {
  return {make("nop", abi::NopPacket{}), make("fence", abi::FencePacket{}),
          make("signal", sample_signal()), make("wait", sample_wait())};
}

std::vector<Sample> engine_samples() {
  const std::vector<std::string_view> no_scale = {"b_scale_addr",          "b_min_addr",
                                                  "a_scale_addr",          "b_scale_row_stride",
                                                  "b_scale_batch0_stride", "b_scale_batch1_stride",
                                                  "a_scale_batch0_stride", "a_scale_batch1_stride"};
  std::vector<std::string_view> no_bias = no_scale;
  no_bias.push_back("bias_addr");
  const std::vector<std::string_view> group_absent = {
      "bias_addr", "a_scale_addr", "a_scale_batch0_stride", "a_scale_batch1_stride"};
  const std::vector<std::string_view> u4 = {"b_addr", "b_row_stride", "b_batch0_stride",
                                            "b_batch1_stride"};
  std::vector<std::string_view> i8 = u4;
  i8.insert(i8.end(), {"a_addr", "a_row_stride", "a_batch0_stride", "a_batch1_stride"});
  return {
      make("load_ucode", sample_load_ucode()),
      make("copy", sample_copy()),
      make("fill", sample_fill()),
      make("gather", sample_gather()),
      make("scatter_add", sample_scatter_add()),
      make("matmul", sample_matmul(), no_bias),
      make("matmul_bias", bias_matmul(), no_scale),
      make("matmul_group", group_matmul(), group_absent, u4),
      make("matmul_panels", panel_matmul(), group_absent),
      make("matmul_row_col", scaled_int_matmul(), {"b_min_addr", "b_scale_row_stride"}, i8),
      make("vector", sample_vector(), {"out2_col_stride"}),
  };
}

void load_sample_program(RawDevice& device) {
  const std::vector<std::uint64_t> words = abi::assemble_ucode(kProgramText);
  ASSERT_EQ(words.size(), 11u);
  ASSERT_EQ(device.load_program(words).error, abi::Fault::kNone);
}

}  // namespace tandem::tests

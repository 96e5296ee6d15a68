// SPDX-License-Identifier: Apache-2.0
// Rules between the fields of a packet, and errors that memory contents decide.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "conformance/conformance.hpp"
#include "conformance/samples.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::tests {
namespace {

using abi::Fault;

/// Every device with engines; the program of the VECTOR sample is loaded.
class BadCombination : public Conformance {
 protected:
  void SetUp() override {
    Conformance::SetUp();
    if (!IsSkipped()) load_sample_program(device());
  }
};
TANDEM_CONFORMANCE_FIXTURE(BadCombination);

TEST_P(BadCombination, StridesOverflowToo) {
  abi::CopyPacket copy = sample_copy();
  copy.dst_stride2 = std::uint64_t{1} << 63;
  expect_fault(copy, Fault::kShapeOverflow, 104);
  copy.src_stride0 = ~std::uint64_t{3};
  expect_fault(copy, Fault::kShapeOverflow, 64);
  // With an extent of 1 a stride moves nothing.
  copy = sample_copy();
  copy.extent2 = 1;
  copy.dst_stride2 = std::uint64_t{1} << 63;
  expect_success(device().run(copy));
  abi::GatherPacket gather = sample_gather();
  gather.limit = 0xffff'ffff;
  gather.src_index_stride = std::uint64_t{1} << 40;
  expect_fault(gather, Fault::kShapeOverflow, 64);
}

TEST_P(BadCombination, FillValueFitsItsBytes) {
  for (const std::uint8_t bytes : {1, 2, 4}) {
    abi::FillPacket fill = sample_fill();
    fill.elem_bytes = bytes;
    fill.value = std::uint64_t{1} << (8 * bytes);
    expect_fault(fill, Fault::kBadField, 64);
    fill.value -= 1;
    expect_success(device().run(fill));
  }
}

struct MatmulChange {
  const char* what;
  void (*apply)(abi::MatmulPacket&);
  std::size_t at;
};

TEST_P(BadCombination, MatmulCombinations) {
  using M = abi::MatmulPacket;
  using abi::BLayout;
  using abi::Dtype;
  using abi::InitMode;
  using abi::ScaleMode;
  const auto sample = [](std::string_view name) {
    for (const Sample& s : engine_samples()) {
      if (s.name == name) return abi::packet_as<M>(s.packet);
    }
    ADD_FAILURE() << "no sample " << name;
    return M{};
  };
  const auto expect = [&](std::string_view name, std::initializer_list<MatmulChange> changes) {
    for (const MatmulChange& change : changes) {
      SCOPED_TRACE(fmt::format("{}: {}", name, change.what));
      M packet = sample(name);
      change.apply(packet);
      expect_fault(packet, Fault::kBadField, change.at);
    }
  };
  expect(
      "matmul_group",
      {{"float B", [](M& p) { p.b_type = Dtype::kF16; }, offsetof(M, b_type)},
       {"i8 A", [](M& p) { p.a_type = Dtype::kI8; }, offsetof(M, a_type)},
       {"both", [](M& p) { p.a_type = Dtype::kI8, p.b_type = Dtype::kF32; }, offsetof(M, b_type)},
       {"i32 C", [](M& p) { p.c_type = Dtype::kI32; }, offsetof(M, c_type)},
       {"no scale", [](M& p) { p.scale_type = Dtype::kNone; }, offsetof(M, scale_type)},
       {"kn", [](M& p) { p.b_layout = BLayout::kKn; }, offsetof(M, b_layout)},
       {"no group", [](M& p) { p.group_size = 0; }, offsetof(M, group_size)},
       {"a_scale", [](M& p) { p.a_scale_addr = 64; }, offsetof(M, a_scale_addr)},
       {"c_type before b_layout", [](M& p) { p.c_type = Dtype::kI32, p.b_layout = BLayout::kKn; },
        offsetof(M, c_type)}});
  expect(
      "matmul",
      {{"u4 B", [](M& p) { p.b_type = Dtype::kU4; }, offsetof(M, b_type)},
       {"i8 B", [](M& p) { p.b_type = Dtype::kI8; }, offsetof(M, b_type)},
       {"i8 A", [](M& p) { p.a_type = Dtype::kI8; }, offsetof(M, b_type)},
       {"i32 C", [](M& p) { p.c_type = Dtype::kI32; }, offsetof(M, c_type)},
       {"row_col", [](M& p) { p.scale_mode = ScaleMode::kRowCol; }, offsetof(M, scale_mode)},
       {"scale type", [](M& p) { p.scale_type = Dtype::kF32; }, offsetof(M, scale_type)},
       {"group", [](M& p) { p.group_size = 32; }, offsetof(M, group_size)},
       {"bias", [](M& p) { p.bias_addr = 64; }, offsetof(M, bias_addr)},
       {"bias of accumulate", [](M& p) { p.init_mode = InitMode::kAccumulate, p.bias_addr = 64; },
        offsetof(M, bias_addr)},
       {"i8 x i8 into a float", [](M& p) { p.a_type = p.b_type = Dtype::kI8; },
        offsetof(M, c_type)}});
  expect("matmul_row_col",
         {{"f16 scale", [](M& p) { p.scale_type = Dtype::kF16; }, offsetof(M, scale_type)},
          {"i32 C", [](M& p) { p.c_type = Dtype::kI32; }, offsetof(M, c_type)},
          {"accumulate", [](M& p) { p.init_mode = InitMode::kAccumulate; }, offsetof(M, init_mode)},
          {"minimum", [](M& p) { p.b_min_addr = 64; }, offsetof(M, b_min_addr)}});
}

TEST_P(BadCombination, VectorCombinations) {
  using V = abi::VectorPacket;
  using abi::Dtype;
  const auto without_out1 = [] {
    V p = sample_vector();
    p.out1_type = Dtype::kNone;
    p.out1_col_stride = 0;
    p.out1_addr = p.out1_row0_stride = p.out1_row1_stride = 0;
    return p;
  };
  V p = without_out1();
  p.out_scalar |= 2;
  expect_fault(p, Fault::kBadField, offsetof(V, out_scalar));
  p = sample_vector();
  for (const Dtype type : {Dtype::kF32, Dtype::kBF16, Dtype::kI8}) {
    p.out0_type = type;
    p.saturate = 1;
    expect_fault(p, Fault::kBadField, offsetof(V, saturate));
  }
  p = without_out1();
  p.out1_col_stride = 4;
  expect_fault(p, Fault::kBadField, offsetof(V, out1_col_stride));
  p = without_out1();
  p.out1_addr = 64;
  expect_fault(p, Fault::kBadField, offsetof(V, out1_addr));
  p = without_out1();
  p.out1_row1_stride = 64;
  expect_fault(p, Fault::kBadField, offsetof(V, out1_row1_stride));
  p = sample_vector();
  p.in3_type = Dtype::kNone;
  expect_fault(p, Fault::kBadField, offsetof(V, in3_col_stride));
  p.in3_col_stride = 0;
  expect_fault(p, Fault::kBadField, offsetof(V, in3_addr));
}

TEST_P(BadCombination, LoadUcodeLimits) {
  using L = abi::LoadUcodePacket;
  L p = sample_load_ucode();
  p.dst_word = 12;  // 11 words are loaded
  expect_fault(p, Fault::kBadField, offsetof(L, dst_word));
  p.dst_word = 11;
  p.words = config().ucode_words - 11 + 1;
  expect_fault(p, Fault::kBadShape, offsetof(L, words));
  p.words = 0xffff'ffff;
  expect_fault(p, Fault::kBadShape, offsetof(L, words));
  for (const abi::UcodeTarget target : {abi::UcodeTarget::kTable0, abi::UcodeTarget::kTable1}) {
    p = sample_load_ucode();
    p.target = target;
    p.dst_word = 1;
    p.words = 256;
    expect_fault(p, Fault::kBadField, offsetof(L, dst_word));
    p.dst_word = 0;
    for (const std::uint32_t words : {255u, 257u}) {
      p.words = words;
      expect_fault(p, Fault::kBadShape, offsetof(L, words));
    }
    p.words = 256;
    p.src_addr += 4;
    expect_success(device().run(p));
  }
}

TEST_P(BadCombination, IndicesReportTheFirstBadOne) {
  abi::GatherPacket gather = sample_gather();
  const std::uint64_t second = gather.index_addr + gather.index_stride1 + 4 * 7;
  const std::uint64_t later = gather.index_addr + gather.index_stride0;
  device().write_one<std::int32_t>(later, -1);
  expect_fault(gather, Fault::kBadIndex, later);
  device().write_one<std::int32_t>(second, 5);  // the limit
  expect_fault(gather, Fault::kBadIndex, second);
  abi::ScatterAddPacket scatter = sample_scatter_add();
  expect_fault(scatter, Fault::kBadIndex, second);
  device().write_one<std::int32_t>(second, 4);
  expect_fault(scatter, Fault::kBadIndex, later);
  device().write_one<std::int32_t>(later, 0);
  expect_success(device().run(scatter));
  expect_success(device().run(gather));
  // 64-bit indices count with all their bits.
  gather.index_type = abi::Dtype::kI64;
  gather.extent2 = 1;
  gather.index_stride1 = gather.index_stride2 = 8;
  const std::uint64_t wide = gather.index_addr + 8;
  device().fill(gather.index_addr, 64, 0);
  device().write_one<std::int64_t>(wide, std::int64_t{1} << 32);
  expect_fault(gather, Fault::kBadIndex, wide);
  device().write_one<std::uint64_t>(wide, 0x8000'0000'0000'0000);
  expect_fault(gather, Fault::kBadIndex, wide);
}

TEST_P(BadCombination, FailedCheckWritesNothing) {
  abi::CopyPacket copy = sample_copy();
  device().fill(copy.src_addr, 0x1000, 0x11);
  device().fill(copy.dst_addr, 0x2000, 0x22);
  copy.src_addr = map::kRom + map::kRomSize - 64;
  expect_fault(copy, Fault::kUnmapped, map::kRom + map::kRomSize);
  EXPECT_EQ(device().read<std::uint8_t>(copy.dst_addr, 0x2000),
            std::vector<std::uint8_t>(0x2000, 0x22));
}

}  // namespace
}  // namespace tandem::tests

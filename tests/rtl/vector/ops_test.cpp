// SPDX-License-Identifier: Apache-2.0
// Every micro-operation and reduction on special values.
#include "tandem/abi/metadata.hpp"
#include "vector_bench.hpp"

namespace tandem::rtltest {
namespace {

using abi::Dtype;

constexpr std::uint32_t kSpecial[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x3F800000,
    0xBF800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000,
    0x7F800001, 0x7FFFFFFF, 0x4EFFFFFF, 0x4F000000, 0xCF000000, 0xCF000001, 0x3F000000,
    0x3FC00000, 0x40200000, 0xBF000000, 0x4F7FFFFF, 0x0000001F, 0x00000020, 0xFFFFFFFF};
constexpr std::uint32_t kCount = std::size(kSpecial);

template <class Top>
class VectorOps : public testing::Test {};
TYPED_TEST_SUITE(VectorOps, VectorTops);

VectorCase case_of(const std::string& program) {
  VectorCase c;
  c.packet.wait_mask = 7;
  c.packet.cols = c.packet.rows1 = c.packet.rows0 = kCount;
  c.program = abi::assemble_ucode(program);
  const auto bytes = std::as_bytes(std::span(kSpecial));
  c.data.push_back({kOperandBase, {bytes.begin(), bytes.end()}});
  abi::set_vector_stream(c.packet, 0, {Dtype::kI32, kOperandBase, 4, 0, 0});
  abi::set_vector_stream(c.packet, 1, {Dtype::kI32, kOperandBase, 0, 4, 0});
  abi::set_vector_stream(c.packet, 2, {Dtype::kI32, kOperandBase, 0, 0, 4});
  abi::set_vector_stream(c.packet, 4,
                         {Dtype::kI32, kOperandBase + 0x1000, 4, kCount * 4, kCount * kCount * 4});
  return c;
}

/// a varies along columns, b along inner rows, c along outer rows.
TYPED_TEST(VectorOps, ComputeOnVectors) {
  VectorBench<TypeParam> bench(3);
  ASSERT_TRUE(bench.load_tables());
  for (const abi::MicroOpInfo& info : abi::micro_ops()) {
    if (info.d != 'd') continue;
    SCOPED_TRACE(info.name);
    VectorCase c = case_of(fmt::format(
        "phase\nld v0, in0\nld v1, in1\nld v2, in2\n{} v3, v0{}{}\nst out0, v3\n", info.name,
        info.b == 'r' ? ", v1" : (info.b == 't' ? ", t1" : ""), info.c == 'r' ? ", v2" : ""));
    if (info.c != 'r') c.packet.rows0 = 1;
    if (info.b != 'r') c.packet.rows1 = 1;
    ASSERT_TRUE(bench.load_and_run(c));
  }
}

/// Scalars by reductions of one element; each row has its own.
TYPED_TEST(VectorOps, ComputeOnScalars) {
  VectorBench<TypeParam> bench(4);
  ASSERT_TRUE(bench.load_tables());
  for (const abi::MicroOpInfo& info : abi::micro_ops()) {
    if (info.d != 'd') continue;
    SCOPED_TRACE(info.name);
    VectorCase c = case_of(fmt::format(
        "phase\nld v0, in1\nld v1, in2\nrisum s0, v0\nrisum s1, v1\nphase\n{} s2, s0{}{}\n"
        "sts out0, s2\n",
        info.name, info.b == 'r' ? ", s1" : (info.b == 't' ? ", t0" : ""),
        info.c == 'r' ? ", 0x3f800000" : ""));
    c.packet.cols = 1;
    c.packet.out_scalar = 1;
    abi::set_vector_stream(c.packet, 4, {Dtype::kI32, kOperandBase + 0x1000, 0, 4, kCount * 4});
    ASSERT_TRUE(bench.load_and_run(c));
  }
}

/// Rows of every length around chunk, line and partial borders, with special values inside.
TYPED_TEST(VectorOps, Reduce) {
  VectorBench<TypeParam> bench(5);
  for (const char* op : {"rsum", "rmin", "rmax", "risum", "rimin", "rimax"}) {
    for (const std::uint32_t cols : {1u, 2u, 15u, 16u, 17u, 32u, 33u, 63u, 64u, 65u, 127u, 128u,
                                     200u, 256u, 257u, 1024u, 1025u, 2300u}) {
      VectorCase c;
      c.packet.wait_mask = 7;
      c.packet.cols = cols;
      c.packet.rows1 = 3;
      c.packet.rows0 = 1;
      c.packet.in0_type = c.packet.out0_type = Dtype::kF32;
      c.packet.out_scalar = 1;
      c.program = abi::assemble_ucode(
          fmt::format("phase\nld v0, in0\n{} s5, v0\nphase\nsts out0, s5\n", op));
      place_streams(bench.random, c);
      ASSERT_TRUE(bench.load_and_run(c)) << op << " of " << cols;
    }
  }
}

/// A word before the reduction reads the register's old value in every chunk of the phase.
TYPED_TEST(VectorOps, AReductionReplacesItsRegisterAtTheEndOfThePhase) {
  VectorBench<TypeParam> bench(6);
  VectorCase c;
  c.packet.wait_mask = 7;
  c.packet.cols = 2100;
  c.packet.rows1 = 2;
  c.packet.rows0 = 1;
  c.packet.in0_type = c.packet.out0_type = Dtype::kF32;
  c.program = abi::assemble_ucode(
      "phase\nfadd s1, p0, 0x40000000\nld v0, in0\nfadd v1, v0, s1\nrsum s1, v1\nrmax s2, "
      "col\n"
      "phase\nfmul s3, s1, s2\nld v0, in0\nfma v1, v0, s1, s2\nfadd v1, v1, s3\nst out0, v1\n");
  place_streams(bench.random, c);
  ASSERT_TRUE(bench.load_and_run(c));
}

}  // namespace
}  // namespace tandem::rtltest

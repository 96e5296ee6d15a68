// SPDX-License-Identifier: Apache-2.0
// Random valid packets on npu_vector and on the cmodel: bytes and checksums; with memories of every
// temper, bus errors and resets.
#include "vector_bench.hpp"

namespace tandem::rtltest {
namespace {

template <class Top>
class VectorRandom : public testing::Test {};
TYPED_TEST_SUITE(VectorRandom, VectorTops);

TYPED_TEST(VectorRandom, GivesTheBitsOfTheCmodel) {
  for (unsigned which = 0; which < kMemorySettings; ++which) {
    SCOPED_TRACE(fmt::format("memory settings {}", which));
    const std::uint64_t seed = 1 + which;
    VectorBench<TypeParam> bench(seed, memory_settings(which, seed));
    ASSERT_TRUE(bench.load_tables());
    for (unsigned i = 0; i < 80; ++i) {
      VectorCase c = random_vector_case(bench.random, 700);
      ASSERT_TRUE(bench.load_and_run(c)) << "packet " << i;
    }
  }
}

TYPED_TEST(VectorRandom, RepeatsAProgramWithOtherOperands) {
  VectorBench<TypeParam> bench(11, memory_settings(2, 11));
  ASSERT_TRUE(bench.load_tables());
  std::vector<VectorCase> cases;
  for (unsigned i = 0; i < 12; ++i) {
    cases.push_back(random_vector_case(bench.random, 100));
    ASSERT_TRUE(bench.load(cases.back()));
  }
  for (unsigned i = 0; i < 60; ++i) {
    VectorCase& c = cases[bench.random.below(cases.size())];
    c.data.clear();
    place_streams(bench.random, c);
    ASSERT_TRUE(bench.run(c)) << "packet " << i;
  }
}

TYPED_TEST(VectorRandom, WritesAnOutputOverItsInput) {
  for (unsigned which = 0; which < kMemorySettings; ++which) {
    VectorBench<TypeParam> bench(20 + which, memory_settings(which, 20 + which));
    for (const std::uint32_t cols : {1u, 5u, 64u, 100u, 700u}) {
      for (const abi::Dtype type : {abi::Dtype::kF32, abi::Dtype::kF16, abi::Dtype::kU8}) {
        VectorCase c;
        c.program = abi::assemble_ucode(
            "phase\nld v0, in1\nrsum s0, v0\nphase\nld v0, in0\nfma v0, v0, 0x3f000000, s0\n"
            "st out0, v0\n");
        c.packet.cols = cols;
        c.packet.rows1 = 7;
        c.packet.rows0 = 1;
        c.packet.in0_type = c.packet.in1_type = c.packet.out0_type = type;
        place_streams(bench.random, c);
        abi::VectorStream in = abi::vector_stream(c.packet, abi::kVectorInputs);
        abi::set_vector_stream(c.packet, 0, in);
        ASSERT_TRUE(bench.load_and_run(c)) << "memory settings " << which;
      }
    }
  }
}

TYPED_TEST(VectorRandom, ReportsBusErrors) {
  using abi::Fault;
  VectorBench<TypeParam> bench(31, memory_settings(3, 31));
  ASSERT_TRUE(bench.load_tables());
  unsigned failed = 0;
  for (unsigned i = 0; i < 60; ++i) {
    VectorCase c = random_vector_case(bench.random, 300);
    ASSERT_TRUE(bench.load(c));
    const abi::OperandList operands = abi::operands(abi::to_packet(c.packet));
    const abi::Operand& operand = operands.items[bench.random.below(unsigned(operands.count))];
    const std::uint64_t at = operand.base;
    bench.engine.memory().set_faults({{at, at + 1, rtlmodel::AxiResponse::kSlverr}});
    for (const VectorCase::Data& data : c.data) bench.engine.write(data.addr, data.bytes);
    const auto outcome = bench.engine.run_rtl(abi::to_packet(c.packet));
    bench.engine.memory().set_faults({});
    if (outcome.error != Fault::kNone) {  // Otherwise an input that the program does not read.
      ++failed;
      ASSERT_EQ(outcome.error, Fault::kBusError);
      // The faulting beat, or of a write the start of its burst.
      ASSERT_GT(outcome.fault_addr + 16 * sizeof bench.engine.top().m_axi_rdata, at);
      ASSERT_LE(outcome.fault_addr, at);
    }
    // The next packet is none the wiser.
    ASSERT_TRUE(bench.run(c)) << "packet " << i;
  }
  EXPECT_GT(failed, 40u);
}

TYPED_TEST(VectorRandom, ForgetsEverythingInAReset) {
  VectorBench<TypeParam> bench(41, memory_settings(2, 41));
  for (unsigned i = 0; i < 40; ++i) {
    VectorCase c = random_vector_case(bench.random, 300);
    ASSERT_TRUE(bench.load_tables());
    ASSERT_TRUE(bench.load(c));
    for (const VectorCase::Data& data : c.data) bench.engine.write(data.addr, data.bytes);
    bench.engine.reset_in_flight(c.packet, unsigned(bench.random.below(400)));
    bench.reset();
    // Nothing is loaded any more, and both devices say so.
    ASSERT_TRUE(bench.engine.same(c.packet)) << "packet " << i;
    ASSERT_EQ(bench.engine.last().error, abi::Fault::kBadUcode);
    ASSERT_TRUE(bench.load_tables());
    ASSERT_TRUE(bench.load_and_run(c)) << "packet " << i;
  }
}

}  // namespace
}  // namespace tandem::rtltest

// SPDX-License-Identifier: Apache-2.0
// Random packets on npu_dma and on the cmodel: bytes, checksums and errors; with stalls, latencies,
// responses out of order, bus errors and resets.
#include <gtest/gtest.h>

#include "VDmaEngine128.h"
#include "VDmaEngine256.h"
#include "VDmaEngine512.h"
#include "packetgen/dma_cases.hpp"
#include "rtl/support/engine_bench.hpp"

namespace tandem::rtltest {

using namespace packetgen;

namespace {

template <class Top>
class DmaRandom : public testing::Test {
 public:
  using Bench = EngineBench<Top>;

  static testing::AssertionResult run(Bench& bench, const PacketCase& packet) {
    for (const PacketCase::Data& data : packet.data) bench.write(data.addr, data.bytes);
    return bench.same(packet.packet);
  }

  template <class Make>
  void run_all(unsigned packets, std::uint64_t first_seed, Make make) {
    for (unsigned which = 0; which < kMemorySettings; ++which) {
      const std::uint64_t seed = first_seed + which;
      Bench bench(memory_settings(which, seed), {.seed = seed, .banks = dma_banks()});
      PacketMaker maker(seed);
      for (unsigned i = 0; i < packets; ++i) {
        ASSERT_TRUE(run(bench, make(maker))) << "packet " << i << " of settings " << which;
      }
    }
  }
};

using Tops = testing::Types<VDmaEngine128, VDmaEngine256, VDmaEngine512>;
TYPED_TEST_SUITE(DmaRandom, Tops);

TYPED_TEST(DmaRandom, Copy) {
  this->run_all(120, 100, [](PacketMaker& maker) { return maker.copy(); });
}

TYPED_TEST(DmaRandom, Fill) {
  this->run_all(80, 200, [](PacketMaker& maker) { return maker.fill(); });
}

TYPED_TEST(DmaRandom, Gather) {
  this->run_all(120, 300, [](PacketMaker& maker) { return maker.gather(); });
}

TYPED_TEST(DmaRandom, ScatterAdd) {
  this->run_all(100, 400, [](PacketMaker& maker) { return maker.scatter_add(); });
}

TYPED_TEST(DmaRandom, AllInTurn) {
  this->run_all(120, 500, [](PacketMaker& maker) { return maker.any(); });
}

TYPED_TEST(DmaRandom, ResetInFlight) {
  for (unsigned which = 0; which < kMemorySettings; ++which) {
    typename TestFixture::Bench bench(memory_settings(which, 600 + which),
                                      {.seed = 600 + which, .banks = dma_banks()});
    PacketMaker maker(600 + which);
    for (unsigned i = 0; i < 60; ++i) {
      const PacketCase abandoned = maker.any();
      for (const auto& data : abandoned.data) bench.write(data.addr, data.bytes);
      bench.reset_in_flight(abandoned.packet, bench.random(i % 2 == 0 ? 40 : 600));
      ASSERT_TRUE(this->run(bench, maker.any())) << "packet " << i << " of settings " << which;
    }
  }
}

TYPED_TEST(DmaRandom, BusErrors) {
  unsigned found = 0;
  for (unsigned which = 0; which < kMemorySettings; ++which) {
    typename TestFixture::Bench bench(memory_settings(which, 700 + which),
                                      {.seed = 700 + which, .banks = dma_banks()});
    PacketMaker maker(700 + which);
    for (unsigned i = 0; i < 60; ++i) {
      const PacketCase packet = maker.any();
      for (const auto& data : packet.data) bench.write(data.addr, data.bytes);
      // The first bytes of an operand are always touched.
      const abi::OperandList operands = abi::operands(packet.packet);
      const abi::Operand& operand = operands.items[bench.random(operands.count)];
      const std::uint64_t at = operand.base;
      bench.memory().set_faults({{at, at + 1, rtlmodel::AxiResponse::kSlverr}});
      const auto outcome = bench.run_rtl(packet.packet);
      bench.memory().set_faults({});
      if (outcome.error == abi::Fault::kBusError) {
        ++found;
        const std::uint64_t beat = bench.memory().kBeatBytes;
        // A write reports its burst.
        ASSERT_GT(outcome.fault_addr + 16 * beat, at);
        ASSERT_LE(outcome.fault_addr, at);
        ASSERT_EQ(outcome.fault_addr % beat, 0u);
      } else {
        ASSERT_TRUE(operand.indexed || operand.role != abi::Role::kRead) << "no bus error";
      }
      // Makes memory equal again.
      bench.reset_in_flight(packet.packet, 0);
      ASSERT_TRUE(this->run(bench, maker.any())) << "packet " << i << " of settings " << which;
    }
  }
  EXPECT_GT(found, 100u);
}

}  // namespace
}  // namespace tandem::rtltest

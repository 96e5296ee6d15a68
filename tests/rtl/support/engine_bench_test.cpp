// SPDX-License-Identifier: Apache-2.0
// The bench itself, around an engine that refuses everything.
#include "rtl/support/engine_bench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "Vrefusing_engine.h"

namespace tandem::rtltest {
namespace {

abi::FillPacket fill() {
  abi::FillPacket packet;
  packet.wait_mask = 7;
  packet.extent0 = packet.extent1 = packet.extent2 = packet.extent3 = 1;
  packet.elem_bytes = 4;
  packet.dst_addr = 0x1000'0100;
  packet.value = 0x12345678;
  return packet;
}

TEST(EngineBench, SameErrorIsSame) {
  EngineBench<Vrefusing_engine> bench(rtlmodel::AxiSettings::zero_wait());
  abi::Packet packet;
  packet.opcode = static_cast<abi::Opcode>(0x7f);
  EXPECT_TRUE(bench.same(packet));
  EXPECT_EQ(bench.last().error, abi::Fault::kUnknownOpcode);
}

TEST(EngineBench, OtherErrorNamesBothAndThePacket) {
  EngineBench<Vrefusing_engine> bench(rtlmodel::AxiSettings::realistic(), {.seed = 7});
  const testing::AssertionResult result = bench.same(fill());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.message(),
              testing::AllOf(testing::HasSubstr("expected NONE at 0x0, found UNKNOWN_OPCODE"),
                             testing::HasSubstr("seed 7"), testing::HasSubstr("FILL")));
  bench.reset_in_flight(fill(), 1);
  EXPECT_FALSE(bench.same(fill()));
}

}  // namespace
}  // namespace tandem::rtltest

// SPDX-License-Identifier: Apache-2.0
// Random sequences: the same for a seed, valid where they say so, and able to find a fault.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "soak/sequence.hpp"
#include "soak/soak.hpp"
#include "tandem/runtime/config.hpp"

namespace tandem::soak {
namespace {

SoakOptions options(std::string b) {
  return {
      .a = "cmodel:tiny?threads=1", .b = std::move(b), .hardware = runtime::load_config("tiny")};
}

bool equal(const Sequence& a, const Sequence& b) {
  if (a.steps.size() != b.steps.size() || a.data.size() != b.data.size()) return false;
  for (std::size_t i = 0; i < a.steps.size(); ++i) {
    if (std::memcmp(&a.steps[i].packet, &b.steps[i].packet, sizeof(abi::Packet)) != 0) return false;
  }
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    if (a.data[i].addr != b.data[i].addr || a.data[i].bytes != b.data[i].bytes) return false;
  }
  return true;
}

TEST(SoakSequence, SeedAndIndexDecide) {
  const driver::DeviceConfig config = soak_config(runtime::load_config("tiny"));
  EXPECT_TRUE(equal(make_sequence(3, 5, config), make_sequence(3, 5, config)));
  EXPECT_FALSE(equal(make_sequence(3, 5, config), make_sequence(3, 6, config)));
  EXPECT_FALSE(equal(make_sequence(3, 5, config), make_sequence(4, 5, config)));
}

TEST(Soak, EqualDevicesAgreeAndEveryOpcodeAndErrorComesUp) {
  SoakOptions run = options("cmodel:tiny?threads=1&simd=portable");
  run.sequences = 400;
  const SoakResult result = run_soak(run);
  ASSERT_FALSE(result.failure) << result.failure->text;
  EXPECT_EQ(result.state.sequences, 400u);
  std::set<abi::Fault> faults;
  for (const auto& [opcode, outcomes] : result.coverage.outcomes()) {
    EXPECT_EQ(outcomes.contains(abi::Fault::kNone), opcode != "unknown") << opcode;
    for (const auto& [fault, count] : outcomes) faults.insert(fault);
  }
  EXPECT_EQ(result.coverage.outcomes().size(), 12u);  // 11 opcodes, and unknown ones.
  // All but BUS_ERROR and BAD_RING, which no packet causes.
  for (int code = 0; code <= int(abi::Fault::kWaitTimeout); ++code) {
    EXPECT_TRUE(faults.contains(abi::Fault(code))) << "error code " << code;
  }
  EXPECT_EQ(result.coverage.types().at("VECTOR").size(), 10u);
  EXPECT_EQ(result.coverage.types().at("MATMUL").size(), 8u);
}

TEST(Soak, FindsAFaultAndTheSequenceThatShowsIt) {
  SoakOptions run = options("faulty:tiny?seq=6&bit=3");
  run.sequences = 400;
  const SoakResult result = run_soak(run);
  ASSERT_TRUE(result.failure);
  EXPECT_NE(result.failure->text.find("seq 6"), std::string::npos) << result.failure->text;
  EXPECT_NE(result.failure->text.find("byte 0 from its start"), std::string::npos)
      << result.failure->text;
  EXPECT_EQ(result.failure->sequences, 1u);
  run.first = result.failure->first;
  run.sequences = result.failure->sequences;
  const SoakResult again = run_soak(run);
  ASSERT_TRUE(again.failure);
  EXPECT_EQ(again.failure->text, result.failure->text);
}

// A byte that no checksum covers.
TEST(Soak, StrayWritesBesideADestinationAreFound) {
  SoakOptions run = options("faulty:tiny?seq=6&stray=1");
  run.sequences = 400;
  const SoakResult result = run_soak(run);
  ASSERT_TRUE(result.failure);
  EXPECT_NE(result.failure->text.find("byte -1 from its start"), std::string::npos)
      << result.failure->text;
}

TEST(Soak, EndsByPackets) {
  SoakOptions run = options("cmodel:tiny?threads=1");
  run.packets = 50;
  const SoakResult result = run_soak(run);
  EXPECT_FALSE(result.failure);
  EXPECT_GE(result.state.packets, 50u);
  EXPECT_LT(result.state.packets, 100u);
}

}  // namespace
}  // namespace tandem::soak

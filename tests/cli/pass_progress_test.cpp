// SPDX-License-Identifier: Apache-2.0
// The text of a pass on a device with simulated time.
#include "../../tools/tandem/pass_progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A pass of four layers with ten packets of a thousand cycles each, a second apart, behind two
/// packets and before one of 20000 cycles. Ends after `packets`.
void run(PassProgress& pass, std::uint64_t cycle, double seconds, unsigned packets) {
  const auto complete = [&](const std::string& op, std::uint64_t cycles) {
    if (packets == 0) return;
    --packets;
    cycle += cycles;
    seconds += 1;
    pass.complete(op, cycle, seconds);
  };
  complete("embedding", 500);
  complete("embedding", 500);
  for (int layer = 0; layer < 4; ++layer) {
    for (int i = 0; i < 10; ++i) {
      complete("layer." + std::to_string(layer) + (i % 2 == 0 ? "/rmsnorm" : "/linear/matmul"),
               1000);
    }
  }
  complete("output/linear", 20'000);
}

TEST(PassProgress, EstimatesFromTheLayersSoFar) {
  PassProgress pass(4);
  pass.begin("prefill", false, 7000, 10);
  EXPECT_EQ(pass.line(), "prefill: packet 0, 0 kcycles");
  run(pass, 7000, 10, 1);
  EXPECT_EQ(pass.line(), "prefill: embedding, packet 1, 0 kcycles, 0 kcycles/s");
  pass.begin("prefill", false, 7000, 10);
  run(pass, 7000, 10, 5);
  EXPECT_EQ(pass.line(), "prefill: layer 1/4, packet 5, 4 kcycles, 1 kcycles/s");
  pass.begin("prefill", false, 7000, 10);
  run(pass, 7000, 10, 17);
  // 42 packets up to the last layer, 25 kcycles left at 16 kcycles in 17 s.
  EXPECT_EQ(pass.line(), "prefill: layer 2/4, packet 17/~42, 16 kcycles, 1 kcycles/s, ~0:27 left");
  pass.begin("prefill", false, 7000, 10);
  run(pass, 7000, 10, 43);
  EXPECT_EQ(pass.line(), "prefill: output, packet 43, 61 kcycles, 1 kcycles/s");
}

TEST(PassProgress, KnowsWhatAPassLikeTheLastTakes) {
  PassProgress pass(4);
  pass.begin("decode 1", false, 0, 0);
  run(pass, 0, 0, 43);
  EXPECT_TRUE(pass.has_packets());
  pass.begin("decode 2", true, 61'000, 43);
  EXPECT_FALSE(pass.has_packets());
  run(pass, 61'000, 43, 22);
  // 40 of 61 kcycles are left, the 21 so far took 22 s.
  EXPECT_EQ(pass.line(), "decode 2: layer 2/4, packet 22/43, 21 kcycles, 1 kcycles/s, 0:42 left");
  // A pass with more packets than the last falls back on its layers.
  pass.begin("decode 3", true, 122'000, 86);
  run(pass, 122'000, 86, 31);
  EXPECT_THAT(pass.line(), HasSubstr("packet 31/"));
  pass.begin("prefill", false, 200'000, 200);
  run(pass, 200'000, 200, 3);
  EXPECT_THAT(pass.line(), Not(HasSubstr("left")));
}

TEST(PassProgress, WritesLargeNumbersShort) {
  EXPECT_EQ(cycles_text(8'600), "9 kcycles");
  EXPECT_EQ(cycles_text(1'836'000), "1.84 Mcycles");
  EXPECT_EQ(cycles_text(2'500'000'000), "2.50 Gcycles");
  PassProgress pass(30);
  pass.begin("decode 1", false, 0, 0);
  pass.complete("layer.0/linear", 50'000'000, 500);
  pass.complete("layer.1/linear", 100'000'000, 1000);
  // 29 layers of 500 s, of which one is done.
  EXPECT_EQ(pass.line(),
            "decode 1: layer 2/30, packet 2/~30, 100.00 Mcycles, 100 kcycles/s, ~3:53:20 left");
}

}  // namespace
}  // namespace tandem::cli

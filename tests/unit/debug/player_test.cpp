// SPDX-License-Identifier: Apache-2.0
// Traces packet by packet on one device and on two.
#include "tandem/debug/player.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "small_trace.hpp"
#include "support/errors.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

using runtime::Device;
using runtime::TraceReader;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::expect_error;

class PlayerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    file_ = new tests::ScratchFile("player.trace");
    trace_ = tests::record_small_trace(file_->path());
  }
  static void TearDownTestSuite() { delete file_; }

  static std::string faulty(std::uint64_t seq, const std::string& more) {
    return "faulty:tiny?seq=" + std::to_string(seq) + "&" + more;
  }

  /// Numbers of the packets whose results differ.
  static std::vector<std::uint64_t> differing(const std::string& b, const PlayerOptions& options,
                                              std::map<std::uint64_t, Step>* steps = nullptr) {
    Device first = Device::open("cmodel:tiny");
    Device second = Device::open(b);
    Player player(TraceReader(file_->path()), first, second, options);
    std::vector<std::uint64_t> numbers;
    while (const TracePacket* packet = player.next()) {
      const Step& step = player.run();
      if (!same_result(step.a, step.b)) numbers.push_back(packet->number);
      if (steps != nullptr) (*steps)[packet->number] = step;
    }
    return numbers;
  }

  static tests::ScratchFile* file_;
  static tests::SmallTrace trace_;
};

tests::ScratchFile* PlayerTest::file_ = nullptr;
tests::SmallTrace PlayerTest::trace_;

TEST_F(PlayerTest, PlaysWhatWasRecorded) {
  Device device = Device::open("cmodel:tiny");
  Player player(TraceReader(file_->path()), device);
  std::uint64_t packets = 0;
  std::map<std::uint64_t, std::string> ops;
  while (const TracePacket* packet = player.next()) {
    EXPECT_EQ(packet->index, packets++);
    ops[packet->number] = packet->op;
    const Step& step = player.run();
    EXPECT_EQ(step.left_out, !packet->recorded.has_value());
    EXPECT_FALSE(step.b.completion);
    if (step.left_out) continue;
    ASSERT_TRUE(step.a.completion) << step.a.failure;
    EXPECT_TRUE(same_result(*step.a.completion, *packet->recorded));
    EXPECT_EQ(step.a.completion->seq, packet->number);
  }
  EXPECT_EQ(ops.rbegin()->first, trace_.packets);
  EXPECT_EQ(ops.at(trace_.product), "layer.0/linear");
  EXPECT_EQ(ops.at(trace_.moved), "layer.1/copy");
  EXPECT_EQ(ops.at(trace_.last), "layer.2");
}

TEST_F(PlayerTest, EqualDevices) {
  EXPECT_THAT(differing("cmodel:tiny?threads=1&simd=portable", {}), ElementsAre());
}

TEST_F(PlayerTest, AccumulatedDifferencesGoOn) {
  EXPECT_THAT(differing(faulty(trace_.product, "bit=22"), {}),
              ElementsAre(trace_.product, trace_.sums, trace_.moved, trace_.packets));
}

TEST_F(PlayerTest, IsolatedDifferencesStandAlone) {
  EXPECT_THAT(differing(faulty(trace_.product, "bit=22"), {.isolated = true}),
              ElementsAre(trace_.product));
}

TEST_F(PlayerTest, MemoryCanBeLookedAt) {
  Device a = Device::open("cmodel:tiny");
  Device b = Device::open(faulty(trace_.product, "bit=22"));
  Player player(TraceReader(file_->path()), a, b, {.isolated = true});
  while (player.next()->number != trace_.product) player.run();
  const auto word = [&](Device& device) {
    std::uint32_t value = 0;
    device.copy_out(PhysAddr(trace_.product_addr), std::as_writable_bytes(std::span(&value, 1)));
    return value;
  };
  EXPECT_EQ(word(a), 0u);
  player.run();
  EXPECT_EQ(word(a) ^ word(b), 1u << 22);
  player.next();
  EXPECT_EQ(word(a), word(b));
}

TEST_F(PlayerTest, AHangIsAValue) {
  std::map<std::uint64_t, Step> steps;
  const auto numbers = differing(faulty(trace_.product, "hang=1"),
                                 {.deadline = std::chrono::milliseconds(200)}, &steps);
  EXPECT_THAT(numbers, ElementsAre(trace_.product));
  EXPECT_FALSE(steps[trace_.product].b.completion);
  EXPECT_THAT(steps[trace_.product].b.failure, HasSubstr("did not complete within the 0.200 s"));
  // Nothing is left of it: destination and programs are A's again.
  EXPECT_TRUE(steps[trace_.sums].b.completion);
}

TEST_F(PlayerTest, AFaultOfOneDevice) {
  std::map<std::uint64_t, Step> steps;
  EXPECT_THAT(differing(faulty(trace_.sums, "refuse=1"), {}, &steps), ElementsAre(trace_.sums));
  EXPECT_EQ(steps[trace_.sums].b.completion->error, abi::Fault::kBusError);
  EXPECT_THAT(describe({}, steps[trace_.sums].b), HasSubstr("BUS_ERROR"));
}

TEST_F(PlayerTest, PacketsCanBeLeftOut) {
  Device device = Device::open("cmodel:tiny");
  Player player(TraceReader(file_->path()), device);
  while (const TracePacket* packet = player.next()) {
    if (packet->number == trace_.sums) continue;
    const Step& step = player.run();
    if (packet->number == trace_.moved) {
      EXPECT_NE(step.a.completion->checksum, packet->recorded->checksum);
    }
  }
}

TEST_F(PlayerTest, PlaysToAPacket) {
  Device device = Device::open("cmodel:tiny");
  Player player(TraceReader(file_->path()), device);
  const PlayedRange range = player.play_to(trace_.last);
  EXPECT_FALSE(range.first_difference);
  EXPECT_EQ(range.failure, "");
  const TracePacket* packet = player.next();
  ASSERT_NE(packet, nullptr);
  EXPECT_EQ(packet->number, trace_.last);
  EXPECT_EQ(packet->index, range.packets);
  EXPECT_EQ(player.run().a.completion->checksum, packet->recorded->checksum);
  EXPECT_FALSE(player.play_to(~std::uint64_t{0}).first_difference);
  EXPECT_EQ(player.next(), nullptr);
}

TEST_F(PlayerTest, PlaysToFindsTheFirstDifference) {
  Device device = Device::open(faulty(trace_.product, "bit=3"));
  Player player(TraceReader(file_->path()), device);
  EXPECT_EQ(player.play_to(~std::uint64_t{0}).first_difference, trace_.product);

  Device refusing = Device::open(faulty(trace_.product, "refuse=1"));
  Player stopped(TraceReader(file_->path()), refusing);
  const PlayedRange range = stopped.play_to(~std::uint64_t{0});
  EXPECT_EQ(range.first_difference, trace_.product);
  EXPECT_THAT(range.failure, HasSubstr("BUS_ERROR"));
  EXPECT_EQ(stopped.next(), nullptr);
}

TEST_F(PlayerTest, GoesOnFromACheckpoint) {
  const tests::ScratchFile snapshot("player.snapshot");
  std::string position;
  {
    Device device = Device::open("cmodel:tiny");
    Player player(TraceReader(file_->path()), device);
    while (player.next()->number != trace_.product) player.run();
    player.run();
    device.snapshot(snapshot.path());
    position = player.position().to_string();
  }
  Device device = Device::open("cmodel:tiny");
  device.restore(snapshot.path());
  Player player(TraceReader(file_->path()), device);
  player.seek(TracePosition::parse(position));
  const TracePacket* packet = player.next();
  ASSERT_NE(packet, nullptr);
  EXPECT_GT(packet->number, trace_.product);
  EXPECT_LE(packet->number, trace_.sums);
  for (; packet != nullptr; packet = player.next()) {
    const Step& step = player.run();
    if (step.left_out) continue;
    EXPECT_TRUE(same_result(*step.a.completion, *packet->recorded)) << packet->number;
  }
}

TEST_F(PlayerTest, PositionsOfOtherTraces) {
  Device device = Device::open("cmodel:tiny");
  Player player(TraceReader(file_->path()), device);
  expect_error(ErrorCode::kInvalidArgument, {file_->path(), "no packet ends at record 1000000"},
               [&] { player.seek({.records = 1'000'000}); });
  for (const char* bad : {"", "x", "5", "5 g - -", "5 - 1 -"}) {
    expect_error(ErrorCode::kInvalidArgument, {"position in a trace"},
                 [&] { TracePosition::parse(bad); });
  }
  const TracePosition some{.records = 7, .program = {1, ~std::uint64_t{0}}, .tables = {}};
  EXPECT_EQ(TracePosition::parse(some.to_string()).program, some.program);
}

TEST_F(PlayerTest, AnotherConfiguration) {
  Device device = Device::open("cmodel:edge");
  expect_error(ErrorCode::kMismatch, {file_->path(), "configuration 'tiny'", "'edge'"},
               [&] { Player player(TraceReader(file_->path()), device); });
}

// Whatever is wrong with a file ends with an error that names it.
TEST_F(PlayerTest, DamagedTraces) {
  std::ifstream in(file_->path(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const tests::ScratchFile damaged("damaged.trace");
  for (std::size_t i = 0; i < 40; ++i) {
    std::string copy = bytes.substr(0, i % 2 == 0 ? bytes.size() : bytes.size() - 1 - i * 7);
    copy[(i * 131) % copy.size()] ^= static_cast<char>(1 + i);
    std::ofstream(damaged.path(), std::ios::binary) << copy;
    try {
      Device device = Device::open("cmodel:tiny");
      Player player(TraceReader(damaged.path()), device);
      while (player.next() != nullptr) player.run();
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(damaged.path()));
    }
  }
}

}  // namespace
}  // namespace tandem::debug

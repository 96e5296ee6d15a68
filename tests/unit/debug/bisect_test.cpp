// SPDX-License-Identifier: Apache-2.0
// The search for the first wrong packet on devices with one wrong packet.
#include "tandem/debug/bisect.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "small_trace.hpp"
#include "support/errors.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using tests::expect_error;

class BisectTest : public ::testing::Test {
 protected:
  BisectTest()
      : out_(fs::path(testing::TempDir()) / ("tandem_bisect_" + std::to_string(getpid()))) {
    fs::remove_all(out_);
    trace_ = tests::record_small_trace(file_.path());
  }
  ~BisectTest() override { fs::remove_all(out_); }

  static OpenDevice opener(const std::string& uri) {
    return [uri](const driver::DeviceConfig& config) {
      return runtime::Device::open_with(uri, config);
    };
  }

  BisectOptions options(const std::string& fault) const {
    BisectOptions options;
    options.trace = file_.path();
    options.a = "cmodel:tiny";
    options.b = "faulty:tiny" + fault;
    options.open_a = opener(options.a);
    options.open_b = opener(options.b);
    options.out = out_;
    options.deadline = std::chrono::seconds(5);
    options.checkpoint_interval = std::chrono::seconds(0);  // Behind every packet.
    return options;
  }
  static std::string of(std::uint64_t packet, const std::string& more) {
    return "?seq=" + std::to_string(packet) + "&" + more;
  }

  tests::ScratchFile file_{"bisect.trace"};
  fs::path out_;
  tests::SmallTrace trace_;
};

TEST_F(BisectTest, EqualDevicesHaveNothing) {
  const BisectReport report = bisect(options(""));
  EXPECT_FALSE(report.found);
  EXPECT_EQ(report.packets, trace_.packets);
  EXPECT_THAT(bisect_text(report), HasSubstr("equal: "));
}

TEST_F(BisectTest, NamesPacketAndElementAndMakesACaseThatFails) {
  // Element (1, 3) of the product [5, 7].
  const BisectOptions wrong = options(of(trace_.product, "bit=342"));
  const BisectReport report = bisect(wrong);
  ASSERT_TRUE(report.found);
  EXPECT_EQ(report.packet, trace_.product);
  EXPECT_EQ(report.op, "layer.0/linear");
  EXPECT_FALSE(report.hung);
  ASSERT_TRUE(report.element);
  EXPECT_EQ(report.element->operand, "c");
  EXPECT_EQ(report.element->index, "[0, 0, 1, 3]");
  EXPECT_EQ(report.case_packets, 1u);
  EXPECT_THAT(report.no_wave, HasSubstr("has no waves"));
  const Case item = read_case(report.case_file.string());
  EXPECT_EQ(item.origin.b, wrong.b);
  ASSERT_TRUE(item.origin.element);
  EXPECT_EQ(item.origin.element->index, "[0, 0, 1, 3]");
  runtime::Device b = wrong.open_b(item.config);
  EXPECT_FALSE(run_case(item, b).passed());
  runtime::Device a = wrong.open_a(item.config);
  EXPECT_TRUE(run_case(item, a).passed());
  EXPECT_THAT(bisect_text(report), HasSubstr("fails alone"));
}

TEST_F(BisectTest, HangsAreFoundWithTheirReason) {
  const BisectReport report = bisect(options(of(trace_.sums, "hang=1")));
  ASSERT_TRUE(report.found);
  EXPECT_EQ(report.packet, trace_.sums);
  EXPECT_TRUE(report.hung);
  EXPECT_FALSE(report.result.empty());
}

TEST_F(BisectTest, GoesOnFromItsLastCheckpoint) {
  BisectOptions interrupted = options(of(trace_.moved, "bit=3"));
  struct Stop {};
  interrupted.on_progress = [&](std::uint64_t packets, const std::string&) {
    if (packets == 3) throw Stop();  // Before the third checkpoint.
  };
  EXPECT_THROW(bisect(interrupted), Stop);
  BisectOptions again = options(of(trace_.moved, "bit=3"));
  std::uint64_t first = 0;
  again.on_progress = [&](std::uint64_t packets, const std::string&) {
    if (first == 0) first = packets;
  };
  const BisectReport report = bisect(again);
  EXPECT_TRUE(report.resumed);
  EXPECT_EQ(first, 3u) << "packets before the checkpoint ran again";
  ASSERT_TRUE(report.found);
  EXPECT_EQ(report.packet, trace_.moved);
  EXPECT_EQ(report.case_packets, 1u);
}

TEST_F(BisectTest, RefusesTheFolderOfAnotherSearch) {
  bisect(options(""));
  expect_error(ErrorCode::kMismatch, {"belongs to another search", "give another folder"},
               [&] { bisect(options(of(1, "bit=0"))); });
  std::ofstream(out_ / "bisect.json") << "{";
  expect_error(ErrorCode::kInvalidArgument, {"not the state of a search", "start again"},
               [&] { bisect(options("")); });
}

}  // namespace
}  // namespace tandem::debug

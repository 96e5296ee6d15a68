// SPDX-License-Identifier: Apache-2.0
// Comparisons of whole runs: classes, first differences, what was compared, reports.
#include "tandem/debug/diff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include "small_trace.hpp"
#include "support/errors.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

using runtime::Device;
using runtime::TraceReader;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::expect_error;

class DiffTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    file_ = new tests::ScratchFile("diff.trace");
    trace_ = tests::record_small_trace(file_->path());
  }
  static void TearDownTestSuite() { delete file_; }

  static OpenDevice opener(const std::string& uri) {
    return [uri](const driver::DeviceConfig& config) { return Device::open_with(uri, config); };
  }
  static DiffReport diff(const std::string& b, std::optional<Bounds> bounds = {}) {
    return diff_devices({.trace = file_->path(),
                         .a = opener("cmodel:"),
                         .b = opener(b),
                         .deadline = std::chrono::milliseconds(500),
                         .bounds = std::move(bounds)});
  }
  static std::string faulty(const std::string& more) {
    return "faulty:tiny?seq=" + std::to_string(trace_.product) + "&" + more;
  }
  static const DiffGroup& layer(const DiffReport& report, const std::string& name) {
    for (const DiffGroup& group : report.layers) {
      if (group.name == name) return group;
    }
    ADD_FAILURE() << name;
    return report.layers.front();
  }

  static tests::ScratchFile* file_;
  static tests::SmallTrace trace_;
};

tests::ScratchFile* DiffTest::file_ = nullptr;
tests::SmallTrace DiffTest::trace_;

TEST_F(DiffTest, Equal) {
  const DiffReport report = diff("cmodel:tiny?threads=1&simd=portable");
  EXPECT_TRUE(report.equal());
  EXPECT_TRUE(report.comparable());
  EXPECT_FALSE(report.ran_isolated);
  EXPECT_EQ(report.abandoned, 1u);
  EXPECT_EQ(report.all.accumulated.compared + report.abandoned, report.all.packets);
  EXPECT_EQ(report.compared_bytes, 0u);
  EXPECT_GT(report.checksum_bytes, 35u * 4);
  EXPECT_EQ(report.a, "cmodel:tiny (a)");
  EXPECT_FALSE(report.a_not_as_recorded);
  EXPECT_THAT(diff_text(report), HasSubstr("(a) and cmodel:tiny (b): equal\n"));
  EXPECT_THAT(diff_text(report), HasSubstr("1 packets abandoned behind an error"));
}

TEST_F(DiffTest, ClassesOfLayers) {
  const DiffReport report = diff(faulty("bit=342"));
  EXPECT_FALSE(report.equal());
  EXPECT_TRUE(report.ran_isolated);
  EXPECT_EQ(layer(report, "layer.0").kind, DiffClass::kWrongAlone);
  EXPECT_EQ(layer(report, "layer.1").kind, DiffClass::kWrongInContext);
  EXPECT_EQ(layer(report, "layer.1").accumulated.differing, 2u);
  EXPECT_EQ(layer(report, "layer.1").isolated.differing, 0u);
  EXPECT_EQ(report.all.isolated.differing, 1u);
  const DifferingPacket& first = *report.all.isolated.first;
  EXPECT_EQ(first.number, trace_.product);
  EXPECT_EQ(first.op, "layer.0/linear");
  EXPECT_EQ(first.tensor, "product");
  EXPECT_EQ(first.difference.differing, 1u);
  EXPECT_EQ(first.difference.elements, 35u);
  EXPECT_EQ(first.difference.first->index, "[0, 0, 1, 3]");
  EXPECT_EQ(first.difference.first->ulp, double(1 << 22));
  EXPECT_GT(first.difference.figures().rel_rms, 0);
  EXPECT_LT(first.difference.figures().cosine, 1);
  const std::string text = diff_text(report);
  EXPECT_THAT(text, HasSubstr("wrong alone"));
  EXPECT_THAT(text, HasSubstr("fine alone, wrong in context"));
  EXPECT_THAT(text, HasSubstr("c[0, 0, 1, 3] at 0x"));
  EXPECT_THAT(text, HasSubstr("4194304 ulp"));
}

TEST_F(DiffTest, HtmlStandsAlone) {
  const std::string page = diff_html(diff(faulty("bit=342")));
  for (const char* part : {"<!DOCTYPE html>", "<svg", "<polyline", "layer.1", "href=\"#isolated-",
                           "id=\"isolated-", "wrong alone", "c[0, 0, 1, 3]", "</html>"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  for (const char* outside : {"http:", "https:", "src=", "<link", "@import", "url("}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
  // Every link has its target.
  for (std::size_t at = page.find("href=\"#"); at != std::string::npos;
       at = page.find("href=\"#", at + 1)) {
    const std::size_t begin = at + 7;
    const std::string id = page.substr(begin, page.find('"', begin) - begin);
    EXPECT_THAT(page, HasSubstr("id=\"" + id + "\""));
  }
}

TEST_F(DiffTest, WithinBounds) {
  // The lowest bit of one element.
  const DiffReport report = diff(faulty("bit=320"), Bounds::standard());
  EXPECT_TRUE(report.equal());
  EXPECT_EQ(layer(report, "layer.0").kind, DiffClass::kRoundingGrowth);
  EXPECT_EQ(report.all.isolated.differing, 1u);
  EXPECT_EQ(report.all.isolated.outside, 0u);
  EXPECT_THAT(diff_text(report), HasSubstr("equal within bounds"));
  // A bit of the exponent.
  const DiffReport far = diff(faulty("bit=349"), Bounds::standard());
  EXPECT_FALSE(far.equal());
  EXPECT_EQ(layer(far, "layer.0").kind, DiffClass::kWrongAlone);
}

TEST_F(DiffTest, OutcomesThatAreNoBytes) {
  const DiffReport hung = diff(faulty("hang=1"));
  EXPECT_EQ(hung.all.accumulated.failed, 1u);
  EXPECT_EQ(layer(hung, "layer.0").kind, DiffClass::kWrongAlone);
  EXPECT_THAT(hung.all.isolated.first->b, HasSubstr("did not complete within"));
  const DiffReport refused = diff(faulty("refuse=1"));
  EXPECT_THAT(refused.all.isolated.first->b, HasSubstr("BUS_ERROR"));
  EXPECT_THAT(diff_text(refused), HasSubstr("BUS_ERROR"));
  const DiffReport checksum = diff(faulty("only_checksum=1"));
  EXPECT_EQ(checksum.all.isolated.differing, 1u);
  EXPECT_THAT(diff_text(checksum), HasSubstr("a checksum is wrong"));
}

// A device that is wrong only while packets overlap: the first of three runs.
TEST_F(DiffTest, WrongWithOthersInFlight) {
  int runs = 0;
  const DiffReport report =
      diff_devices({.trace = file_->path(),
                    .a = opener("cmodel:"),
                    .b = [&](const driver::DeviceConfig& config) {
                      return Device::open_with(runs++ == 0 ? faulty("bit=342") : "cmodel:", config);
                    }});
  EXPECT_FALSE(report.equal());
  EXPECT_EQ(report.all.accumulated.differing, 0u);
  ASSERT_TRUE(report.in_flight);
  EXPECT_EQ(report.in_flight->number, trace_.product);
  EXPECT_EQ(layer(report, "layer.0").kind, DiffClass::kWrongInFlight);
  EXPECT_EQ(layer(report, "layer.1").kind, DiffClass::kEqual);
  EXPECT_THAT(diff_text(report), HasSubstr("right one by one, wrong with other packets in flight"));
  EXPECT_THAT(diff_html(report), HasSubstr("wrong with others in flight"));
}

TEST_F(DiffTest, AHangOfTheReference) {
  const DiffReport report = diff_devices({.trace = file_->path(),
                                          .a = opener(faulty("hang=1")),
                                          .b = opener("cmodel:"),
                                          .deadline = std::chrono::milliseconds(200)});
  EXPECT_THAT(report.stopped, HasSubstr("did not complete it"));
}

TEST_F(DiffTest, SavedRuns) {
  const tests::ScratchFile other("other.trace");
  {
    Device device = Device::open(faulty("bit=3"));
    Player player(TraceReader(file_->path()), device);
    device.start_recording(other.path());
    while (player.next() != nullptr) player.run();
    device.stop_recording();
  }
  EXPECT_TRUE(diff_traces(file_->path(), file_->path()).equal());
  const DiffReport report = diff_traces(file_->path(), other.path());
  EXPECT_FALSE(report.equal());
  EXPECT_EQ(report.accumulated.front().number, trace_.product);
  EXPECT_EQ(layer(report, "layer.0").kind, DiffClass::kDiffers);
  const tests::ScratchFile shorter("shorter.trace");
  tests::record_small_trace(shorter.path(), false);
  EXPECT_THAT(diff_traces(file_->path(), shorter.path()).stopped, HasSubstr("not the same"));
}

TEST_F(DiffTest, AnotherConfiguration) {
  expect_error(ErrorCode::kMismatch, {"'edge'", "'tiny'"}, [] { diff("cmodel:edge"); });
}

TEST(Bounds, FilesAndTheirErrors) {
  const tests::ScratchFile file("bounds.json");
  const auto write = [&](const char* text) { std::ofstream(file.path()) << text; };
  write(R"([{"op": "layer.*/linear", "opcode": "MATMUL", "type": "f32", "rel_rms": 0.5}])");
  Bounds::load(file.path());
  for (const char* bad : {"{}", "[1]", R"([{"op": 1}])", R"([{"ulp": 1}])", ""}) {
    write(bad);
    expect_error(ErrorCode::kInvalidArgument, {file.path()}, [&] { Bounds::load(file.path()); });
  }
  expect_error(ErrorCode::kNotFound, {"/no/such"}, [] { Bounds::load("/no/such"); });
}

template <class T>
double ulps(abi::Dtype type, T a, T b) {
  return ulp_distance(type, std::as_bytes(std::span(&a, 1)), std::as_bytes(std::span(&b, 1)));
}

TEST(Difference, UnitsInTheLastPlace) {
  EXPECT_EQ(ulps(abi::Dtype::kF32, 1.0f, std::nextafter(1.0f, 2.0f)), 1);
  EXPECT_EQ(ulps(abi::Dtype::kF32, 0.0f, -0.0f), 0);
  EXPECT_EQ(ulps(abi::Dtype::kF32, std::numeric_limits<float>::denorm_min(),
                 -std::numeric_limits<float>::denorm_min()),
            2);
  EXPECT_TRUE(std::isinf(ulps(abi::Dtype::kF32, 1.0f, std::nanf(""))));
  EXPECT_EQ(ulps(abi::Dtype::kF16, std::uint16_t{0x3c00}, std::uint16_t{0x3c03}), 3);
  EXPECT_EQ(ulps(abi::Dtype::kI8, std::int8_t{-3}, std::int8_t{4}), 7);
  EXPECT_EQ(ulps(abi::Dtype::kE4M3, std::uint8_t{0x81}, std::uint8_t{0x01}), 2);
}

}  // namespace
}  // namespace tandem::debug

// SPDX-License-Identifier: Apache-2.0
// The comparison of cycles notices what it is there for.
#include "rtl/cycles/baseline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tandem/base/error.hpp"

namespace tandem::rtltest {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(CycleBaseline, ToleratesTwoPercentAndFourCycles) {
  EXPECT_EQ(compare_cycles(1000, 1024), Change::kNone);
  EXPECT_EQ(compare_cycles(1000, 1025), Change::kSlower);
  EXPECT_EQ(compare_cycles(1000, 976), Change::kNone);
  EXPECT_EQ(compare_cycles(1000, 975), Change::kFaster);
  EXPECT_EQ(compare_cycles(10, 14), Change::kNone);
  EXPECT_EQ(compare_cycles(10, 15), Change::kSlower);
  EXPECT_EQ(compare_cycles(2, 0), Change::kNone);
}

TEST(CycleBaseline, MessagesNameCaseFiguresAndCommand) {
  Baseline baseline;
  baseline.set("copy", "edge zero-wait", 1000);
  EXPECT_THAT(differences(baseline, "edge zero-wait", {{"copy", 1010}}, "CMD"), IsEmpty());
  EXPECT_THAT(differences(baseline, "edge zero-wait", {{"copy", 1100}}, "CMD"),
              AllOf(HasSubstr("edge zero-wait: copy: expected 1000 cycles (within 24), found 1100: "
                              "slower"),
                    HasSubstr("written by: CMD"), Not(HasSubstr("is to stay"))));
  EXPECT_THAT(differences(baseline, "edge zero-wait", {{"copy", 900}}, "CMD"),
              AllOf(HasSubstr("found 900: faster"), HasSubstr("commit the new baseline"),
                    HasSubstr("written by: CMD")));
}

TEST(CycleBaseline, MissingAndLeftOverCasesDiffer) {
  Baseline baseline;
  baseline.set("old", "tiny realistic", 5);
  EXPECT_THAT(differences(baseline, "tiny realistic", {{"new", 7}}, "CMD"),
              AllOf(HasSubstr("new: no baseline, found 7"), HasSubstr("old: in the baseline")));
  EXPECT_THAT(differences(baseline, "edge realistic", {}, "CMD"), IsEmpty());
}

TEST(CycleBaseline, FileKeepsFigures) {
  const auto file = std::filesystem::path(testing::TempDir()) / "tandem_baseline_test.yaml";
  Baseline baseline;
  baseline.set("matmul gemv f16", "edge zero-wait", 123);
  baseline.set("matmul gemv f16", "tiny realistic", 456);
  baseline.set("fill", "tiny realistic", 7);
  baseline.remove("fill", "tiny realistic");
  baseline.save(file);
  const Baseline loaded = Baseline::load(file);
  EXPECT_EQ(loaded.find("matmul gemv f16", "edge zero-wait"), 123u);
  EXPECT_EQ(loaded.find("matmul gemv f16", "tiny realistic"), 456u);
  EXPECT_EQ(loaded.find("fill", "tiny realistic"), std::nullopt);
  std::ofstream(file) << "fill: {edge zero-wait: many}\n";
  try {
    Baseline::load(file);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("tandem_baseline_test.yaml:1: expected"));
  }
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace tandem::rtltest

// SPDX-License-Identifier: Apache-2.0
// diff, replay of cases, reduce, trace record and diff as users call them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"

namespace tandem::tests {
namespace {

using testing::HasSubstr;

constexpr const char* kFaulty = "faulty:tiny?seq=30&bit=22";

ProgramResult tandem(std::vector<std::string> arguments) {
  return run_tandem(arguments, "", {std::string("TANDEM_PLUGIN_PATH=") + TANDEM_TEST_PLUGINS});
}

std::vector<std::string> diff_of_model(std::vector<std::string> more) {
  std::vector<std::string> arguments{"diff",
                                     "--model",
                                     data_path("llama-tiny"),
                                     "--prompt-ids",
                                     "1,2,3",
                                     "--max-new-tokens",
                                     "2",
                                     "--a",
                                     "cmodel:tiny"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(CliDiff, EqualDevices) {
  const ProgramResult result = tandem(diff_of_model({"--b", "cmodel:?threads=1"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("(b): equal\n"));
}

TEST(CliDiff, FromAModelToACase) {
  const ScratchDirectory scratch;
  const std::string item = scratch.path("first.case");
  const std::string page = scratch.path("report.html");
  const ProgramResult result =
      tandem(diff_of_model({"--b", kFaulty, "--case", item, "--html", page}));
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.out, HasSubstr("first with a's inputs: packet 30 of layer.1/linear"));
  EXPECT_THAT(result.out, HasSubstr("fine alone, wrong in context"));
  EXPECT_THAT(text_of(page), HasSubstr("</html>"));

  // Its configuration is in the case.
  const ProgramResult good = tandem({"replay", item});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_THAT(good.out, HasSubstr("passed on cmodel:tiny"));
  const ProgramResult bad = tandem({"replay", item, "--backend", kFaulty, "--json"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_EQ(bad.json()["cases"][0]["kind"], "bytes");
  EXPECT_EQ(bad.json()["cases"][0]["element"]["index"], "[0, 0, 0, 0]");

  const std::string reduced = scratch.path("small.case");
  const ProgramResult smaller = tandem({"reduce", item, "-o", reduced, "--json"});
  EXPECT_EQ(smaller.exit_code, 0) << smaller.err;
  EXPECT_THAT(smaller.json()["cases"][0]["text"].get<std::string>(), HasSubstr("m=1 n=1 k=1"));
  EXPECT_LT(std::filesystem::file_size(reduced), std::filesystem::file_size(item));
  EXPECT_EQ(tandem({"replay", reduced}).exit_code, 0);
  EXPECT_EQ(tandem({"replay", reduced, "--backend", kFaulty}).exit_code, 1);
  const ProgramResult nothing = tandem({"reduce", item, "--backend", "cmodel:"});
  EXPECT_EQ(nothing.exit_code, 3);
  EXPECT_THAT(nothing.err, HasSubstr("nothing to reduce"));
}

TEST(CliDiff, JsonHasClassesAndElements) {
  const ProgramResult result = tandem(diff_of_model({"--b", kFaulty, "--json"}));
  EXPECT_EQ(result.exit_code, 1);
  const nlohmann::json report = result.json();
  EXPECT_EQ(report["summary"]["result"], "different");
  for (const auto& entry : report["cases"]) {
    if (entry["name"] == "layer.0") {
      EXPECT_EQ(entry["class"], "equal");
    }
    if (entry["name"] == "layer.1/linear") {
      EXPECT_EQ(entry["class"], "wrong alone");
      EXPECT_EQ(entry["isolated"]["first"]["packet"], 30);
      EXPECT_EQ(entry["isolated"]["first"]["first"]["ulp"], 4194304);
    }
  }
}

TEST(CliDiff, BoundsDecide) {
  const std::string lowest_bit = "faulty:tiny?seq=30&bit=0";
  EXPECT_EQ(tandem(diff_of_model({"--b", lowest_bit})).exit_code, 1);
  const ProgramResult result = tandem(diff_of_model({"--b", lowest_bit, "--bounds", "standard"}));
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out, HasSubstr("rounding growth"));
  EXPECT_THAT(result.out, HasSubstr("equal within bounds"));
}

TEST(CliDiff, SavedRuns) {
  const ScratchDirectory scratch;
  const std::string a = scratch.path("a.trace");
  const std::string b = scratch.path("b.trace");
  for (const auto& [path, backend] : {std::pair(a, "cmodel:tiny"), std::pair(b, kFaulty)}) {
    const ProgramResult recorded =
        tandem({"trace", "record", "-o", path, "--model", data_path("llama-tiny"), "--prompt-ids",
                "1,2,3", "--max-new-tokens", "2", "--backend", backend});
    ASSERT_EQ(recorded.exit_code, 0) << recorded.err;
  }
  EXPECT_EQ(tandem({"trace", "diff", a, a}).exit_code, 0);
  const ProgramResult result = tandem({"trace", "diff", a, b});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("packet 30 of layer.1/linear"));
  EXPECT_EQ(tandem({"diff", "--a-trace", a, "--b-trace", b, "--json"}).json()["summary"]["result"],
            "different");
  // The trace that was recorded on the good device, played on both.
  EXPECT_EQ(tandem({"diff", "--trace", a, "--b", kFaulty}).exit_code, 1);
}

TEST(CliDiff, HandWrittenPackets) {
  const ScratchDirectory scratch;
  const std::string file = scratch.write("copy.exec", R"(
mem activations i32 1 2 3 4
COPY extent0=1 extent1=1 extent2=1 extent3=4 elem_bytes=4 src_addr=activations src_stride3=4 \
    dst_addr=activations+0x100 dst_stride3=4
)");
  const std::string trace = scratch.path("copy.trace");
  ASSERT_EQ(tandem({"exec", file, "--backend", "cmodel:tiny", "--record", trace}).exit_code, 0);
  EXPECT_EQ(tandem({"replay", trace, "--backend", "cmodel:tiny"}).exit_code, 0);
  const ProgramResult result = tandem({"diff", "--trace", trace, "--b", "faulty:tiny?seq=1&bit=9"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.out, HasSubstr("1 of 4 elements differ, first dst[0, 0, 0, 0]"));
}

TEST(CliDiff, WhatCannotBeCompared) {
  const ScratchDirectory scratch;
  const std::string text = scratch.write("text.trace", "no trace");
  const ProgramResult damaged = tandem({"diff", "--trace", text, "--b", "cmodel:tiny"});
  EXPECT_EQ(damaged.exit_code, 3);
  EXPECT_THAT(damaged.err, HasSubstr("text.trace"));
  const ProgramResult other = tandem(diff_of_model({"--b", "cmodel:edge"}));
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("'tiny' is needed"));
  EXPECT_EQ(tandem({"trace", "diff", text, text}).exit_code, 3);
  EXPECT_EQ(tandem({"reduce", text}).exit_code, 3);
}

TEST(CliDiff, WrongCommandLines) {
  EXPECT_EQ(tandem({"diff", "--b", "cmodel:"}).exit_code, 2);
  EXPECT_EQ(tandem({"diff", "--trace", "x"}).exit_code, 2);
  EXPECT_EQ(tandem({"diff", "--a-trace", "x"}).exit_code, 2);
  EXPECT_EQ(tandem({"diff", "--trace", "x", "--model", "y", "--b", "cmodel:"}).exit_code, 2);
  EXPECT_EQ(tandem({"trace"}).exit_code, 2);
  EXPECT_EQ(tandem({"trace", "record", "-o", "x"}).exit_code, 2);
}

}  // namespace
}  // namespace tandem::tests

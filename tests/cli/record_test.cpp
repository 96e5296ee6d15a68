// SPDX-License-Identifier: Apache-2.0
// Runs recorded elsewhere: run --record-contents and diff --b record:PATH as users call them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"

namespace tandem::tests {
namespace {

using testing::HasSubstr;

ProgramResult tandem(std::vector<std::string> arguments) {
  return run_tandem(arguments, "", {std::string("TANDEM_PLUGIN_PATH=") + TANDEM_TEST_PLUGINS});
}

ProgramResult record(const std::string& path, const std::string& contents,
                     const std::string& backend) {
  return tandem({"run", "--model", data_path("llama-tiny"), "--prompt-ids", "1,2,3",
                 "--max-new-tokens", "2", "--backend", backend, "--record", path,
                 "--record-contents", contents, "--quiet"});
}

ProgramResult diff(const std::string& path, std::vector<std::string> more = {},
                   const std::string& model = "llama-tiny") {
  std::vector<std::string> arguments{"diff",        "--model", data_path(model), "--a",
                                     "cmodel:tiny", "--b",     "record:" + path};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return tandem(arguments);
}

std::string torch_record(const std::string& name) {
  return data_path("records/llama-tiny/" + name);
}

class CliRecord : public testing::TestWithParam<const char*> {};

TEST_P(CliRecord, TheSameArithmeticGivesTheSameBits) {
  const ScratchDirectory scratch;
  for (const char* name : {"run", "run.tar.zst"}) {
    const std::string path = scratch.path(name);
    const ProgramResult made = record(path, GetParam(), "cmodel:tiny?threads=1&simd=portable");
    ASSERT_EQ(made.exit_code, 0) << made.err;
    const ProgramResult same = diff(path);
    EXPECT_EQ(same.exit_code, 0) << same.err << same.out;
    EXPECT_THAT(same.out, HasSubstr(": equal\n"));
    EXPECT_GT(diff(path, {"--json"}).json()["summary"]["accumulated"]["compared"], 10);
  }
}

TEST_P(CliRecord, AWrongDeviceIsFound) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path("run");
  ASSERT_EQ(record(path, GetParam(), "faulty:tiny?seq=30&bit=22").exit_code, 0);
  const ProgramResult result = diff(path);
  EXPECT_EQ(result.exit_code, 1) << result.err;
  if (std::string(GetParam()) == "checksums") {
    EXPECT_THAT(result.out, HasSubstr("packet 30 of layer.1/linear"));
    EXPECT_THAT(result.out, HasSubstr("--record-contents ops"));
  } else {
    EXPECT_THAT(result.out, HasSubstr("first with the record's inputs: op"));
    EXPECT_THAT(result.out, HasSubstr("of layer.1/"));
    EXPECT_THAT(result.out, HasSubstr("wrong alone"));
    EXPECT_THAT(result.out, HasSubstr("first packet 30 of layer.1/linear"));
  }
}

INSTANTIATE_TEST_SUITE_P(Contents, CliRecord, testing::Values("checksums", "blocks", "ops"),
                         [](const auto& info) { return std::string(info.param); });

TEST(CliRecordPackets, EqualResultsDoNotHideAWrongPacket) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path("run");
  ASSERT_EQ(record(path, "ops", "cmodel:tiny").exit_code, 0);
  // Checksums are the last column.
  std::fstream file(path + "/packets.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-1, std::ios::end);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(-1, std::ios::end);
  file.put(byte);
  file.close();
  const ProgramResult result = diff(path);
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("1 of 90 packets have other checksums, first packet 90 of "));
}

// The op in which the PyTorch model computes something else; everything else only follows from it.
struct ModelBug {
  const char* record;
  const char* op;
};

class CliModelBug : public testing::TestWithParam<ModelBug> {};

TEST_P(CliModelBug, IsNamedAtItsOp) {
  const ProgramResult result = diff(torch_record(GetParam().record), {"--json"});
  ASSERT_EQ(result.exit_code, 1) << result.err;
  const auto isolated = result.json()["summary"]["isolated"];
  EXPECT_EQ(isolated["first"]["op"], GetParam().op);
  // The same bug in every layer, and nothing else.
  for (const auto& entry : result.json()["cases"]) {
    if (entry["kind"] != "op") continue;
    const std::string name = entry["name"], op = GetParam().op;
    const bool wrong = entry["isolated"]["outside"] != 0;
    EXPECT_EQ(wrong, name.substr(name.find('/')) == op.substr(op.find('/'))) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Five, CliModelBug,
                         testing::Values(ModelBug{"wrong_rope_base", "layer.0/rotary"},
                                         ModelBug{"missing_scale", "layer.0/sdpa"},
                                         ModelBug{"swapped_heads", "layer.0/sdpa"},
                                         ModelBug{"wrong_norm_epsilon", "layer.0/attention_norm"},
                                         ModelBug{"mask_off_by_one", "layer.0/sdpa"}),
                         [](const auto& info) { return std::string(info.param.record); });

TEST(CliRecordOfTorch, CorrectModelsAreWithinBounds) {
  for (const char* model : {"llama-tiny", "mistral-tiny", "qwen2-tiny"}) {
    const ProgramResult result =
        diff(data_path(std::string("records/") + model + "/correct"), {}, model);
    EXPECT_EQ(result.exit_code, 0) << model << result.err << result.out;
    EXPECT_THAT(result.out, HasSubstr("equal within bounds"));
    EXPECT_THAT(result.out, HasSubstr("rounding growth"));
  }
}

TEST(CliRecordOfTorch, AnotherModelIsRefused) {
  const ProgramResult result = diff(torch_record("correct"), {}, "llama2-tiny");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("give the model of the record"));
}

TEST(CliRecordUsage, Mistakes) {
  EXPECT_THAT(tandem({"diff", "--b", "record:x"}).err, HasSubstr("needs --model"));
  EXPECT_THAT(diff("x", {"--case", "y"}).err, HasSubstr("belong to comparisons of devices"));
  EXPECT_THAT(diff("/nonexistent").err, HasSubstr("found nothing"));
  EXPECT_EQ(diff("/nonexistent").exit_code, 3);
  EXPECT_THAT(tandem({"run", "--model", data_path("llama-tiny"), "--prompt-ids", "1", "--record",
                      "x", "--record-contents", "ops", "--batch", "2"})
                  .err,
              HasSubstr("records one sequence"));
}

}  // namespace
}  // namespace tandem::tests

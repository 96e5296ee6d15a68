// SPDX-License-Identifier: Apache-2.0
// tandem run.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "program.hpp"
#include "tandem/models/files/safetensors_file.hpp"

namespace tandem::tests {
namespace {

using testing::HasSubstr;
using Strings = std::vector<std::string>;

const std::string kModel = data_path("llama-tiny");

nlohmann::json golden() {
  std::ifstream file(kModel + "/golden.json");
  return nlohmann::json::parse(file);
}

std::string ids_text(const nlohmann::json& ids) {
  return fmt::format("{}", fmt::join(ids.get<std::vector<int>>(), ","));
}

TEST(CliRun, GivesTheGoldenIdsAndEveryFieldOfTheReport) {
  const nlohmann::json prompt = golden()["prompts"][1];
  const ProgramResult result =
      run_tandem({"run", "--model", kModel, "--prompt-ids", ids_text(prompt["ids"]),
                  "--max-new-tokens", "16", "--ignore-eos", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json report = result.json();
  EXPECT_THAT(report["backend"].get<std::string>(), HasSubstr("cmodel"));
  EXPECT_FALSE(report["version"].get<std::string>().empty());
  ASSERT_EQ(report["cases"].size(), 1u);
  const nlohmann::json& entry = report["cases"][0];
  EXPECT_EQ(entry["name"], "sequence.0");
  EXPECT_EQ(entry["prompt_ids"], prompt["ids"]);
  EXPECT_EQ(entry["ids"], prompt["greedy"]);
  EXPECT_EQ(entry["text"], "");  // no tokenizer in this directory
  EXPECT_EQ(entry["host_ops"], 0);
  EXPECT_GT(entry["packets"].get<int>(), 16 * 3 * 12);
  EXPECT_GT(entry["tokens_per_s"]["prefill"].get<double>(), 0);
  EXPECT_GT(entry["tokens_per_s"]["decode"].get<double>(), 0);
  EXPECT_EQ(report["summary"]["weights"]["storage"], "auto");
  EXPECT_EQ(report["summary"]["kv_cache"]["type"], "f16");
}

TEST(CliRun, PrintsIdsWhereThereIsNoTokenizer) {
  const nlohmann::json prompt = golden()["prompts"][0];
  const ProgramResult result =
      run_tandem({"run", "--model", kModel, "--prompt-ids", ids_text(prompt["ids"]),
                  "--max-new-tokens", "16", "--ignore-eos", "--quiet"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, ids_text(prompt["greedy"]) + "\n");
  EXPECT_EQ(result.err, "");
}

TEST(CliRun, ContinuesTextOfAGgufFile) {
  const ProgramResult result = run_tandem({"run", "--model", data_path("gguf/llama-Q4_1.gguf"),
                                           "--prompt", "abc", "--max-new-tokens", "4", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("loaded"));
  EXPECT_GE(result.json()["cases"][0]["prompt_ids"].size(), 3u);
  EXPECT_FALSE(result.json()["cases"][0]["text"].get<std::string>().empty());

  const ScratchDirectory scratch;
  const ProgramResult from_file =
      run_tandem({"run", "--model", data_path("gguf/llama-Q4_1.gguf"), "--prompt-file",
                  scratch.write("prompt", "abc\n"), "--max-new-tokens", "4", "--json"});
  EXPECT_EQ(from_file.json()["cases"], [&] {
    nlohmann::json want = result.json()["cases"];
    want[0]["tokens_per_s"] = from_file.json()["cases"][0]["tokens_per_s"];
    return want;
  }());
}

TEST(CliRun, DumpsLogitsAndHiddenStates) {
  const ScratchDirectory scratch;
  const ProgramResult result =
      run_tandem({"run", "--model", kModel, "--prompt-ids", "5,6,7", "--max-new-tokens", "4",
                  "--ignore-eos", "--dump", scratch.path("made/of/dirs"), "--quiet"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto dump =
      models::SafetensorsFile::open(scratch.path("made/of/dirs") + "/dump.safetensors");
  ASSERT_NE(dump.find("logits"), nullptr);
  EXPECT_EQ(dump.find("logits")->shape, (std::vector<std::uint64_t>{4, 320}));
  for (const char* name : {"hidden.0", "hidden.1", "hidden.2", "hidden.3", "norm"}) {
    ASSERT_NE(dump.find(name), nullptr) << name;
    // Three of the prompt and three that were generated and fed again.
    EXPECT_EQ(dump.find(name)->shape, (std::vector<std::uint64_t>{6, 64})) << name;
  }
  EXPECT_EQ(dump.find("hidden.4"), nullptr);
}

TEST(CliRun, SamplesTheSameWithTheSameSeed) {
  const auto sample = [](const std::string& seed) {
    return run_tandem({"run", "--model", kModel, "--prompt-ids", "1,2,3", "--max-new-tokens", "12",
                       "--temperature", "1.5", "--top-k", "50", "--top-p", "0.95", "--seed", seed,
                       "--ignore-eos", "--batch", "3", "--json"})
        .json();
  };
  const nlohmann::json first = sample("7");
  ASSERT_EQ(first["cases"].size(), 3u);
  EXPECT_NE(first["cases"][0]["ids"], first["cases"][1]["ids"]);
  const nlohmann::json again = sample("7");
  const nlohmann::json shifted = sample("8");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(first["cases"][i]["ids"], again["cases"][i]["ids"]);
  EXPECT_EQ(first["cases"][1]["ids"], shifted["cases"][0]["ids"]);
}

TEST(CliRun, TracesOpsTransfersAndPackets) {
  const auto trace = [](const std::string& level) {
    return run_tandem({"run", "--model", kModel, "--prompt-ids", "1,2", "--max-new-tokens", "1",
                       "--trace", level})
        .err;
  };
  const std::string ops = trace("1");
  EXPECT_THAT(ops, HasSubstr("op rmsnorm f32[2, 64]"));
  EXPECT_THAT(ops, testing::Not(HasSubstr("view ")));
  const std::string views = trace("2");
  EXPECT_THAT(views, HasSubstr("view f32[2, 64] at 0x"));
  EXPECT_THAT(views, HasSubstr("transfer host to device: "));
  EXPECT_THAT(views, HasSubstr("transfer device to host: "));
  EXPECT_THAT(views, testing::Not(HasSubstr("packet ")));
  const std::string packets = trace("3");
  EXPECT_THAT(packets, HasSubstr("packet MATMUL "));
  EXPECT_THAT(packets, HasSubstr("layer.2"));
  EXPECT_THAT(packets, HasSubstr("checksum="));
}

TEST(CliRun, RecordsWhatReplayFindsEqual) {
  const ScratchDirectory scratch;
  const std::string trace = scratch.path("run.trace");
  ASSERT_EQ(run_tandem({"run", "--model", kModel, "--prompt-ids", "1,2", "--max-new-tokens", "2",
                        "--record", trace, "--quiet"})
                .exit_code,
            0);
  const ProgramResult replay = run_tandem({"replay", trace, "--json"});
  ASSERT_EQ(replay.exit_code, 0) << replay.err;
  EXPECT_EQ(replay.json()["summary"]["differences"], 0);
  EXPECT_GT(replay.json()["summary"]["compared"].get<int>(), 50);
  EXPECT_EQ(replay.json()["cases"][0]["status"], "pass");

  const ProgramResult listing = run_tandem({"dis", trace});
  ASSERT_EQ(listing.exit_code, 0) << listing.err;
  EXPECT_THAT(listing.out, HasSubstr("MATMUL "));
  EXPECT_THAT(listing.out, HasSubstr("# layer.0"));
  EXPECT_THAT(run_tandem({"dis", trace, "--completions"}).out, HasSubstr("checksum="));
}

struct BadCase {
  const char* name;
  Strings arguments;
  int exit_code;
  Strings messages;
};

class CliRunBad : public testing::TestWithParam<BadCase> {};

TEST_P(CliRunBad, SaysWhatIsWrong) {
  Strings arguments{"run"};
  arguments.insert(arguments.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  const ProgramResult result = run_tandem(arguments);
  EXPECT_EQ(result.exit_code, GetParam().exit_code) << result.err;
  EXPECT_EQ(result.out, "");
  for (const std::string& message : GetParam().messages)
    EXPECT_THAT(result.err, HasSubstr(message));
}

const std::string kGguf = data_path("gguf/llama-Q8_0.gguf");

INSTANTIATE_TEST_SUITE_P(
    Inputs, CliRunBad,
    testing::Values(
        BadCase{"NoModel", {"--prompt", "x"}, 2, {"--model is required"}},
        BadCase{"NoPrompt", {"--model", kGguf}, 2, {"no prompt", "--prompt-ids or --chat"}},
        BadCase{"EmptyPrompt", {"--model", kGguf, "--prompt", ""}, 2, {"--prompt is empty"}},
        BadCase{"TwoPrompts",
                {"--model", kGguf, "--prompt", "x", "--prompt-ids", "1"},
                2,
                {"--prompt excludes --prompt-ids"}},
        BadCase{"BadIds",
                {"--model", kGguf, "--prompt-ids", "1,x"},
                2,
                {"--prompt-ids: entry 1 is 'x'"}},
        BadCase{"NegativeId", {"--model", kGguf, "--prompt-ids", "1,-4"}, 2, {"entry 1 is '-4'"}},
        BadCase{"HugeId",
                {"--model", kGguf, "--prompt-ids", "99999999999"},
                2,
                {"entry 0 is '99999999999'"}},
        BadCase{"TrailingComma", {"--model", kGguf, "--prompt-ids", "1,"}, 2, {"entry 1 is ''"}},
        BadCase{"IdOutside",
                {"--model", kModel, "--prompt-ids", "1,320"},
                1,
                {"entry 1 is 320", "ids 0 to 319"}},
        BadCase{"BadTemperature",
                {"--model", kGguf, "--prompt", "x", "--temperature", "-1"},
                2,
                {"--temperature"}},
        BadCase{"BadTopP", {"--model", kGguf, "--prompt", "x", "--top-p", "0"}, 2, {"--top-p 0"}},
        BadCase{"BadBatch",
                {"--model", kGguf, "--prompt", "x", "--batch", "257"},
                2,
                {"--batch", "257"}},
        BadCase{"BadTrace", {"--model", kGguf, "--prompt", "x", "--trace", "4"}, 2, {"--trace"}},
        BadCase{"BadWeights",
                {"--model", kGguf, "--prompt", "x", "--weights", "q4"},
                2,
                {"--weights", "q4"}},
        BadCase{"UnknownOption", {"--model", kGguf, "--promt", "x"}, 2, {"--promt"}},
        BadCase{
            "MissingModel", {"--model", "/no/such.gguf", "--prompt", "x"}, 1, {"/no/such.gguf"}},
        BadCase{"WrongType",
                {"--model", data_path("tokenizer/encode.json"), "--prompt", "x"},
                1,
                {"encode.json"}},
        BadCase{"MissingPromptFile",
                {"--model", kGguf, "--prompt-file", "/no/such.txt"},
                1,
                {"/no/such.txt"}},
        BadCase{"NoTokenizer", {"--model", kModel, "--prompt", "x"}, 1, {"needs a tokenizer"}},
        BadCase{
            "NoTemplate", {"--model", kGguf, "--chat", "--prompt", "x"}, 1, {"no chat template"}},
        BadCase{"UnknownBackend",
                {"--model", kGguf, "--prompt", "x", "--backend", "nosuch:"},
                1,
                {"nosuch", "cmodel"}},
        BadCase{"BadBackendOption",
                {"--model", kGguf, "--prompt", "x", "--backend", "cmodel:?nosuch=1"},
                1,
                {"nosuch"}},
        BadCase{"UnknownConfig",
                {"--model", kGguf, "--prompt", "x", "--config", "nosuch"},
                1,
                {"nosuch", "edge"}},
        BadCase{
            "ContradictingThreads",
            {"--model", kGguf, "--prompt", "x", "--backend", "cmodel:?threads=2", "--threads", "1"},
            2,
            {"--threads 1 contradicts"}},
        BadCase{"DumpIntoAFile",
                {"--model", kModel, "--prompt-ids", "1", "--dump", kModel + "/config.json/x"},
                1,
                {"--dump"}}),
    [](const testing::TestParamInfo<BadCase>& info) { return info.param.name; });

}  // namespace
}  // namespace tandem::tests

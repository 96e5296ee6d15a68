// SPDX-License-Identifier: Apache-2.0
// Reference data of wrong structure: what `tandem check` says, case by case.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "suites.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "unit/check/small_data.hpp"
#include "unit/models_files/file_helpers.hpp"

namespace tandem::check {
namespace {

using tandem::testing::expect_error;
using ::testing::HasSubstr;
using testing::kMatmulCase;
using testing::kNegCase;
using testing::kSumCase;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from << " in " << text;
  return text.replace(at, from.size(), to);
}

class ReferenceData : public ::testing::Test {
 protected:
  ReferenceData() { dir_.write(std::string(testing::kSmallFile), testing::small_arrays()); }

  std::vector<CaseResult> check(const std::string& index) {
    dir_.write("index.json", index);
    return check_dir();
  }
  std::vector<CaseResult> check_dir() {
    Report report;
    Session session({.backend = "cmodel:tiny?threads=1"}, report);
    check_path(session, dir_.path());
    return report.cases();
  }
  CaseResult check_one(const std::string& text) {
    const std::vector<CaseResult> cases = check(R"({"cases":[)" + text + "]}");
    EXPECT_EQ(cases.size(), 1u);
    return cases.empty() ? CaseResult{} : cases[0];
  }
  void expect_refused(const std::string& index, std::initializer_list<std::string_view> parts) {
    expect_error(ErrorCode::kInvalidArgument, parts, [&] { check(index); });
  }
  void expect_failed(const std::string& text, const std::string& part) {
    const CaseResult result = check_one(text);
    EXPECT_EQ(result.status, Status::kFail) << text;
    EXPECT_THAT(result.detail, HasSubstr(part));
  }

  tandem::testing::TempDir dir_;
};

TEST_F(ReferenceData, SmallDataPasses) {
  const std::vector<CaseResult> cases = check(testing::small_index());
  ASSERT_EQ(cases.size(), 5u);
  for (const CaseResult& result : cases) {
    EXPECT_EQ(result.status, Status::kPass) << result.name << ": " << result.detail;
  }
}

TEST_F(ReferenceData, IndexOfWrongStructureIsRefusedWithFileAndPlace) {
  expect_refused("[]", {"index.json: expected an object, found an array of 0"});
  expect_refused("{}", {"index.json: key 'cases' is missing"});
  expect_refused(R"({"cases":5})", {"index.json: /cases: expected an array, found 5"});
  expect_refused(R"({"cases":[5]})", {"index.json: /cases/0: expected an object, found 5"});
  expect_refused(R"({"cases":[{"id":7}]})", {"index.json: /cases/0/id: expected a string"});
  expect_refused("{\n\"cases\": [}", {"index.json:2:11: malformed JSON"});
}

TEST_F(ReferenceData, CaseOfWrongStructureFailsWithFileAndPlace) {
  expect_failed(R"({"id":"a"})", "index.json: /cases/0: key 'file' is missing");
  expect_failed(replaced(kNegCase, R"("op":"neg")", R"("op":1)"),
                "index.json: /cases/0/op: expected a string, found 1");
  expect_failed(replaced(kNegCase, R"("key":"x")", R"("key":[])"),
                "index.json: /cases/0/inputs/x/key: expected a string, found an array of 0");
  expect_failed(replaced(kNegCase, R"([2,3])", R"([2,-3])"),
                "index.json: /cases/0/inputs/x/shape/1: expected an integer from 0");
  expect_failed(replaced(kNegCase, R"({"kind":"bits"})", "5"),
                "index.json: /cases/0/tolerance: expected an object, found 5");
  expect_failed(replaced(kNegCase, "bits", "pieces"),
                "index.json: /cases/0/tolerance/kind: 'pieces' is not one of bits, ulp, abs");
  expect_failed(replaced(kSumCase, "[1]", R"("1")"),
                "index.json: /cases/0/params/axes: expected an array, found the string '1'");
  expect_failed(replaced(kSumCase, R"({"axes":[1]})", "[]"),
                "index.json: /cases/0/params: expected an object, found an array of 0");
}

TEST_F(ReferenceData, CaseThatContradictsItsArraysFails) {
  expect_failed(replaced(kNegCase, R"("key":"x")", R"("key":"y")"), "no tensor 'y'");
  expect_failed(replaced(kNegCase, "[2,3]", "[3,2]"), "tensor 'x' is F32[2, 3], the case says");
  expect_failed(replaced(kNegCase, "small.safetensors", "absent.safetensors"),
                "absent.safetensors");
  expect_failed(replaced(kNegCase, R"("x":{)", R"("z":{)"), "the case has no input 'x'");
  expect_failed(replaced(kMatmulCase, R"("key":"scale","dtype":"f64","shape":[2,2])",
                         R"("key":"sum","dtype":"f64","shape":[2])"),
                "/cases/0/tolerance/array: expected an output of the shape of 'y'");
  for (const char* slice : {"a", "0:x", "0:1:1:1", "99999999999999999999:", ":-1"}) {
    expect_failed(replaced(kMatmulCase, "0:2", slice), "/params/a_rows: expected START:STOP:STEP");
  }
  expect_failed(replaced(kMatmulCase, "0:2", "0:3"), "slice");
}

TEST_F(ReferenceData, CaseMayNotBringArraysWithoutEnd) {
  std::string inputs = R"({"x":{"key":"x","dtype":"f32","shape":[2,3]})";
  for (int i = 0; i < 256; ++i) inputs += fmt::format(R"(,"x{}":{{}})", i);
  expect_failed(
      replaced(kNegCase, R"({"x":{"key":"x","dtype":"f32","shape":[2,3]}})", inputs + "}"),
      "/cases/0/inputs: expected at most 256 arrays, found 257");
}

TEST_F(ReferenceData, UnknownOperationIsUnsupported) {
  const CaseResult result = check_one(replaced(kNegCase, R"("op":"neg")", R"("op":"conv9d")"));
  EXPECT_EQ(result.status, Status::kUnsupported);
  EXPECT_THAT(result.detail, HasSubstr("operation 'conv9d' is not one of Tandem's"));
}

TEST_F(ReferenceData, BadChatTemplateFailsItsCasesOnly) {
  std::filesystem::copy(tandem::testing::data_dir() / "tokenizer_variants" / "gpt2.json",
                        dir_.path() / "tokenizer.json");
  dir_.write("encode.json", R"({"cases":[]})");
  dir_.write("chat.json", R"({"template":"{% fo %}","cases":[{},{}]})");
  const std::vector<CaseResult> cases = check_dir();
  ASSERT_EQ(cases.size(), 2u);
  for (const CaseResult& result : cases) {
    EXPECT_NE(result.status, Status::kPass);
    EXPECT_THAT(result.detail, HasSubstr("chat.json: /template"));
  }
}

TEST_F(ReferenceData, CaseWithFindingsOfCheckModeFails) {
  Report report;
  Session session({.backend = "cmodel:tiny?threads=1&check=1"}, report);
  const auto copy_unwritten = [&] {
    const runtime::Buffer buffer = session.device().malloc("activations", 128, "unwritten");
    abi::CopyPacket copy;
    copy.extent0 = copy.extent1 = copy.extent2 = copy.extent3 = 1;
    copy.elem_bytes = 4;
    copy.src_addr = buffer.addr().value;
    copy.dst_addr = buffer.addr().value + 64;
    session.device().queue().submit_packet(copy);
    session.device().queue().finish();
    return CaseResult{};
  };
  session.run("suite", "misuse", copy_unwritten);
  session.run("suite", "misuse and failure", [&] {
    CaseResult result = copy_unwritten();
    result.status = Status::kFail;
    result.detail = "wrong";
    return result;
  });
  session.run("suite", "nothing", [] { return CaseResult{}; });
  ASSERT_EQ(report.cases().size(), 3u);
  EXPECT_EQ(report.cases()[0].status, Status::kFail);
  EXPECT_THAT(report.cases()[0].detail,
              HasSubstr("results are right, but check: read-before-write"));
  EXPECT_EQ(report.cases()[1].detail, "wrong");
  EXPECT_EQ(report.cases()[2].status, Status::kPass);
}

TEST_F(ReferenceData, ModelDataOfWrongStructureIsRefused) {
  std::filesystem::copy(tandem::testing::data_dir() / "llama-tiny", dir_.path(),
                        std::filesystem::copy_options::recursive);
  const std::string golden = tandem::testing::read_file(dir_.path() / "golden.json");
  const auto refused = [&](const std::string& text, std::initializer_list<std::string_view> parts) {
    dir_.write("golden.json", text);
    expect_error(ErrorCode::kInvalidArgument, parts, [&] { check_dir(); });
  };
  refused("{}", {"golden.json: key 'bounds' is missing"});
  refused(R"({"bounds":{"fp32_cache":{}},"prompts":[{"ids":[1],"greedy":[]}]})",
          {"golden.json: /prompts/0/greedy: expected a token or more"});
  refused(R"({"bounds":{"fp32_cache":{}},"prompts":[{"ids":[],"greedy":[1]}]})",
          {"golden.json: /prompts/0/ids: expected a token or more"});
  refused(R"({"bounds":{"fp32_cache":{"hidden":[]}},"prompts":[{"ids":[1],"greedy":[1],)"
          R"("exact_steps":{"fp32_cache":2}}]})",
          {"/prompts/0/exact_steps/fp32_cache: expected at most the 1 steps of 'greedy', found 2"});
  // A mask that is too short, one case of many.
  const std::size_t mask = golden.find("\"attention_mask\"");
  ASSERT_NE(mask, golden.npos);
  dir_.write("golden.json", golden.substr(0, mask) + R"("attention_mask":[[1]], "unused")" +
                                golden.substr(golden.find(':', mask)));
  int failed = 0;
  for (const CaseResult& result : check_dir()) {
    if (result.status == Status::kPass) continue;
    EXPECT_EQ(result.name, "batch");
    EXPECT_THAT(
        result.detail,
        HasSubstr("/batch/attention_mask/0: expected an array of 2 or more, found one of 1"));
    ++failed;
  }
  EXPECT_EQ(failed, 1);
}

}  // namespace
}  // namespace tandem::check

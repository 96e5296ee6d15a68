// SPDX-License-Identifier: Apache-2.0
// GGUF reading against recorded checksums of dequantised tensors, and on well-formed hand-made
// files.
#include "tandem/models/files/gguf_file.hpp"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "unit/models_files/file_helpers.hpp"
#include "unit/models_files/sha256.hpp"

namespace tandem::models {
namespace {

using tandem::testing::data_dir;
using tandem::testing::expect_error;
using tandem::testing::GgufBytes;
using tandem::testing::read_file;
using tandem::testing::sha256_hex;
using tandem::testing::TempDir;

/// The folder with the GGUF reference data; a complete set may be named from outside.
std::filesystem::path golden_dir() {
  const char* goldens = std::getenv("TANDEM_GOLDENS");
  return (goldens ? std::filesystem::path(goldens) : data_dir()) / "gguf";
}

TEST(Sha256, GivesTheStandardsExamples) {
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  EXPECT_EQ(sha256_hex(std::as_bytes(std::span(text))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(GgufGolden, DequantisedTensorsHaveTheRecordedChecksums) {
  const auto golden = nlohmann::json::parse(read_file(golden_dir() / "golden.json"));
  int compared = 0;
  for (const auto& [type, file] : golden["files"].items()) {
    const GgufFile gguf = GgufFile::open(golden_dir() / file["file"].get<std::string>());
    EXPECT_EQ(gguf.tensors().size(), file["tensors"].size());
    for (const auto& [name, expected] : file["tensors"].items()) {
      const GgufTensor* tensor = gguf.find_tensor(name);
      ASSERT_NE(tensor, nullptr) << type << " " << name;
      EXPECT_EQ(tensor->type_name, expected["type"]) << type << " " << name;
      std::vector<float> values(tensor->rows * tensor->cols);
      gguf.dequantise_rows(*tensor, 0, tensor->rows, values);
      EXPECT_EQ(sha256_hex(std::as_bytes(std::span(values))), expected["sha256"])
          << type << " " << name;
      ++compared;
    }
  }
  EXPECT_GE(compared, 7 * 21);
}

TEST(GgufFile, ReadsEveryMetadataType) {
  using tandem::testing::ByteString;
  GgufBytes bytes;
  bytes.value("u8", 0, ByteString().put<std::uint8_t>(200).str());
  bytes.value("i8", 1, ByteString().put<std::int8_t>(-3).str());
  bytes.value("u16", 2, ByteString().put<std::uint16_t>(65535).str());
  bytes.value("i16", 3, ByteString().put<std::int16_t>(-300).str());
  bytes.u32("u32", 4000000000u);
  bytes.value("i32", 5, ByteString().put<std::int32_t>(-70000).str());
  bytes.f32("f32", 0.1f).flag("yes", true).flag("no", false).text("text", "caf\xc3\xa9");
  bytes.value("u64", 10, ByteString().put<std::uint64_t>(1ull << 40).str());
  bytes.value("i64", 11, ByteString().put<std::int64_t>(-(1ll << 40)).str());
  bytes.value("f64", 12, ByteString().put(0.1).str());
  bytes.texts("texts", {"a", "", "bc"}).i32s("ints", {-1, 0, 7});
  bytes.value("floats", 9,
              ByteString().put<std::uint32_t>(6).put<std::uint64_t>(1).put(2.5f).str());
  bytes.texts("empty", {});
  const TempDir dir;
  for (const std::uint32_t version : {2u, 3u}) {
    const GgufFile file = GgufFile::open(dir.write("a.gguf", bytes.str(version)));
    EXPECT_EQ(file.version(), version);
    EXPECT_EQ(file.integer("u8"), 200);
    EXPECT_EQ(file.integer("i8"), -3);
    EXPECT_EQ(file.integer("u16"), 65535);
    EXPECT_EQ(file.integer("i16"), -300);
    EXPECT_EQ(file.integer("u32"), 4000000000);
    EXPECT_EQ(file.integer("i32"), -70000);
    EXPECT_EQ(file.number("f32"), 0.1f);
    EXPECT_EQ(file.number("i8"), -3.0);
    EXPECT_EQ(file.flag("yes"), true);
    EXPECT_EQ(file.flag("no"), false);
    EXPECT_EQ(file.text("text"), "caf\xc3\xa9");
    EXPECT_EQ(file.integer("u64"), 1ll << 40);
    EXPECT_EQ(file.integer("i64"), -(1ll << 40));
    EXPECT_EQ(file.number("f64"), 0.1);
    EXPECT_EQ(file.texts("texts"), (std::vector<std::string_view>{"a", "", "bc"}));
    EXPECT_EQ(file.integers("ints"), (std::vector<std::int64_t>{-1, 0, 7}));
    EXPECT_EQ(file.numbers("floats"), (std::vector<double>{2.5}));
    EXPECT_EQ(file.texts("empty")->size(), 0u);
    EXPECT_EQ(file.integer("absent"), std::nullopt);
    EXPECT_EQ(file.keys().size(), 17u);
    EXPECT_EQ(file.keys().front(), "u8");
  }
}

TEST(GgufFile, NamesKeyExpectedAndFoundTypeWhenTheyDiffer) {
  const TempDir dir;
  const GgufFile file =
      GgufFile::open(dir.write("a.gguf", GgufBytes().text("a.b", "x").i32s("list", {1}).str()));
  expect_error(ErrorCode::kInvalidArgument,
               {"a.gguf", "byte offset", "'a.b'", "expected an integer", "found string"},
               [&] { file.integer("a.b"); });
  expect_error(ErrorCode::kInvalidArgument,
               {"'list'", "expected an array of strings", "found an array of i32"},
               [&] { file.texts("list"); });
}

TEST(GgufFile, GivesRowsOfMatricesWithMoreThanTwoExtents) {
  using tandem::testing::ByteString;
  ByteString data;
  for (int i = 0; i < 24; ++i) data.put(static_cast<float>(i));
  const TempDir dir;
  const GgufFile file =
      GgufFile::open(dir.write("a.gguf", GgufBytes().tensor("t", {4, 3, 2}, 0, data.str()).str()));
  const GgufTensor& tensor = file.tensors().at(0);
  EXPECT_EQ(tensor.rows, 6u);
  EXPECT_EQ(tensor.cols, 4u);
  std::vector<float> two(8);
  file.dequantise_rows(tensor, 3, 2, two);
  EXPECT_EQ(two.front(), 12.0f);
  EXPECT_EQ(two.back(), 19.0f);
  expect_error(ErrorCode::kInvalidArgument, {"'t'", "rows 5 + 2 are outside its 6 rows"},
               [&] { file.dequantise_rows(tensor, 5, 2, two); });
  expect_error(ErrorCode::kInvalidArgument, {"buffer of 8 values"},
               [&] { file.dequantise_rows(tensor, 0, 1, two); });
}

TEST(GgufFile, ListsTypesThatItCannotRead) {
  const TempDir dir;
  const std::string data(66 + 17, '\0');
  const GgufFile file = GgufFile::open(dir.write(
      "a.gguf", GgufBytes().tensor("iq", {256}, 16, data).tensor("new", {7}, 999, "").str()));
  EXPECT_EQ(file.tensors().at(0).type_name, "IQ2_XXS");
  EXPECT_EQ(file.tensors().at(1).type_name, "type 999");
  std::vector<float> out(256);
  expect_error(ErrorCode::kUnimplemented, {"'iq'", "IQ2_XXS", "Q6_K"},
               [&] { file.dequantise_rows(file.tensors()[0], 0, 1, out); });
  expect_error(ErrorCode::kUnimplemented, {"'new'", "type 999"},
               [&] { file.dequantise_rows(file.tensors()[1], 0, 1, out); });
}

TEST(GgufFile, ReadsAgainAfterAdviseDone) {
  const GgufFile file = GgufFile::open(golden_dir() / "llama-Q8_0.gguf");
  const GgufTensor* tensor = file.find_tensor("token_embd.weight");
  ASSERT_NE(tensor, nullptr);
  std::vector<float> first(tensor->rows * tensor->cols), second(first.size());
  file.dequantise_rows(*tensor, 0, tensor->rows, first);
  file.advise_done(*tensor);
  file.dequantise_rows(*tensor, 0, tensor->rows, second);
  EXPECT_EQ(first, second);
}

}  // namespace
}  // namespace tandem::models

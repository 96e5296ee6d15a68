// SPDX-License-Identifier: Apache-2.0
// Reading and writing of safetensors.
#include <cmath>
#include <numeric>

#include "tandem/models/files/safetensors_file.hpp"
#include "tandem/models/files/safetensors_writer.hpp"
#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using tandem::testing::data_dir;
using tandem::testing::expect_error;
using tandem::testing::safetensors_bytes;
using tandem::testing::TempDir;

std::vector<float> ramp(std::size_t count) {
  std::vector<float> out(count);
  std::iota(out.begin(), out.end(), 0.5f);
  return out;
}

TEST(Safetensors, ReadsBackWhatWasWritten) {
  const TempDir dir;
  const auto path = dir.path() / "a.safetensors";
  const auto values = ramp(12);
  const std::vector<std::uint16_t> halves{0x3C00, 0xC000, 0x7C00};
  SafetensorsWriter writer(path);
  writer.set_metadata("made by", "a test");
  writer.add("b", StoredType::kF32, {3, 4}, std::as_bytes(std::span(values)));
  writer.begin("a", StoredType::kF16, {3});
  writer.append(std::as_bytes(std::span(halves)).first(4));
  writer.append(std::as_bytes(std::span(halves)).subspan(4));
  writer.add("empty", StoredType::kI64, {0, 7}, {});
  writer.finish();
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "a.safetensors.part"));

  const SafetensorsFile file = SafetensorsFile::open(path);
  EXPECT_EQ(file.metadata().at("made by"), "a test");
  ASSERT_EQ(file.tensors().size(), 3u);
  const SafetensorsTensor* b = file.find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->shape, (std::vector<std::uint64_t>{3, 4}));
  std::vector<float> part(5);
  file.read_f32(*b, 7, part);
  EXPECT_EQ(part, std::vector<float>(values.begin() + 7, values.end()));
  std::vector<float> wide(3);
  file.read_f32(*file.find("a"), 0, wide);
  EXPECT_EQ(wide, (std::vector<float>{1.0f, -2.0f, INFINITY}));
  EXPECT_EQ(file.find("c"), nullptr);
  expect_error(ErrorCode::kInvalidArgument, {"tensor 'b'", "elements 8 + 5 are outside its 12"},
               [&] { file.read_f32(*b, 8, part); });
  expect_error(ErrorCode::kUnimplemented, {"I64", "tensor 'empty'"},
               [&] { file.read_f32(*file.find("empty"), 0, {}); });
}

TEST(Safetensors, WriterLeavesNothingBehindWithoutFinish) {
  const TempDir dir;
  { SafetensorsWriter writer(dir.path() / "a.safetensors"); }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(Safetensors, WriterRefusesMistakesBad) {
  const TempDir dir;
  const auto values = ramp(2);
  const auto bytes = std::as_bytes(std::span(values));
  SafetensorsWriter writer(dir.path() / "a.safetensors");
  expect_error(ErrorCode::kInvalidArgument, {"safetensors has no type Q4_0"},
               [&] { writer.begin("q", StoredType::kQ4_0, {32}); });
  expect_error(ErrorCode::kInvalidArgument, {"tensor 't'", "8 bytes more, expected at most 4"},
               [&] { writer.add("t", StoredType::kF32, {1}, bytes); });
  expect_error(ErrorCode::kInvalidArgument, {"tensor 't' has 0 of its 4 bytes"},
               [&] { writer.finish(); });
  writer.append(bytes.first(4));
  expect_error(ErrorCode::kInvalidArgument, {"its name is taken"},
               [&] { writer.begin("t", StoredType::kF32, {1}); });
  expect_error(ErrorCode::kInvalidArgument, {"overflows"}, [&] {
    writer.begin("u", StoredType::kF32, {1ull << 40, 1ull << 40});
  });
  writer.finish();
  EXPECT_EQ(SafetensorsFile::open(dir.path() / "a.safetensors").tensors().size(), 1u);
  expect_error(ErrorCode::kUnavailable, {"nowhere", "cannot write"},
               [&] { SafetensorsWriter(dir.path() / "nowhere" / "a.safetensors"); });
}

TEST(Safetensors, OpensShardsByTheirIndex) {
  const SafetensorsSet set = SafetensorsSet::open(data_dir() / "llama3-tiny");
  EXPECT_EQ(set.files().size(), 4u);
  const auto entry = set.find("model.layers.2.mlp.down_proj.weight");
  ASSERT_NE(entry.tensor, nullptr);
  EXPECT_EQ(entry.tensor->shape, (std::vector<std::uint64_t>{64, 176}));
  EXPECT_EQ(entry.file->bytes(*entry.tensor).size(), 64u * 176 * 2);
  EXPECT_EQ(set.find("none").tensor, nullptr);
}

// One tensor "t" of two f32 values unless a test changes the header.
void expect_refused(std::string_view header, std::initializer_list<std::string_view> parts,
                    std::string_view data = "12345678") {
  const TempDir dir;
  const auto path = dir.write("bad.safetensors", safetensors_bytes(header, data));
  expect_error(ErrorCode::kInvalidArgument, parts, [&] { SafetensorsFile::open(path); });
}

TEST(SafetensorsBad, RefusesBadHeaders) {
  const TempDir dir;
  const auto refuse = [&](std::string_view bytes, std::initializer_list<std::string_view> parts) {
    const auto path = dir.write("bad.safetensors", bytes);
    expect_error(ErrorCode::kInvalidArgument, parts, [&] { SafetensorsFile::open(path); });
  };
  refuse("", {"bad.safetensors", "byte offset 0", "header length of 8 bytes"});
  refuse("1234567", {"byte offset 0", "found 7 bytes"});
  refuse(std::string("\x01\xe1\xf5\x05\0\0\0\0", 8), {"header length 100000001, expected at most"});
  refuse(std::string("\x20\0\0\0\0\0\0\0{}", 10), {"header of 32 bytes does not fit"});
  refuse(std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8),
         {"header length 18446744073709551615"});
  expect_refused("{", {"safetensors header:1:2", "malformed JSON"});
  expect_refused("[]", {"expected an object, found an array of 0"});
  expect_refused("{\"t\": 5}", {"key t: expected an object, found 5"});
  expect_refused("{\"__metadata__\": {\"a\": 1}}", {"expected a string"});
  expect_refused("{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}",
                 {"nested deeper than 8 levels"});
}

TEST(SafetensorsBad, RefusesBadEntries) {
  expect_refused(R"({"t":{"shape":[2],"data_offsets":[0,8]}})", {"t.dtype: is missing"});
  expect_refused(R"({"t":{"dtype":7,"shape":[2],"data_offsets":[0,8]}})",
                 {"t.dtype: expected a string, found 7"});
  expect_refused(R"({"t":{"dtype":"F32","data_offsets":[0,8]}})", {"t.shape: is missing"});
  expect_refused(R"({"t":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
                 {"shape: expected an integer from 0, found -2"});
  expect_refused(R"({"t":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}})", {"found 2.5"});
  expect_refused(R"({"t":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})",
                 {"tensor 't': the product of its shape overflows"});
  expect_refused(R"({"t":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,8]}})",
                 {"do not fill data offsets 0 to 8"});
  expect_refused(R"({"t":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})",
                 {"tensor 't': 3 elements of F32 do not fill data offsets 0 to 8"});
  expect_refused(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0]}})",
                 {"expected two offsets"});
  expect_refused(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})",
                 {"data offsets 8 to 0 do not lie"});
  expect_refused(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})",
                 {"do not lie in the file's 8 data bytes"});
  expect_refused(
      R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
      {"key 't' appears twice"});
}

TEST(SafetensorsBad, RefusesOverlapsAndHoles) {
  expect_refused(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
      {"tensor 'b'", "tensors overlap"});
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                 {"tensor 'a'", "bytes belong to no tensor"});
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                 {"4 bytes belong to no tensor"});
}

TEST(SafetensorsBad, ListsDtypesThatItCannotRead) {
  const TempDir dir;
  const SafetensorsFile file = SafetensorsFile::open(dir.write(
      "a.safetensors",
      safetensors_bytes(R"({"t":{"dtype":"F4","shape":[16],"data_offsets":[0,8]}})", "12345678")));
  expect_error(ErrorCode::kUnimplemented, {"tensor 't' has dtype 'F4', which cannot be read"},
               [&] { file.bytes(*file.find("t")); });
}

TEST(SafetensorsBad, RefusesBadIndexFiles) {
  const TempDir dir;
  const std::string one = R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  dir.write("one.safetensors", safetensors_bytes(one, "12345678"));
  dir.write("two.safetensors", safetensors_bytes(one, "12345678"));
  const auto refuse = [&](ErrorCode code, const std::string& map,
                          std::initializer_list<std::string_view> parts) {
    const auto path = dir.write("model.safetensors.index.json", "{\"weight_map\": " + map + "}");
    expect_error(code, parts, [&] { SafetensorsSet::open(dir.path()); });
  };
  refuse(ErrorCode::kInvalidArgument, "[]", {"index.json: key weight_map: expected an object"});
  refuse(ErrorCode::kInvalidArgument, R"({"t": 4})", {"weight_map.t: expected a string"});
  refuse(ErrorCode::kInvalidArgument, R"({"t": "../../etc/passwd"})",
         {"expected the name of a file beside the index", "'../../etc/passwd'"});
  refuse(ErrorCode::kInvalidArgument, R"({"t": ""})", {"a file beside the index, found ''"});
  refuse(ErrorCode::kNotFound, R"({"t": "none.safetensors"})", {"none.safetensors", "cannot open"});
  refuse(ErrorCode::kMismatch, R"({"u": "one.safetensors"})",
         {"tensor 'u' should be in", "one.safetensors, which does not have it"});
  dir.write("model.safetensors.index.json", R"({"weight_map": {"t": "one.safetensors"}})");
  EXPECT_NO_THROW(SafetensorsSet::open(dir.path()));
}

TEST(SafetensorsBad, RefusesATensorInTwoShards) {
  const TempDir dir;
  dir.write(
      "one.safetensors",
      safetensors_bytes(
          R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"u":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
          "12345678"));
  dir.write(
      "two.safetensors",
      safetensors_bytes(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "12345678"));
  dir.write("model.safetensors.index.json",
            R"({"weight_map": {"u": "one.safetensors", "t": "two.safetensors"}})");
  expect_error(ErrorCode::kInvalidArgument,
               {"tensor 't' is both in", "one.safetensors", "two.safetensors"},
               [&] { SafetensorsSet::open(dir.path()); });
  const TempDir empty;
  expect_error(ErrorCode::kNotFound, {"expected model.safetensors or model.safetensors.index.json"},
               [&] { SafetensorsSet::open(empty.path()); });
}

}  // namespace
}  // namespace tandem::models

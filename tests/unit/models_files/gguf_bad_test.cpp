// SPDX-License-Identifier: Apache-2.0
// Damaged and hostile GGUF files: each is refused with file and byte offset.
#include "tandem/models/files/gguf_file.hpp"
#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using tandem::testing::ByteString;
using tandem::testing::expect_error;
using tandem::testing::GgufBytes;
using tandem::testing::TempDir;

void expect_refused(const std::string& bytes, std::initializer_list<std::string_view> parts,
                    ErrorCode code = ErrorCode::kInvalidArgument) {
  const TempDir dir;
  const auto path = dir.write("bad.gguf", bytes);
  expect_error(code, parts, [&] { GgufFile::open(path); });
}

std::string header(std::uint32_t version, std::uint64_t tensors, std::uint64_t keys) {
  return ByteString().raw("GGUF").put(version).put(tensors).put(keys).str();
}

TEST(GgufBad, RefusesWhatIsNoGguf) {
  expect_refused("", {"bad.gguf", "byte offset 0", "magic"});
  expect_refused("GG", {"byte offset 0", "magic"});
  expect_refused("PK\x03\x04 zip", {"this is no GGUF file"});
}

TEST(GgufBad, RefusesOtherVersions) {
  expect_refused(header(1, 0, 0), {"byte offset 4", "version 2 or 3, found 1"},
                 ErrorCode::kUnimplemented);
  expect_refused(header(4, 0, 0), {"found 4"}, ErrorCode::kUnimplemented);
  expect_refused(header(3u << 24, 0, 0), {"big-endian"}, ErrorCode::kUnimplemented);
}

TEST(GgufBad, RefusesEveryTruncation) {
  std::string whole = tandem::testing::tiny_gguf_model().str();
  // The padding behind the last tensor may be missing.
  while (whole.ends_with('\0')) whole.pop_back();
  const TempDir dir;
  const auto path = dir.write("cut.gguf", whole);
  EXPECT_NO_THROW(GgufFile::open(path));
  for (std::size_t size = whole.size(); size > 0;) {
    size -= std::min<std::size_t>(size, size < 1400 ? 3 : 37);
    std::filesystem::resize_file(path, size);
    EXPECT_THROW(GgufFile::open(path), Error) << size;
  }
}

TEST(GgufBad, RefusesHugeCounts) {
  expect_refused(header(3, ~0ull, 0), {"byte offset 8", "tensor count 18446744073709551615"});
  expect_refused(header(3, 0, 1ull << 40), {"byte offset 16", "metadata count 1099511627776"});
  expect_refused(header(3, 200000, 0), {"byte offset 24", "tensor name needs 8 bytes, but only 0"});
}

TEST(GgufBad, RefusesBadKeysAndValues) {
  expect_refused(header(3, 0, 1) + ByteString().put<std::uint64_t>(~0ull).str(),
                 {"byte offset 24", "metadata key has length 18446744073709551615", "65535"});
  expect_refused(header(3, 0, 1) + ByteString().put<std::uint64_t>(100).raw("abc").str(),
                 {"byte offset 32", "needs 100 bytes, but only 3 are left"});
  expect_refused(GgufBytes().value("k", 13, "").str(), {"metadata type 13, expected 0 to 12"});
  expect_refused(GgufBytes().u32("k", 1).u32("k", 2).str(), {"metadata key 'k' appears twice"});
  const std::string huge = ByteString().put<std::uint64_t>(1ull << 62).str();
  expect_refused(GgufBytes().value("k", 8, huge).str(), {"string value has length"});
}

TEST(GgufBad, RefusesBadArrays) {
  const auto array = [](std::uint32_t type, std::uint64_t count) {
    return GgufBytes().value("k", 9, ByteString().put(type).put(count).str()).str();
  };
  expect_refused(array(9, 1), {"array element type 9"});
  expect_refused(array(77, 1), {"array element type 77"});
  expect_refused(array(0, 1ull << 60), {"array of 1152921504606846976 elements of type u8"});
  expect_refused(array(8, 1ull << 61), {"of type string does not fit"});
  expect_refused(array(12, ~0ull), {"of type f64 does not fit"});
}

TEST(GgufBad, RefusesBadShapes) {
  const std::string data(64, '\0');
  expect_refused(GgufBytes().tensor("t", {}, 0, data).str(), {"tensor 't' has 0 dimensions"});
  expect_refused(GgufBytes().tensor("t", {1, 1, 1, 1, 1}, 0, data).str(), {"has 5 dimensions"});
  expect_refused(GgufBytes().tensor("t", {0, 4}, 0, data).str(), {"an extent of 0"});
  expect_refused(GgufBytes().tensor("t", {1ull << 33, 1ull << 33}, 0, data).str(),
                 {"product of its extents overflows"});
  expect_refused(GgufBytes().tensor("t", {1ull << 63}, 0, data).str(), {"its size overflows"});
  expect_refused(GgufBytes().tensor("t", {33}, 2, data).str(),
                 {"rows of 33 elements are no whole number of Q4_0 blocks of 32"});
}

TEST(GgufBad, RefusesBadPlaces) {
  const std::string data(64, '\0');
  expect_refused(GgufBytes().tensor("t", {17}, 0, data).str(),
                 {"tensor 't' of 68 bytes at data offset 0 reaches past the end"});
  expect_refused(GgufBytes().tensor("a", {4}, 0, data).info("b", {4}, 0, 8).str(),
                 {"tensor 'b' lies at data offset 8, expected a multiple of 32"});
  expect_refused(GgufBytes().tensor("a", {4}, 0, data).info("b", {4}, 0, ~0ull - 31).str(),
                 {"tensor 'b'", "reaches past the end"});
  expect_refused(GgufBytes().tensor("a", {16}, 0, data).info("b", {4}, 0, 32).str(),
                 {"the data of tensors 'a' and 'b' overlaps"});
  expect_refused(GgufBytes().tensor("t", {4}, 0, data).tensor("t", {4}, 0, data).str(),
                 {"tensor 't' appears twice"});
}

TEST(GgufBad, RefusesBadAlignment) {
  const std::string data(64, '\0');
  for (const std::uint32_t alignment : {0u, 3u, 1u << 30}) {
    expect_refused(GgufBytes().u32("general.alignment", alignment).tensor("t", {4}, 0, data).str(),
                   {"general.alignment is", "expected a power of two"});
  }
}

TEST(GgufBad, RefusesSplitModels) {
  expect_refused(GgufBytes().u32("split.count", 3).str(), {"3 parts", "llama-gguf-split"},
                 ErrorCode::kUnimplemented);
}

TEST(GgufBad, EscapesNamesInMessages) {
  const std::string name = "\x1b[31m" + std::string(200, 'x');
  expect_refused(GgufBytes().u32(name, 1).u32(name, 1).str(),
                 {"'\\x1b[31mxxx", "...' (205 bytes)"});
}

TEST(GgufBad, RefusesWhatIsNoFile) {
  const TempDir dir;
  expect_error(ErrorCode::kNotFound, {"none.gguf", "cannot open"},
               [&] { GgufFile::open(dir.path() / "none.gguf"); });
  expect_error(ErrorCode::kInvalidArgument, {"expected a regular file, found a directory"},
               [&] { GgufFile::open(dir.path()); });
  expect_error(ErrorCode::kInvalidArgument, {"expected a regular file"},
               [&] { GgufFile::open("/dev/zero"); });
}

}  // namespace
}  // namespace tandem::models

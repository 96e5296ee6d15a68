// SPDX-License-Identifier: Apache-2.0
// The container of traces and snapshots: round trip, damage, bounds.
#include "record_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "support/errors.hpp"
#include "toy_device.hpp"

namespace tandem::runtime {
namespace {

using testing::pattern;
using testing::ScratchFile;
using tests::expect_error;

constexpr RecordFileKind kKind = {{'T', 'E', 'S', 'T', 'F', 'I', 'L', 'E'}, "test file"};

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A file with records of every interesting size.
void write_sample(const std::string& path) {
  RecordWriter writer(path, kKind, "{\"head\": 1}");
  for (std::size_t size : {0u, 1u, 100u, 4096u, 300'000u, unsigned(kMaxRecordBytes)}) {
    const auto data = pattern(size, 3);
    writer.add(static_cast<std::uint32_t>(size % 1000 + 1), {data});
  }
  writer.finish();
}

std::size_t read_all(const std::string& path) {
  RecordReader reader(path, kKind);
  RecordReader::Record record;
  std::size_t count = 0;
  while (reader.next(record)) {
    ++count;
  }
  return count;
}

TEST(Xxh64, GivesThePublishedValues) {
  const auto hash = [](std::string_view text) {
    Xxh64 state;
    state.update(bytes_of(text));
    return state.digest();
  };
  EXPECT_EQ(hash(""), 0xef46db3751d8e999u);
  EXPECT_EQ(hash("a"), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(hash("abc"), 0x44bc2cf5ad770999u);
  // https://github.com/Cyan4973/xxHash documents these for longer texts.
  EXPECT_EQ(hash("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1u);
}

TEST(Xxh64, DoesNotDependOnThePieces) {
  const auto data = pattern(1000, 9);
  Xxh64 whole;
  whole.update(data);
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    Xxh64 pieces;
    std::span<const std::byte> rest(data);
    while (!rest.empty()) {
      const std::size_t size = std::min<std::size_t>(rest.size(), random() % 70);
      pieces.update(rest.first(size));
      rest = rest.subspan(size);
    }
    EXPECT_EQ(pieces.digest(), whole.digest());
  }
}

TEST(RecordFile, GivesBackWhatWasWritten) {
  const ScratchFile file("records");
  write_sample(file.path());
  RecordReader reader(file.path(), kKind);
  EXPECT_EQ(reader.header_text(), "{\"head\": 1}");
  EXPECT_EQ(reader.abi_hash(), abi::kAbiHash);
  RecordReader::Record record;
  for (std::size_t size : {0u, 1u, 100u, 4096u, 300'000u, unsigned(kMaxRecordBytes)}) {
    ASSERT_TRUE(reader.next(record));
    EXPECT_EQ(record.type, size % 1000 + 1);
    const auto data = pattern(size, 3);
    EXPECT_TRUE(std::ranges::equal(record.payload, data));
  }
  EXPECT_FALSE(reader.next(record));
  EXPECT_FALSE(reader.next(record));
}

TEST(RecordFile, UnfinishedFilesDisappear) {
  const ScratchFile file("unfinished");
  {
    RecordWriter writer(file.path(), kKind, "");
    writer.add(1, {});
  }
  EXPECT_FALSE(std::filesystem::exists(file.path()));
  expect_error(ErrorCode::kUnavailable, {"/nonexistent/x: cannot be written: No such file"},
               [] { RecordWriter("/nonexistent/x", kKind, ""); });
}

TEST(RecordFileBad, EveryTruncationIsReported) {
  const ScratchFile file("truncated");
  {
    RecordWriter writer(file.path(), kKind, "{}");
    const auto data = pattern(60, 1);
    writer.add(1, {data});
    writer.add(2, {data});
    writer.finish();
  }
  const std::string whole = read_file(file.path());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(file.path(), whole.substr(0, size));
    SCOPED_TRACE(size);
    expect_error(ErrorCode::kInvalidArgument, {file.path(), "test file damaged at byte "},
                 [&] { read_all(file.path()); });
  }
  write_file(file.path(), whole + "x");
  expect_error(ErrorCode::kInvalidArgument, {"1 bytes behind the end mark"},
               [&] { read_all(file.path()); });
}

TEST(RecordFileBad, EveryChangedByteIsReported) {
  const ScratchFile file("changed");
  {
    RecordWriter writer(file.path(), kKind, "{}");
    const auto data = pattern(60, 1);
    writer.add(1, {data});
    writer.finish();
  }
  const std::string whole = read_file(file.path());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    // The ABI hash and the header text are the caller's to check.
    if (at >= 16 && at < 26) {
      continue;
    }
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x21);
    write_file(file.path(), changed);
    SCOPED_TRACE(at);
    EXPECT_THROW(read_all(file.path()), Error);
  }
}

/// A file of one block around raw bytes, as a hostile writer would make it.
std::string forged(std::uint32_t stored_bytes, std::uint32_t raw_bytes, const std::string& stored) {
  std::string text(kKind.magic.data(), kKind.magic.size());
  const auto put = [&](auto value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  put(kRecordFileVersion);
  put(std::uint32_t{0});
  put(std::uint64_t{abi::kAbiHash});
  put(stored_bytes);
  put(raw_bytes);
  return text + stored;
}

TEST(RecordFileBad, ForgedSizesAllocateNothing) {
  const ScratchFile file("forged");
  write_file(file.path(), forged(8, 0xffff'ffff, "12345678"));
  expect_error(ErrorCode::kInvalidArgument, {"block of 4294967295 bytes, 8 compressed; at most"},
               [&] { read_all(file.path()); });
  write_file(file.path(), forged(0x10'0000, 100, "12345678"));
  expect_error(ErrorCode::kInvalidArgument, {"damaged at byte 24", "reaches past the end"},
               [&] { read_all(file.path()); });
  write_file(file.path(), forged(8, 100, "12345678"));
  expect_error(ErrorCode::kInvalidArgument, {"zstd: "}, [&] { read_all(file.path()); });
  write_file(file.path(), forged(0, 0, ""));
  expect_error(ErrorCode::kInvalidArgument, {"the end mark comes before the end record"},
               [&] { read_all(file.path()); });
}

TEST(RecordFileBad, OtherFilesAndVersions) {
  const ScratchFile file("other");
  write_file(file.path(), std::string(100, 'x'));
  expect_error(ErrorCode::kInvalidArgument,
               {"not a test file: expected the first bytes 'TESTFILE'"},
               [&] { read_all(file.path()); });
  std::string other = forged(0, 0, "");
  other[8] = 9;
  write_file(file.path(), other);
  expect_error(ErrorCode::kMismatch,
               {"test file of format version 9, this program reads version 1"},
               [&] { read_all(file.path()); });
  expect_error(ErrorCode::kNotFound, {"test file /nonexistent: no such file"},
               [] { read_all("/nonexistent"); });
  expect_error(ErrorCode::kNotFound, {"no such file"}, [] { read_all("/tmp"); });
}

}  // namespace
}  // namespace tandem::runtime

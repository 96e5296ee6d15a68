// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "archive.hpp"
#include "support/scratch_directory.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/record_diff.hpp"

namespace tandem::debug {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

RecordInfo small_info() {
  RecordInfo info;
  info.kind = "device";
  info.backend = "cmodel:tiny";
  info.device = "cmodel:tiny";
  info.dtype = "float32";
  info.model = {.name = "small",
                .family = "llama",
                .layers = 1,
                .hidden = 4,
                .heads = 2,
                .kv_heads = 1,
                .head_dim = 2,
                .vocab = 8,
                .interleaved = true};
  info.contents = RecordContents::kOps;
  info.prompt_ids = {3, 1};
  info.config = "tiny";
  info.abi_hash = "0x0123";
  return info;
}

void write_small(const fs::path& path) {
  RecordWriter writer(path, small_info());
  writer.begin_step({3, 1}, 0);
  writer.add("op.embedding", "out", {2, 2}, std::vector<float>{1, 2, 3, 4});
  writer.add({.seq = 7, .step = 0, .op = "embedding", .opcode = 18, .checksum = 99});
  writer.add_new_id(5);
  writer.begin_step({5}, 2);
  writer.add("op.embedding", "out", {1, 2}, std::vector<float>{-0.0f, INFINITY});
  writer.add({.seq = 8,
              .step = 1,
              .op = "layer.0/linear",
              .opcode = 32,
              .error = abi::Fault::kBusError,
              .checksum = ~0ull});
  writer.add_new_id(6);
  writer.finish(0xabc);
}

class RecordFiles : public testing::TestWithParam<const char*> {};

TEST_P(RecordFiles, WhatIsWrittenIsRead) {
  const tests::ScratchDirectory scratch;
  const fs::path path = scratch.path(GetParam());
  write_small(path);
  write_small(path);  // A record that is there is replaced.
  const Record record = Record::open(path);
  const RecordInfo& info = record.info();
  EXPECT_EQ(info.kind, "device");
  EXPECT_EQ(info.model.kv_heads, 1u);
  EXPECT_TRUE(info.model.interleaved);
  EXPECT_THAT(info.prompt_ids, ElementsAre(3, 1));
  EXPECT_THAT(info.new_ids, ElementsAre(5, 6));
  ASSERT_EQ(info.steps.size(), 2u);
  EXPECT_EQ(info.steps[1].first_position, 2u);
  EXPECT_THAT(info.steps[1].ids, ElementsAre(5));
  ASSERT_EQ(info.ops.size(), 1u);

  const auto first = record.tensor(0, "op.embedding/out");
  ASSERT_TRUE(first);
  EXPECT_THAT(first->shape, ElementsAre(2, 2));
  EXPECT_THAT(first->values, ElementsAre(1, 2, 3, 4));
  const auto second = record.tensor(1, "op.embedding/out");
  ASSERT_TRUE(second);
  EXPECT_TRUE(std::signbit(second->values[0]));
  EXPECT_FALSE(record.tensor(1, "op.norm/out"));
  EXPECT_FALSE(record.tensor(9, "op.embedding/out"));

  const auto packets = record.packets();
  ASSERT_TRUE(packets);
  ASSERT_EQ(packets->size(), 2u);
  EXPECT_EQ((*packets)[0].seq, 7u);
  EXPECT_EQ((*packets)[0].op, "embedding");
  EXPECT_EQ((*packets)[1].step, 1u);
  EXPECT_EQ((*packets)[1].error, abi::Fault::kBusError);
  EXPECT_EQ((*packets)[1].checksum, ~0ull);
}

INSTANTIATE_TEST_SUITE_P(All, RecordFiles, testing::Values("folder", "run.tar.zst"),
                         [](const auto& info) {
                           return std::string(info.index == 0 ? "Folder" : "Archive");
                         });

TEST(RecordFilesKept, NothingStaysOfAnUnfinishedOne) {
  const tests::ScratchDirectory scratch;
  {
    RecordWriter writer(scratch.path("run"), small_info());
    writer.begin_step({1}, 0);
  }
  EXPECT_TRUE(fs::is_empty(fs::path(scratch.path("run")).parent_path()));
}

TEST(RecordFilesKept, OtherFilesAreNotReplaced) {
  const tests::ScratchDirectory scratch;
  fs::create_directory(scratch.path("folder"));
  std::ofstream(scratch.path("folder") + "/thesis.txt") << "text";
  try {
    RecordWriter writer(scratch.path("folder"), small_info());
    FAIL() << "a folder that is no record was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is there and no record"));
  }
  EXPECT_TRUE(fs::exists(scratch.path("folder") + "/thesis.txt"));
}

std::string failure_of(const fs::path& path) {
  try {
    Record::open(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RecordErrors, AreNamed) {
  const tests::ScratchDirectory scratch;
  EXPECT_THAT(failure_of(scratch.path("none")), HasSubstr("found nothing"));
  std::ofstream(scratch.path("file")) << "x";
  EXPECT_THAT(failure_of(scratch.path("file")), HasSubstr("found another file"));

  const fs::path path = scratch.path("run");
  write_small(path);
  std::string json;
  {
    std::ifstream in(path / "record.json");
    json.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = json;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    std::ofstream(path / "record.json") << text;
    return failure_of(path);
  };
  EXPECT_THAT(with("\"tandem-record\"", "\"other\""), HasSubstr("key format"));
  EXPECT_THAT(with("\"version\": 1", "\"version\": 2"), HasSubstr("expected 1, found 2"));
  EXPECT_THAT(with("\"contents\": \"ops\"", "\"contents\": \"all\""),
              HasSubstr("expected checksums, blocks or ops, found 'all'"));
  EXPECT_THAT(with("\"step.0.safetensors\"", "\"../step.0.safetensors\""),
              HasSubstr("without directories"));
  EXPECT_THAT(with("\"first_position\": 2", "\"first_position\": -2"), HasSubstr("found -2"));
  EXPECT_EQ(with("\"first_position\": 2", "\"first_position\": 2"), "");
}

TEST(RecordErrors, ARowBeyondTheLists) {
  const tests::ScratchDirectory scratch;
  const fs::path path = scratch.path("run");
  {
    RecordWriter writer(path, small_info());
    writer.begin_step({3}, 0);
    writer.add({.seq = 1, .step = 4, .op = "embedding"});
    writer.finish(0);
  }
  const Record record = Record::open(path);
  try {
    record.packets();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("row 0: op 0 of 1, step 4 of 1"));
  }
}

TEST(RecordArchive, DamageIsNamed) {
  const tests::ScratchDirectory scratch;
  const fs::path path = scratch.path("run.tar.zst");
  write_small(path);
  std::string whole;
  {
    std::ifstream in(path, std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  for (std::size_t size = 0; size < whole.size(); size += 37) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, size);
    EXPECT_THAT(failure_of(path), HasSubstr("of the tar file")) << size;
  }
  for (std::size_t at = 0; at < whole.size(); at += 11) {
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    std::ofstream(path, std::ios::binary) << bad;
    EXPECT_NE(failure_of(path), "") << at;
  }
}

TEST(RecordArchive, MembersStayInTheFolder) {
  const tests::ScratchDirectory scratch;
  const fs::path inside = scratch.path("aaaaaaaaaa");
  std::ofstream(inside) << "text";
  const fs::path archive = scratch.path("x.tar.zst");
  pack({inside}, archive);
  fs::create_directory(scratch.path("out"));
  unpack(archive, scratch.path("out"));
  EXPECT_EQ(fs::file_size(scratch.path("out") + "/aaaaaaaaaa"), 4u);
}

TEST(RecordBounds, FollowTheOtherComputation) {
  EXPECT_LT(record_bound("attention_norm", "float32"), record_bound("q", "float32"));
  EXPECT_LT(record_bound("q", "float32"), record_bound("sdpa", "float32"));
  EXPECT_EQ(record_bound("silu_mul", "bfloat16"), std::ldexp(1.0, -14) + std::ldexp(1.0, -7));
}

}  // namespace
}  // namespace tandem::debug

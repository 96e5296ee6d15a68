// SPDX-License-Identifier: Apache-2.0
#include "tandem/abi/exec_file.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>

#include "support/errors.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::abi {
namespace {

using tests::expect_error;
using Bytes = std::vector<std::uint8_t>;

const std::vector<NamedAddress> kRegions = {{"activations", 0x80000000}, {"ucode", 0x40000000}};

ExecFile parse(std::string_view text) {
  return parse_exec_file(text, {.name = "t.exec"}, kRegions);
}

template <class Step>
const Step& step(const ExecFile& file, std::size_t index) {
  return std::get<Step>(file.steps.at(index));
}

TEST(ExecFile, MemoryOfEveryType) {
  const ExecFile file = parse(R"(
    mem 0x1000 f32 1.0 -2 0x3f800001 nan
    mem activations+0x10 f16 1.0 65504
    mem 0x1000 bf16 1.0
    mem 0x1000 e4m3 448 -1.0 nan
    mem 0x1000 e5m2 inf
    mem 0x1000 i8 -1 127 0x80
    mem 0x1000 u16 65535
    mem 0x1000 i64 -2
    mem 0x1000 hex 0011 ff
    mem 0x1000 u8 3*7 1
  )");
  const Bytes f32 = {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 1, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f};
  EXPECT_EQ(step<ExecWrite>(file, 0).bytes, f32);
  EXPECT_EQ(step<ExecWrite>(file, 1).addr, 0x80000010u);
  EXPECT_EQ(step<ExecWrite>(file, 1).bytes, (Bytes{0x00, 0x3c, 0xff, 0x7b}));
  EXPECT_EQ(step<ExecWrite>(file, 2).bytes, (Bytes{0x80, 0x3f}));
  EXPECT_EQ(step<ExecWrite>(file, 3).bytes, (Bytes{0x7e, 0xb8, 0x7f}));
  EXPECT_EQ(step<ExecWrite>(file, 4).bytes, (Bytes{0x7c}));
  EXPECT_EQ(step<ExecWrite>(file, 5).bytes, (Bytes{0xff, 0x7f, 0x80}));
  EXPECT_EQ(step<ExecWrite>(file, 6).bytes, (Bytes{0xff, 0xff}));
  EXPECT_EQ(step<ExecWrite>(file, 7).bytes, (Bytes{0xfe, 255, 255, 255, 255, 255, 255, 255}));
  EXPECT_EQ(step<ExecWrite>(file, 8).bytes, (Bytes{0x00, 0x11, 0xff}));
  EXPECT_EQ(step<ExecWrite>(file, 9).bytes, (Bytes{7, 7, 7, 1}));
  EXPECT_EQ(step<ExecWrite>(file, 9).line, 11);
}

TEST(ExecFile, FillKeepsItsCount) {
  const ExecFile file = parse("fill activations f32 1_000_000_000 1.5");
  EXPECT_EQ(step<ExecFill>(file, 0).count, 1000000000u);
  EXPECT_EQ(step<ExecFill>(file, 0).element, (Bytes{0, 0, 0xc0, 0x3f}));
}

TEST(ExecFile, PacketsAreNumberedAndMustSucceed) {
  const ExecFile file = parse("NOP\nNOP seq=40\nNOP\n");
  EXPECT_EQ(step<ExecPacket>(file, 0).packet.seq, 1u);
  EXPECT_EQ(step<ExecPacket>(file, 1).packet.seq, 40u);
  EXPECT_EQ(step<ExecPacket>(file, 2).packet.seq, 41u);
  EXPECT_EQ(step<ExecPacket>(file, 2).error, Fault::kNone);
}

TEST(ExecFile, CompletionsAreExpectedOfTheLatestOrTheNamedPacket) {
  const ExecFile file = parse(R"(
    NOP
    FILL dst_addr=0
    expect error=UNMAPPED fault=activations+4
    expect seq=1 checksum=0x10
  )");
  EXPECT_EQ(step<ExecPacket>(file, 1).error, Fault::kUnmapped);
  EXPECT_EQ(step<ExecPacket>(file, 1).fault_addr, 0x80000004u);
  EXPECT_EQ(step<ExecPacket>(file, 1).expect_line, 4);
  EXPECT_EQ(step<ExecPacket>(file, 0).checksum, 0x10u);
  EXPECT_FALSE(step<ExecPacket>(file, 0).fault_addr.has_value());
}

TEST(ExecFile, ProgramsAreWrittenLoadedAndNamed) {
  const ExecFile file = parse(R"(
    ucode copy word=4
      phase
      ld v0, in0   # comment

      st out0, v0
    end
    ucode more addr=0x5000
      phase
    end
    VECTOR cols=1 ucode=@copy in0_addr=activations
    VECTOR ucode=@more
  )");
  EXPECT_EQ(step<ExecWrite>(file, 0).addr, 0x40000020u);
  EXPECT_EQ(step<ExecWrite>(file, 0).bytes.size(), 24u);
  const auto load = packet_as<LoadUcodePacket>(step<ExecPacket>(file, 1).packet);
  EXPECT_EQ(load.opcode, Opcode::kLoadUcode);
  EXPECT_EQ(load.words, 3u);
  EXPECT_EQ(load.dst_word, 4u);
  EXPECT_EQ(load.src_addr, 0x40000020u);
  const auto second = packet_as<LoadUcodePacket>(step<ExecPacket>(file, 3).packet);
  EXPECT_EQ(second.dst_word, 7u);
  EXPECT_EQ(second.src_addr, 0x5000u);
  const auto vector = packet_as<VectorPacket>(step<ExecPacket>(file, 4).packet);
  EXPECT_EQ(vector.ucode_start, 4u);
  EXPECT_EQ(vector.ucode_words, 3u);
  EXPECT_EQ(vector.in0_addr, 0x80000000u);
  EXPECT_EQ(packet_as<VectorPacket>(step<ExecPacket>(file, 5).packet).ucode_start, 7u);
}

TEST(ExecFile, Tables) {
  const ExecFile file = parse("table 1 addr=0x6000 f32 255*0.0 1.0");
  EXPECT_EQ(step<ExecWrite>(file, 0).bytes.size(), 1024u);
  const auto load = packet_as<LoadUcodePacket>(step<ExecPacket>(file, 1).packet);
  EXPECT_EQ(load.target, UcodeTarget::kTable1);
  EXPECT_EQ(load.words, 256u);
}

TEST(ExecFile, ErrorsNameLineColumnExpectedAndFound) {
  const auto bad = [](std::string_view text, std::initializer_list<std::string_view> parts) {
    expect_error(ErrorCode::kInvalidArgument, parts, [&] { parse(text); });
  };
  bad("mem 0x10 f33 1", {"t.exec:1:10: expected a type: f32, bf16", "'f33'"});
  bad("mem 0x10 f32", {"t.exec:1:13: expected a value of the type", "the end of the line"});
  bad("mem 0x10 i8 300", {"t.exec:1:13: expected a value of the type that fits it, found '300'"});
  bad("mem 0x10 u8 -1", {"found '-1'"});
  bad("mem 0x10 i32 1.5", {"found '1.5'"});
  bad("mem 0x10 hex 123", {"expected pairs of hexadecimal digits"});
  bad("mem weights f32 1", {"t.exec:1:5: expected an address: a number, a region", "'weights'"});
  bad("mem 0x10 f32 0*1", {"a number of repetitions from 1"});
  bad("mem 0x10 f32 100000000*1", {"at most 256 MiB"});
  bad("fill 0x10 f32 0 1", {"a number of elements from 1"});
  bad("fill 0x10 f32 4 1 2", {"expected nothing after the value, found '2'"});
  bad("expect error=UNMAPPED", {"there is no packet before this line"});
  bad("NOP\nexpect seq=9 error=NONE", {"t.exec:2", "no packet before this line has seq 9"});
  bad("NOP\nexpect error=BROKEN", {"t.exec:2:14: expected an error code", "'BROKEN'"});
  bad("NOP\nexpect colour=1", {"t.exec:2:8: expected error=, fault=, checksum= or seq="});
  bad("ucode a\nphase\n", {"t.exec:1:7: expected `end`"});
  bad("ucode a\nend\n", {"the micro-program has no words"});
  bad("ucode a\nphase\nend\nucode a\nphase\nend", {"t.exec:4:7: expected a new name"});
  bad("ucode a word=70000\nphase\nend", {"a word from 0 to 65535"});
  bad("ucode a\nfmaa v0\nend", {"t.exec:2:1: expected a micro-operation"});
  bad("table 0 addr=0x10 f32 1.0", {"expected 256 words (1024 bytes) of values, found 4 bytes"});
  bad("table 2 addr=0x10 f32 1.0", {"a table from 0 to 1"});
  bad("VECTOR ucode=@none", {"the name of a `ucode` block before this line"});
  bad("memory 0x10", {"t.exec:1:1: expected NOP, FENCE"});
  expect_error(ErrorCode::kInvalidArgument, {"no region is called 'ucode'"},
               [] { parse_exec_file("ucode a\nphase\nend"); });
}

TEST(ExecFile, DifferencesNameElementAddressAndBothValues) {
  const ExecFile file =
      parse("expect activations f32 1.0 2.0\nexpect 0x10 i8 -1\nexpect 0x20 hex 00ff");
  EXPECT_EQ(check_expected(file, step<ExecExpect>(file, 0), step<ExecExpect>(file, 0).bytes), "");
  const Bytes f32 = {0, 0, 0x80, 0x3f, 1, 0, 0, 0x40};
  EXPECT_EQ(check_expected(file, step<ExecExpect>(file, 0), f32),
            "t.exec:1: element 1 at 0x80000004: expected 2 (0x40000000), found 2.0000002 "
            "(0x40000001)");
  EXPECT_EQ(check_expected(file, step<ExecExpect>(file, 1), Bytes{0}),
            "t.exec:2: element 0 at 0x10: expected -1 (0xff), found 0 (0x00)");
  EXPECT_EQ(check_expected(file, step<ExecExpect>(file, 2), Bytes{0, 0}),
            "t.exec:3: element 1 at 0x21: expected ff, found 00");
  EXPECT_EQ(check_expected(file, step<ExecExpect>(file, 2), Bytes{0}),
            "t.exec:3: expected 2 bytes at 0x20, found 1");
}

TEST(ExecFile, CompletionDifferences) {
  const ExecFile file = parse("NOP\nexpect error=UNMAPPED fault=0x10 checksum=0");
  const ExecPacket& packet = step<ExecPacket>(file, 0);
  Completion found;
  EXPECT_EQ(check_completion(file, packet, found),
            "t.exec:2: packet seq 1: expected error UNMAPPED, found NONE (fault_addr 0x0)");
  found.error = Fault::kUnmapped;
  EXPECT_EQ(check_completion(file, packet, found),
            "t.exec:2: packet seq 1: expected fault_addr 0x10, found 0x0");
  found.fault_addr = 0x10;
  EXPECT_EQ(check_completion(file, packet, found), "");
  found.checksum = 5;
  EXPECT_EQ(check_completion(file, packet, found),
            "t.exec:2: packet seq 1: expected checksum 0x0000000000000000, found "
            "0x0000000000000005");
}

TEST(ExecFile, FilesAreReadFromDisk) {
  expect_error(ErrorCode::kNotFound, {"'/nowhere/x.exec' cannot be read"},
               [] { load_exec_file("/nowhere/x.exec"); });
  expect_error(ErrorCode::kNotFound, {"cannot be read"}, [] { load_exec_file("/"); });
  const std::string path = testing::TempDir() + "exec_file_test.exec";
  std::ofstream(path) << "NOP\nNO\n";
  expect_error(ErrorCode::kInvalidArgument, {path + ":2:1: expected NOP"},
               [&] { load_exec_file(path); });
}

TEST(ExecFile, RandomTextNeverMisbehaves) {
  std::mt19937_64 random(31);
  const std::vector<std::string> words = {
      "mem",    "fill",   "expect",    "ucode", "end", "table", "NOP",   "f32",
      "hex",    "0x10",   "*",         "=",     "a",   "@a",    "\n",    "#",
      "phase",  "word=1", "addr=0x10", "-",     "+",   "\\",    "seq=1", "99999999999999999999",
      "error=", "1.0",    "u8",        "ff"};
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (auto n = random() % 20; n > 0; --n) {
      text += words[random() % words.size()];
      if (random() % 4 != 0) text += ' ';
    }
    try {
      parse(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << text;
    }
  }
}

TEST(ExecFile, LinesAreLimited) {
  std::string text = "\n\n# comment\n";
  for (int i = 0; i < 1 << 20; ++i) text += "NOP\n";
  expect_error(ErrorCode::kInvalidArgument, {"t.exec:1048581:1: expected at most 1048576 lines"},
               [&] { parse(text + "\nNOP\n"); });
}

TEST(ExecFile, RepeatedValuesOfSeveralBytes) {
  const ExecFile file = parse("mem 0x1000 hex 7*0102ff 0a");
  Bytes expected;
  for (int i = 0; i < 7; ++i) expected.insert(expected.end(), {1, 2, 0xff});
  expected.push_back(0x0a);
  EXPECT_EQ(step<ExecWrite>(file, 0).bytes, expected);
}

}  // namespace
}  // namespace tandem::abi

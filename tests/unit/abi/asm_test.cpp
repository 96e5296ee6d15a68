// SPDX-License-Identifier: Apache-2.0
#include "tandem/abi/asm.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "samples.hpp"
#include "support/errors.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/ucode.hpp"

namespace tandem::abi {
namespace {

using tests::expect_error;

template <class P>
PacketBytes bytes(const P& packet) {
  return to_bytes(packet);
}

void expect_round_trip(const Packet& packet) {
  const std::string text = disassemble(packet);
  EXPECT_EQ(bytes(assemble_packet(text)), bytes(packet)) << text;
}

TEST(Asm, PrintsOnlyWhatDiffersFromTheDefault) {
  EXPECT_EQ(disassemble(to_packet(NopPacket{})), "NOP");
  FencePacket fence;
  fence.seq = 5;
  fence.flags = 1;
  fence.wait_mask = 3;
  EXPECT_EQ(disassemble(to_packet(fence)), "FENCE flags=irq wait=matrix,vector seq=5");
  fence.wait_mask = 0;
  fence.flags = 9;
  EXPECT_EQ(disassemble(to_packet(fence)), "FENCE flags=0x9 wait=none seq=5");
  EXPECT_EQ(disassemble(to_packet(sample_fill())),
            "FILL extent0=1 extent1=1 extent2=1 extent3=16 elem_bytes=2 value=0xffff "
            "dst_addr=0x10000 dst_stride3=2");
}

TEST(Asm, PrintsUnknownOpcodesAndReservedBytesRaw) {
  PacketBytes user{};
  user[0] = 0x90;
  user[3] = 0xab;
  EXPECT_EQ(disassemble(from_bytes(user)), ".raw 900000ab");
  NopPacket nop;
  nop.rsvd_16[0] = 7;
  EXPECT_EQ(disassemble(to_packet(nop)), ".raw 0100070000000000000000000000000007");
}

TEST(Asm, SamplesRoundTrip) {
  expect_round_trip(to_packet(sample_matmul()));
  expect_round_trip(to_packet(sample_group()));
  expect_round_trip(to_packet(sample_row_col()));
  expect_round_trip(to_packet(sample_vector()));
  expect_round_trip(to_packet(sample_copy()));
  expect_round_trip(to_packet(sample_gather()));
  expect_round_trip(to_packet(sample_scatter()));
  expect_round_trip(to_packet(sample_signal()));
  expect_round_trip(to_packet(sample_wait()));
  expect_round_trip(to_packet(sample_load_ucode()));
}

TEST(Asm, RandomBytesRoundTrip) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 3000; ++i) {
    PacketBytes raw;
    for (auto& b : raw) b = static_cast<std::uint8_t>(random());
    expect_round_trip(from_bytes(raw));
  }
}

/// Known opcodes with random fields: every value of every field has a text.
TEST(Asm, RandomFieldsRoundTrip) {
  std::mt19937_64 random(12);
  for (int i = 0; i < 3000; ++i) {
    const OpcodeInfo& info = opcodes()[random() % opcodes().size()];
    PacketBytes raw{};
    for (const FieldInfo& field : info.fields) {
      for (unsigned b = 0; b < field.width / 8u; ++b) {
        if (random() % 3 != 0) raw[field.at + b] = static_cast<std::uint8_t>(random());
      }
    }
    raw[0] = static_cast<std::uint8_t>(info.opcode);
    const std::string text = disassemble(from_bytes(raw));
    EXPECT_NE(text.substr(0, 4), ".raw");
    expect_round_trip(from_bytes(raw));
  }
}

TEST(Asm, ReadsWhatPeopleWrite) {
  const Packet a = assemble_packet(R"(vector cols=1_000 rows1=1 rows0=0x2 ucode_words=3 \
      in0_type=bf16 out0_type=F32 wait=all param0=1.5 param1=-1 param2=0b101  # a comment)");
  const auto p = packet_as<VectorPacket>(a);
  EXPECT_EQ(p.cols, 1000u);
  EXPECT_EQ(p.rows0, 2u);
  EXPECT_EQ(p.in0_type, Dtype::kBF16);
  EXPECT_EQ(p.wait_mask, kWaitAll);
  EXPECT_EQ(p.param0, 0x3fc00000u);
  EXPECT_EQ(p.param1, 0xffffffffu);
  EXPECT_EQ(p.param2, 5u);
  EXPECT_EQ(assemble_packets("\n# only this\n  NOP seq=1\n\nNOP seq=2\r\n").size(), 2u);
}

TEST(Asm, PacketErrorsNameLineColumnExpectedAndFound) {
  const auto bad = [](std::string_view text, std::initializer_list<std::string_view> parts) {
    expect_error(ErrorCode::kInvalidArgument, parts,
                 [&] { assemble_packets(text, {.name = "f.asm"}); });
  };
  bad("NOP\nMATMULL m=1",
      {"f.asm:2:1: expected NOP, FENCE,", "'MATMULL'", "did you mean 'MATMUL'"});
  bad("MATMUL m=1 nn=2", {"f.asm:1:12: MATMUL has no field 'nn'", "did you mean 'n'", "a_type"});
  bad("NOP seq=1 seq=2", {"f.asm:1:11: field 'seq' is given twice"});
  bad("NOP seq", {"f.asm:1:8: expected = after 'seq', found the end of the line"});
  bad("NOP seq=", {"f.asm:1:9: expected a number from 0 to 2^64 - 1 for seq"});
  bad("NOP flags=256", {"f.asm:1:11: expected a number from 0 to 255 for flags, found '256'"});
  bad("NOP wait=matrix,cpu", {"f.asm:1:17: expected matrix, vector, dma", "'cpu'"});
  bad("MATMUL a_type=f64",
      {"f.asm:1:15: expected one of f32, bf16, f16, e4m3, e5m2, i8 for a_type"});
  bad("MATMUL \\\n  a_addr=weights", {"f.asm:2:10: expected an address", "'weights'"});
  bad(".raw 0", {"pairs of hexadecimal digits"});
  bad(".raw 0g", {"f.asm:1:6", "'0g'"});
  bad(".raw " + std::string(514, '0'), {"at most 256 bytes"});
  bad("VECTOR ucode=@softmax", {"f.asm:1:14: expected @ and the name of a `ucode` block"});
  bad("NOP \x01\x02=1", {"no field"});
  expect_error(ErrorCode::kInvalidArgument, {"expected one packet, found 2"},
               [] { assemble_packet("NOP\nNOP"); });
}

TEST(AsmUcode, PrintsAndReadsEveryForm) {
  const char* const text =
      "phase\n"
      "  ld v3, in0\n"
      "  fma v3, v1, v2, 1.0\n"
      "  fma v3, 0.5, 0.5, p0\n"
      "  fmul v0, v1, -0.0\n"
      "  fmul v0, v1, 1e+20\n"
      "  fmul v0, v1, 0x7f800000\n"
      "  fmul v0, v1, 0x1\n"
      "  iadd v15, col, 0x3f800000\n"
      "  fadd s7, row0, row1\n"
      "  sel v1, v2, s3, p3\n"
      "  tab v1, v0, t1\n"
      "  rsum s0, v2\n"
      "  clz v1, v1\n"
      "phase\n"
      "  sts out1, s1\n"
      "  st out0, v3\n"
      "  .word 0x00000000000000ff\n";
  EXPECT_EQ(disassemble_ucode(assemble_ucode(text)), text);
}

TEST(AsmUcode, ImmediatesTakeSeveralForms) {
  const auto imm = [](std::string_view text) { return decode(assemble_ucode(text).at(0)).imm; };
  EXPECT_EQ(imm("fma v3, v1, v2, 0x3f800000"), 0x3f800000u);
  EXPECT_EQ(imm("fma v3, v1, v2, 1.0f"), 0x3f800000u);
  EXPECT_EQ(imm("fma v3, v1, v2, 1f"), 0x3f800000u);
  EXPECT_EQ(imm("fma v3, v1, v2, -inf"), 0xff800000u);
  EXPECT_EQ(imm("fma v3, v1, v2, nan"), 0x7fc00000u);
  EXPECT_EQ(imm("iadd v3, v1, -1"), 0xffffffffu);
  EXPECT_EQ(imm("shl v3, v1, 23"), 23u);
  EXPECT_EQ(imm("iadd v3, v1, 2.0"), 0x40000000u);
}

TEST(AsmUcode, RandomWordsRoundTrip) {
  std::mt19937_64 random(13);
  for (int i = 0; i < 20000; ++i) {
    std::uint64_t word = random();
    if (i % 2 != 0) {
      MicroWord w = decode(word);
      w.op = micro_ops()[random() % micro_ops().size()].op;
      w.dst %= 24, w.a %= 32, w.b %= 32, w.c %= 32;
      if (random() % 2 != 0) w.c = 0;
      if (random() % 3 != 0) w.a = kSelectImm;
      word = encode(w);
    }
    const std::string text = disassemble_word(word);
    EXPECT_EQ(assemble_ucode(text).at(0), word) << text;
  }
}

/// Every representable operand combination prints as an operation, not as .word.
TEST(AsmUcode, ValidWordsAreNeverRaw) {
  for (const MicroOpInfo& info : micro_ops()) {
    const MicroWord word{info.op,
                         static_cast<std::uint8_t>(info.d == 's' ? kSelectS : 0),
                         static_cast<std::uint8_t>(info.a == 's' ? kSelectS : 0),
                         0,
                         0,
                         0};
    EXPECT_EQ(disassemble_word(encode(word)).substr(0, info.name.size()), info.name);
  }
}

TEST(AsmUcode, ErrorsNameLineColumnExpectedAndFound) {
  const auto bad = [](std::string_view text, std::initializer_list<std::string_view> parts) {
    expect_error(ErrorCode::kInvalidArgument, parts,
                 [&] { assemble_ucode(text, {.name = "p.uc", .first_line = 10}); });
  };
  bad("phase\nfmaa v0, v1, v2, v3",
      {"p.uc:11:1: expected a micro-operation", "did you mean 'fma'"});
  bad("fma v0, v1, v2", {"p.uc:10:15: expected , and the next operand, found the end of the line"});
  bad("fadd v0, v1, v2, v3", {"p.uc:10:16: expected no more operands of fadd, found ',"});
  bad("fadd p0, v1, v2",
      {"p.uc:10:6: expected a register v0 to v15 or s0 to s7 as operand 1 of fadd"});
  bad("fadd v16, v1, v2", {"'v16'"});
  bad("fadd v0, v1, 2", {"p.uc:10:14: expected a float (2.0) or bits", "found '2'"});
  bad("fma v0, 1.0, 2.0, v1",
      {"p.uc:10:14: a word holds one immediate", "0x3f800000", "0x40000000"});
  bad("ld v0, in4", {"expected an input in0 to in3 as operand 2 of ld, found 'in4'"});
  bad("st out3, v0", {"expected an output out0 to out2"});
  bad("tab v0, v1, t2", {"expected a table t0 or t1"});
  bad("rsum v0, v1", {"expected a register s0 to s7 as operand 1 of rsum"});
  bad("rsum s0, p0", {"expected a register v0 to v15 or col"});
  bad("sts out0, v0", {"expected s0 to s7, p0 to p3, row0, row1 or a number"});
  bad("iadd v0, v1, 0x100000000", {"expected a number that fits 32 bits"});
  bad("fadd v0, v1, 1e99", {"as operand 3 of fadd, found '1e99'"});
  bad(".word zz", {"a 64-bit number after .word"});
}

TEST(AsmUcode, RandomTextNeverMisbehaves) {
  std::mt19937_64 random(14);
  const std::string_view alphabet = "fma v0,s1p2in0out1t0x.#\\\n\r\t-_+=1e9 phase.word.rawNOPseq@";
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (auto n = random() % 40; n > 0; --n) text += alphabet[random() % alphabet.size()];
    for (const bool packets : {false, true}) {
      try {
        packets ? static_cast<void>(assemble_packets(text))
                : static_cast<void>(assemble_ucode(text));
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << text;
      }
    }
  }
}

}  // namespace
}  // namespace tandem::abi

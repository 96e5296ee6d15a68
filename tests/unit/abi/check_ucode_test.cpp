// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "samples.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/describe.hpp"
#include "tandem/abi/ucode.hpp"

namespace tandem::abi {
namespace {

constexpr unsigned kStart = 40;

/// in0 and in1 f32, out0 f32, out1 an f32 scalar a row; the program is the whole micro-program.
VectorPacket packet_for(std::size_t words) {
  VectorPacket p;
  p.in0_type = p.in1_type = p.out0_type = p.out1_type = Dtype::kF32;
  p.out_scalar = 2;
  p.ucode_start = kStart;
  p.ucode_words = static_cast<std::uint16_t>(words);
  return p;
}

/// The word within the program that is refused, or -1.
int bad_word(std::string_view text, unsigned tables = 0) {
  const std::vector<std::uint64_t> program = assemble_ucode(text);
  const VectorPacket packet = packet_for(program.size());
  const CheckResult r = check_ucode(packet, program, tables);
  EXPECT_EQ(describe_ucode(packet, program, tables).empty(), !r) << text;
  if (!r) return -1;
  EXPECT_EQ(r.fault, Fault::kBadUcode);
  return static_cast<int>(r.fault_addr) - static_cast<int>(kStart);
}

const char* const kStores = "st out0, v0\n";

std::string last_phase(const std::string& words) {
  return "phase\nsts out1, p0\n" + words + kStores;
}

TEST(CheckUcode, AcceptsSoftmax) {
  EXPECT_EQ(bad_word(R"(
    phase
      ld v0, in0
      rmax s0, v0
    phase
      ld v0, in0
      fsub v0, v0, s0
      fmul v0, v0, 1.5
      rsum s1, v0
    phase
      fmul s2, s1, p0
      sts out1, s2
      ld v0, in0
      fsub v0, v0, s0
      fmul v1, v0, s2
      st out0, v1
  )"),
            -1);
}

TEST(CheckUcode, FirstWordIsPhase) { EXPECT_EQ(bad_word("ld v0, in0\n" + last_phase("")), 0); }

TEST(CheckUcode, AtMostEightPhases) {
  std::string seven;
  for (int i = 0; i < 7; ++i) seven += "phase\n";
  EXPECT_EQ(bad_word(seven + last_phase("ld v0, in0\n")), -1);
  EXPECT_EQ(bad_word("phase\n" + seven + last_phase("ld v0, in0\n")), 8);
}

TEST(CheckUcode, OperationsAndSelectorsAreKnown) {
  const auto with = [](std::uint64_t word) {
    return last_phase("ld v0, in0\n.word " + std::to_string(word) + "\n");
  };
  EXPECT_EQ(bad_word(with(0x00)), 3);
  EXPECT_EQ(bad_word(with(0xff)), 3);
  const auto encode_fadd = [](unsigned dst, unsigned a, unsigned b, unsigned c, std::uint32_t imm) {
    return encode({MicroOp::kFadd, static_cast<std::uint8_t>(dst), static_cast<std::uint8_t>(a),
                   static_cast<std::uint8_t>(b), static_cast<std::uint8_t>(c), imm});
  };
  EXPECT_EQ(bad_word(with(encode_fadd(1, 0, kSelectCol, 0, 0))), -1);
  EXPECT_EQ(bad_word(with(encode_fadd(1, 0, 32, 0, 0))), 3) << "selector past COL";
  EXPECT_EQ(bad_word(with(encode_fadd(kSelectP, 0, 0, 0, 0))), 3) << "destination P";
  EXPECT_EQ(bad_word(with(encode_fadd(1, 0, 0, 1, 0))), 3) << "fadd has no c";
  EXPECT_EQ(bad_word(with(encode_fadd(1, 0, 0, 0, 5))), 3) << "immediate that nothing selects";
  EXPECT_EQ(bad_word(with(encode_fadd(1, 0, kSelectImm, 0, 5))), -1);
  EXPECT_EQ(bad_word(with(encode({MicroOp::kLd, 1, 4, 0, 0, 0}))), 3) << "input 4";
  EXPECT_EQ(bad_word(with(encode({MicroOp::kLd, kSelectS, 0, 0, 0, 0}))), 3) << "ld to S";
  EXPECT_EQ(bad_word(".word 0x101\nsts out1, p0\nld v0, in0\nst out0, v0\n"), 0)
      << "phase with dst";
  EXPECT_EQ(bad_word(with(encode({MicroOp::kRsum, 0, 0, 0, 0, 0}))), 3) << "reduction into V";
  EXPECT_EQ(bad_word(with(encode({MicroOp::kRsum, kSelectS, kSelectP, 0, 0, 0}))), 3);
  EXPECT_EQ(bad_word(with(encode({MicroOp::kSt, 3, 0, 0, 0, 0}))), 3) << "output 3";
  EXPECT_EQ(bad_word("phase\nsts out1, p0\nld v0, in0\n.word 0x40040\nst out0, v0\n"), 3) << "tab";
}

TEST(CheckUcode, ScalarOperationsComeFirstWithScalarSources) {
  EXPECT_EQ(bad_word(last_phase("fadd s0, p0, 1.0\nld v0, in0\n")), -1);
  EXPECT_EQ(bad_word(last_phase("ld v0, in0\nfadd s0, p0, 1.0\n")), 3);
  EXPECT_EQ(bad_word(last_phase("fadd s0, p0, col\nld v0, in0\n")), 2);
  EXPECT_EQ(bad_word("phase\nld v0, in0\nsts out1, p0\nst out0, v0\n"), 2) << "sts is scalar";
}

TEST(CheckUcode, VRegistersLiveInTheirPhase) {
  EXPECT_EQ(bad_word(last_phase("fadd v0, v1, v1\n")), 2);
  EXPECT_EQ(bad_word("phase\nld v0, in0\nrsum s0, v0\n" + last_phase("")), 5);
}

TEST(CheckUcode, SRegistersLiveAfterTheirWriter) {
  EXPECT_EQ(bad_word(last_phase("fadd s1, s0, 1.0\nld v0, in0\n")), 2);
  EXPECT_EQ(bad_word("phase\nfadd s0, p0, 1.0\n" + last_phase("fadd v0, col, s0\n")), -1);
  EXPECT_EQ(bad_word("phase\nld v0, in0\nrsum s0, v0\nfadd v1, v0, s0\n" + last_phase("")), 3)
      << "reduction read in its phase";
  EXPECT_EQ(bad_word("phase\nfadd s0, p0, 1.0\nld v0, in0\nfadd v1, v0, s0\nrsum s0, v0\n" +
                     last_phase("fadd v0, col, s0\n")),
            -1)
      << "old value before the reduction";
  EXPECT_EQ(bad_word("phase\nld v0, in0\nrsum s0, v0\nrmax s0, v0\n" + last_phase("")), 3);
}

TEST(CheckUcode, LoadsNameInputsThatThePacketHas) {
  EXPECT_EQ(bad_word(last_phase("ld v0, in1\n")), -1);
  EXPECT_EQ(bad_word(last_phase("ld v0, in2\n")), 2);
}

TEST(CheckUcode, StoresInTheLastPhaseOnceEach) {
  EXPECT_EQ(bad_word("phase\nld v0, in0\nst out0, v0\n" + last_phase("ld v0, in0\n")), 2);
  EXPECT_EQ(bad_word(last_phase("ld v0, in0\nst out0, v0\n")), 4) << "twice";
  EXPECT_EQ(bad_word(last_phase("ld v0, in0\nst out2, v0\n")), 3) << "absent";
  EXPECT_EQ(bad_word(last_phase("ld v0, in0\nst out1, v0\n")), 3) << "st of a scalar output";
  EXPECT_EQ(bad_word("phase\nsts out0, p0\n"), 1) << "sts of a row output";
  EXPECT_EQ(bad_word("phase\nld v0, in0\nst out0, v0\n"), 2) << "out1 is missing: last word";
  EXPECT_EQ(bad_word(last_phase("ld v0, in0\n")), -1);
}

TEST(CheckUcode, TablesMustBeLoaded) {
  EXPECT_EQ(bad_word(last_phase("ld v0, in0\ntab v0, v0, t1\n"), 2), -1);
  EXPECT_EQ(bad_word(last_phase("ld v0, in0\ntab v0, v0, t1\n"), 1), 3);
}

TEST(CheckUcode, FirstBadWordInWordOrder) {
  // The early store breaks a rule that only the later `phase` reveals; the unknown input comes
  // after it.
  EXPECT_EQ(bad_word("phase\nld v0, in0\nst out0, v0\nld v1, in3\n" + last_phase("")), 2);
}

TEST(CheckUcode, WordsPastTheLoadedOnesAreReportedUnlessAnEarlierWordIsBad) {
  const std::vector<std::uint64_t> program = assemble_ucode(last_phase("ld v0, in0\n"));
  VectorPacket packet = packet_for(program.size() + 5);
  EXPECT_EQ(check_ucode(packet, program, 0).fault_addr, kStart + program.size());
  EXPECT_EQ(check_ucode(packet, {}, 0).fault_addr, kStart);
  packet.in0_type = Dtype::kNone;
  EXPECT_EQ(check_ucode(packet, program, 0).fault_addr, kStart + 2);
}

TEST(CheckUcode, WordsPastTheProgramAreIgnored) {
  std::vector<std::uint64_t> program = assemble_ucode(last_phase("ld v0, in0\n"));
  const VectorPacket packet = packet_for(program.size());
  program.push_back(~std::uint64_t{0});
  EXPECT_FALSE(check_ucode(packet, program, 0));
}

TEST(CheckUcode, ExplanationShowsTheWord) {
  const std::vector<std::uint64_t> program = assemble_ucode(last_phase("fadd v0, v1, 1.0\n"));
  EXPECT_EQ(describe_ucode(packet_for(program.size()), program, 0),
            "micro-program word 42 (word 2 of 4 of the program) `fadd v0, v1, 1.0`: it reads a V "
            "register that this phase has not written");
}

TEST(CheckUcode, RandomWordsNeverMisbehave) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::uint64_t> program(1 + random() % 20);
    for (auto& word : program) {
      word = random();
      if (random() % 2 != 0) word = (word & 0x3fff) | 1;
    }
    program[0] = 1;
    check_ucode(packet_for(program.size()), program, 3);
  }
}

}  // namespace
}  // namespace tandem::abi

// SPDX-License-Identifier: Apache-2.0
// LOAD_UCODE and the rules for valid programs.
#include <gtest/gtest.h>

#include <algorithm>

#include "conformance/vector_fixture.hpp"

namespace tandem::tests {
namespace {

using abi::Dtype;
using abi::Fault;
using abi::VectorPacket;

class LoadUcode : public VectorFixture {};
TANDEM_CONFORMANCE_FIXTURE(LoadUcode);
class BadUcode : public VectorFixture {};
TANDEM_CONFORMANCE_FIXTURE(BadUcode);

TEST_P(LoadUcode, ProgramsLieBesideEachOther) {
  VectorPacket add = shape(50);
  set_vector_stream(add, 0, stream(Dtype::kF32, kA, 50));
  set_vector_stream(add, 4, stream(Dtype::kF32, kB, 50));
  VectorPacket negate = add;
  load("phase\nld v0, in0\nfadd v1, v0, v0\nst out0, v1\n", add, 0);
  const auto add_words = program_;
  load("phase\nld v0, in0\nxor v1, v0, 0x80000000\nst out0, v1\n", negate, 4);
  const auto negate_words = program_;
  scramble();
  program_ = add_words;
  compare_vector(add);
  program_ = negate_words;
  compare_vector(negate);
}

TEST_P(LoadUcode, NewWordsReplaceOldOnes) {
  VectorPacket p = shape(50);
  set_vector_stream(p, 0, stream(Dtype::kF32, kA, 50));
  set_vector_stream(p, 4, stream(Dtype::kF32, kB, 50));
  scramble();
  for (const char* op : {"fadd", "fmul", "fsub", "xor"}) {
    load(fmt::format("phase\nld v0, in0\n{} v1, v0, v0\nst out0, v1\n", op), p);
    compare_vector(p);
  }
}

TEST_P(LoadUcode, WritesNoMemoryAndTakesTheVectorEngine) {
  VectorPacket p = shape(1);
  load("phase\n", p);
  abi::LoadUcodePacket packet;
  packet.words = 1;
  packet.src_addr = map::kData + 0x80'0000;
  const abi::Completion record = device().run(packet);
  EXPECT_EQ(record.engine, abi::Engine::kVector);
  EXPECT_EQ(record.checksum, 0u);
}

TEST_P(LoadUcode, TheWholeMemoryCanBeLoaded) {
  const std::uint32_t words = device().r(abi::reg::kUcodeWords);
  std::vector<std::uint64_t> nops(words, abi::assemble_ucode("phase\n")[0]);
  const auto program = abi::assemble_ucode("phase\nld v0, in0\nst out0, v0\n");
  std::copy(program.begin(), program.end(), nops.end() - 3);
  ASSERT_EQ(device().load_program(nops).error, Fault::kNone);
  program_ = program;
  VectorPacket p = shape(9);
  p.ucode_start = static_cast<std::uint16_t>(words - 3);
  p.ucode_words = 3;
  set_vector_stream(p, 0, stream(Dtype::kF32, kA, 9));
  set_vector_stream(p, 4, stream(Dtype::kF32, kB, 9));
  scramble();
  compare_vector(p);
  p.ucode_words = 4;
  expect_fault(p, Fault::kBadUcode, words);
}

TEST_P(LoadUcode, ResetForgetsProgramsAndTables) {
  VectorPacket p = shape(9);
  set_vector_stream(p, 0, stream(Dtype::kF32, kA, 9));
  set_vector_stream(p, 4, stream(Dtype::kF32, kB, 9));
  load_table(0, {});
  load("phase\nld v0, in0\ntab v1, v0, t0\nst out0, v1\n", p);
  scramble();
  compare_vector(p);
  const auto words = program_;
  device().start();
  expect_fault(p, Fault::kBadUcode, 0);
  ASSERT_EQ(device().load_program(words).error, Fault::kNone);
  expect_fault(p, Fault::kBadUcode, 2);  // the table is not loaded
  load_table(0, {});
  compare_vector(p);
}

struct BadProgram {
  const char* text;
  std::uint64_t first_bad;
};

TEST_P(BadUcode, BadProgramsReportTheirFirstBadWord) {
  const BadProgram programs[] = {
      {"ld v0, in0\nphase\nst out0, v0", 0},
      {"phase\nld v0, in0\nst out0, v1", 2},
      {"phase\nld v0, in0\nfadd v1, v0, s0\nst out0, v1", 2},
      {"phase\nld v0, in0\nrsum s0, v0\nfadd v1, v0, s0\nst out0, v1", 3},
      {"phase\nld v0, in0\nfadd s0, p0, p1\nst out0, v0", 2},
      {"phase\nld v0, in0\nphase\nst out0, v0", 3},
      {"phase\nld v0, in0\nst out0, v0\nphase\nld v1, in0", 2},
      {"phase\nld v0, in2\nst out0, v0", 1},
      {"phase\nld v0, in0\nst out1, v0", 2},
      {"phase\nld v0, in0\nst out0, v0\nst out0, v0", 3},
      {"phase\nsts out0, p0", 1},
      {"phase\nld v0, in0", 1},
      {"phase\nld v0, in0\ntab v1, v0, t1\nst out0, v1", 2},
      {"phase\nld v0, in0\nrsum s0, v0\nrsum s0, v0\nphase\nld v0, in0\nst out0, v0", 3},
      {"phase\nphase\nphase\nphase\nphase\nphase\nphase\nphase\nphase\nld v0, in0\nst out0, v0", 8},
      {"phase\nld v0, in0\n.word 0x00000000000000ff\nst out0, v0", 2},
      {"phase\nld v0, in0\n.word 0x0000000000000000\nst out0, v0", 2},
      {".word 0x0000000100000001\nld v0, in0\nst out0, v0", 0},
      {".word 0x0000000000000101\nld v0, in0\nst out0, v0", 0},
      {"phase\n.word 0x0000000000010002\nst out0, v0", 1},
      {"phase\n.word 0x0000000100000002\nst out0, v0", 1},
      {"phase\n.word 0x0000000000001002\nst out0, v0", 1},
  };
  for (const BadProgram& bad : programs) {
    SCOPED_TRACE(bad.text);
    device().start();
    VectorPacket p = shape(16);
    set_vector_stream(p, 0, stream(Dtype::kF32, kA, 16));
    set_vector_stream(p, 4, stream(Dtype::kF32, kB, 16));
    load(bad.text, p);
    expect_fault(p, Fault::kBadUcode, bad.first_bad);
  }
}

TEST_P(BadUcode, ProgramPlaceIsCheckedByWord) {
  device().start();
  VectorPacket p = shape(16);
  set_vector_stream(p, 0, stream(Dtype::kF32, kA, 16));
  set_vector_stream(p, 4, stream(Dtype::kF32, kB, 16));
  expect_fault(
      [&] {
        p.ucode_words = 3;
        return p;
      }(),
      Fault::kBadUcode, 0);
  load("phase\nld v0, in0\nst out0, v0\n", p);
  p.ucode_words = 4;
  expect_fault(p, Fault::kBadUcode, 3);
  p.ucode_start = 0xffff;
  expect_fault(p, Fault::kBadUcode, 0xffff);
  p.ucode_start = 1;
  p.ucode_words = 2;
  expect_fault(p, Fault::kBadUcode, 1);
  p.ucode_start = 0;
  p.ucode_words = 3;
  scramble();
  compare_vector(p);
}

TEST_P(BadUcode, SameProgramWithOtherTypesIsCheckedAgain) {
  VectorPacket p = shape(16);
  set_vector_stream(p, 0, stream(Dtype::kF32, kA, 16));
  set_vector_stream(p, 4, stream(Dtype::kF32, kB, 16));
  load("phase\nld v0, in0\nst out0, v0\n", p);
  scramble();
  compare_vector(p);
  VectorPacket no_input = p;
  set_vector_stream(no_input, 0, {});
  expect_fault(no_input, Fault::kBadUcode, 1);
  VectorPacket second_output = p;
  set_vector_stream(second_output, 5, stream(Dtype::kF32, kC, 16));
  expect_fault(second_output, Fault::kBadUcode, 2);
  compare_vector(p);
}

}  // namespace
}  // namespace tandem::tests

// SPDX-License-Identifier: Apache-2.0
// VECTOR and LOAD_UCODE: micro-operations, conversions, reductions, phases, strides, bad programs.
#include <gtest/gtest.h>

#include "conformance/functional.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/ucode.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::tests {
namespace {

using abi::Dtype;
using abi::Fault;
using abi::VectorPacket;
using abi::VectorStream;

constexpr Dtype kTypes[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2,
                            Dtype::kI8,  Dtype::kU8,   Dtype::kU16, Dtype::kI32,  Dtype::kI64};

/// Bit patterns at which floating-point and integer operations change their behaviour.
const std::vector<std::uint32_t> kWords = {
    0x0000'0000, 0x8000'0000, 0x0000'0001, 0x8000'0001, 0x007f'ffff, 0x0080'0000, 0x0080'0001,
    0x3f80'0000, 0xbf80'0000, 0x3f7f'ffff, 0x3f80'0001, 0x4000'0000, 0x4b80'0000, 0xcb80'0001,
    0x4eff'ffff, 0x4f00'0000, 0xcf00'0000, 0xcf00'0001, 0x4f80'0000, 0x3f00'0000, 0xbf00'0000,
    0x3fc0'0000, 0x4020'0000, 0x7f7f'ffff, 0xff7f'ffff, 0x7f80'0000, 0xff80'0000, 0x7fc0'0000,
    0xffc0'0001, 0x7f80'0001, 0xffff'ffff, 0x7fff'ffff, 0x0000'001f, 0x0000'0020, 0x1234'5678};

class VectorFixture : public Functional {
 protected:
  static std::uint64_t size_of(Dtype type) { return abi::dtype_bits(type) / 8; }

  static VectorStream stream(Dtype type, std::uint64_t addr, std::uint64_t cols) {
    const std::uint64_t e = size_of(type);
    return {type, addr, e, e * cols, 0};
  }

  /// `rows` rows of `cols` columns; inputs and outputs are set by the caller.
  static VectorPacket shape(std::uint32_t cols, std::uint32_t rows = 1) {
    VectorPacket p;
    p.cols = cols;
    p.rows1 = rows;
    p.rows0 = 1;
    return p;
  }

  void load(std::string_view text, VectorPacket& packet, std::uint16_t start = 0) {
    program_ = abi::assemble_ucode(text);
    packet.ucode_start = start;
    packet.ucode_words = static_cast<std::uint16_t>(program_.size());
    ASSERT_EQ(device().load_program(program_, start).error, Fault::kNone);
  }

  void compare_vector(const VectorPacket& packet) {
    compare_with(packet, [&](oracle::Image& expected) {
      oracle::run_vector(expected, packet, program_, tables_);
      return oracle::Outcome{};
    });
  }

  void load_table(unsigned table, const oracle::Table& values) {
    tables_[table] = values;
    device().write(map::kData + 0x81'0000, std::span<const std::uint32_t>(values));
    abi::LoadUcodePacket p;
    p.words = abi::kTableWords;
    p.target = table == 0 ? abi::UcodeTarget::kTable0 : abi::UcodeTarget::kTable1;
    p.src_addr = map::kData + 0x81'0000;
    ASSERT_EQ(device().run(p).error, Fault::kNone);
  }

  std::vector<std::uint64_t> program_;
  std::array<oracle::Table, 2> tables_{};
};

class Vector : public VectorFixture {};
class MicroOps : public VectorFixture {};
class LoadUcode : public VectorFixture {};
TANDEM_CONFORMANCE_FIXTURE(Vector);
TANDEM_CONFORMANCE_FIXTURE(MicroOps);
TANDEM_CONFORMANCE_FIXTURE(LoadUcode);

/// Arithmetic operations with their number of sources.
std::vector<std::pair<const abi::MicroOpInfo*, int>> arithmetic() {
  std::vector<std::pair<const abi::MicroOpInfo*, int>> found;
  for (const abi::MicroOpInfo& info : abi::micro_ops()) {
    if (info.d == 'd' && info.op != abi::MicroOp::kTab) {
      found.emplace_back(&info, info.c != '-' ? 3 : info.b != '-' ? 2 : 1);
    }
  }
  return found;
}

TEST_P(MicroOps, EveryOneOnEveryPairOfSpecialWords) {
  // Row r pairs word r with all words; the third source runs against the columns.
  const auto n = static_cast<std::uint32_t>(kWords.size());
  const std::vector<std::uint32_t> reversed(kWords.rbegin(), kWords.rend());
  for (const auto& [info, sources] : arithmetic()) {
    SCOPED_TRACE(info->name);
    VectorPacket p = shape(n, n);
    set_vector_stream(p, 0, {Dtype::kI32, kA, 0, 4, 0});
    set_vector_stream(p, 1, {Dtype::kI32, kA, 4, 0, 0});
    set_vector_stream(p, 2, {Dtype::kI32, kA + 0x1000, 4, 0, 0});
    set_vector_stream(p, 4, stream(Dtype::kI32, kB, n));
    const char* operands = sources == 3 ? "v0, v1, v2" : sources == 2 ? "v0, v1" : "v0";
    load(fmt::format("phase\nld v0, in0\nld v1, in1\nld v2, in2\n{} v3, {}\nst out0, v3\n",
                     info->name, operands),
         p);
    device().write(kA, kWords);
    device().write(kA + 0x1000, reversed);
    compare_vector(p);
  }
}

TEST_P(MicroOps, EveryOneAsScalarOperation) {
  for (const auto& [info, sources] : arithmetic()) {
    SCOPED_TRACE(info->name);
    VectorPacket p = shape(3, 5);
    p.out_scalar = 1;
    p.param0 = 0x4048'f5c3;
    p.param1 = 0x0000'0011;
    p.param2 = 0xc1a0'0000;
    p.param3 = 0x3f80'0001;
    set_vector_stream(p, 4, {Dtype::kI32, kB, 0, 4, 0});
    const char* operands = sources == 3 ? "p0, p1, p2" : sources == 2 ? "p0, row1" : "p2";
    load(
        fmt::format("phase\n{} s0, {}\n{} s1, {}\nsts out0, s1\n", info->name, operands, info->name,
                    sources == 3   ? "s0, p3, s0"
                    : sources == 2 ? "p3, s0"
                                   : "s0"),
        p);
    scramble();
    compare_vector(p);
  }
}

TEST_P(MicroOps, RandomWords) {
  for (const auto& [info, sources] : arithmetic()) {
    SCOPED_TRACE(info->name);
    VectorPacket p = shape(777, 2);
    for (unsigned i = 0; i < 3; ++i) {
      set_vector_stream(p, i, stream(Dtype::kI32, kA + 0x4000 * i, 777));
    }
    set_vector_stream(p, 4, stream(Dtype::kI32, kC, 777));
    const char* operands = sources == 3 ? "v0, v1, v2" : sources == 2 ? "v0, v1" : "v0";
    load(fmt::format("phase\nld v0, in0\nld v1, in1\nld v2, in2\n{} v3, {}\nst out0, v3\n",
                     info->name, operands),
         p);
    scramble();
    compare_vector(p);
  }
}

TEST_P(MicroOps, TablesByTheLowByte) {
  oracle::Table first;
  oracle::Table second;
  for (std::uint32_t i = 0; i < abi::kTableWords; ++i) {
    first[i] = i * 0x9e37'79b9;
    second[i] = ~i;
  }
  load_table(0, first);
  load_table(1, second);
  VectorPacket p = shape(300, 2);
  set_vector_stream(p, 0, stream(Dtype::kI32, kA, 300));
  set_vector_stream(p, 4, stream(Dtype::kI32, kB, 300));
  set_vector_stream(p, 5, stream(Dtype::kI32, kC, 300));
  load("phase\nld v0, in0\ntab v1, v0, t0\ntab v2, v0, t1\nst out0, v1\nst out1, v2\n", p);
  scramble();
  compare_vector(p);
}

TEST_P(Vector, LoadsAndStoresOfEveryPairOfTypes) {
  for (const Dtype in : kTypes) {
    for (const Dtype out : kTypes) {
      for (const std::uint8_t saturate : {0, 1}) {
        const bool fp8 = out == Dtype::kE4M3 || out == Dtype::kE5M2;
        if (saturate == 1 && !fp8) continue;
        SCOPED_TRACE(fmt::format("{} to {}", to_string(in), to_string(out)));
        VectorPacket p = shape(400, 2);
        p.saturate = saturate;
        set_vector_stream(p, 0, stream(in, kA, 400));
        set_vector_stream(p, 4, stream(out, kB, 400));
        load("phase\nld v0, in0\nst out0, v0\n", p);
        scramble();
        if (in == Dtype::kF32) device().write(kA, kWords);
        compare_vector(p);
      }
    }
  }
}

TEST_P(Vector, EveryHalfAndByteWidens) {
  for (const Dtype in : {Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2}) {
    const bool half = size_of(in) == 2;
    VectorPacket p = shape(256, half ? 256 : 1);
    set_vector_stream(p, 0, stream(in, kBase, 256));
    set_vector_stream(p, 4, stream(half ? Dtype::kBF16 : Dtype::kF32, kBase + 0x2'0000, 256));
    load("phase\nld v0, in0\nst out0, v0\n", p);
    for (std::uint32_t i = 0; i < (half ? 0x1'0000u : 0x100u); i += half ? 256 : 1) {
      if (!half) {
        device().write_one(kBase + i, static_cast<std::uint8_t>(i));
        continue;
      }
      std::vector<std::uint16_t> values(256);
      for (std::uint32_t j = 0; j < 256; ++j) values[j] = static_cast<std::uint16_t>(i + j);
      device().write(kBase + 2 * i, values);
    }
    compare_vector(p);
  }
}

TEST_P(Vector, RowLengthsAroundChunkBorders) {
  const std::uint32_t length = device().r(abi::reg::kVectorLength);
  for (const std::uint32_t cols :
       {1u, 2u, 63u, 64u, 65u, length - 1, length, length + 1, 2 * length + 3}) {
    SCOPED_TRACE(cols);
    VectorPacket p = shape(cols, 3);
    set_vector_stream(p, 0, stream(Dtype::kF32, kA, cols));
    set_vector_stream(p, 4, stream(Dtype::kF32, kC, cols));
    set_vector_stream(p, 5, {Dtype::kF32, kD, 0, 4, 0});
    p.out_scalar = 2;
    load(R"(
      phase
        ld v0, in0
        rsum s0, v0
        rmax s1, v0
      phase
        fsub s2, s0, s1
        sts out1, s2
        ld v1, in0
        fma v2, v1, s0, s1
        i2f v3, col
        fadd v2, v2, v3
        st out0, v2
    )",
         p);
    scramble();
    put_floats(kA, 3 * cols);
    compare_vector(p);
  }
}

TEST_P(Vector, ReductionsOfEveryKind) {
  for (const char* op : {"rsum", "rmin", "rmax", "risum", "rimin", "rimax"}) {
    for (const std::uint32_t cols : {1u, 7u, 64u, 130u, 1000u}) {
      SCOPED_TRACE(fmt::format("{} of {}", op, cols));
      VectorPacket p = shape(cols, 4);
      p.out_scalar = 1;
      set_vector_stream(p, 0, stream(Dtype::kF32, kA, cols));
      set_vector_stream(p, 4, {Dtype::kI32, kC, 0, 4, 0});
      load(fmt::format("phase\nld v0, in0\n{} s3, v0\nphase\nsts out0, s3\n", op), p);
      scramble();
      if (op[1] != 'i') put_floats(kA, 2 * cols);  // the other rows keep random bits
      compare_vector(p);
    }
  }
}

TEST_P(Vector, ReductionsOfSpecialValues) {
  for (const char* op : {"rsum", "rmin", "rmax"}) {
    for (const std::uint32_t a : {0x8000'0000u, 0x0000'0000u, 0x7f80'0000u, 0xffc0'0000u}) {
      for (const std::uint32_t b : {0x8000'0000u, 0x0000'0000u, 0xff80'0000u, 0x0000'0001u}) {
        VectorPacket p = shape(2);
        p.out_scalar = 1;
        set_vector_stream(p, 0, stream(Dtype::kF32, kA, 2));
        set_vector_stream(p, 4, {Dtype::kI32, kC, 0, 4, 0});
        load(fmt::format("phase\nld v0, in0\n{} s0, v0\nphase\nsts out0, s0\n", op), p);
        device().write(kA, std::vector<std::uint32_t>{a, b});
        compare_vector(p);
      }
    }
  }
}

TEST_P(Vector, RowsStridesAndBroadcast) {
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    VectorPacket p = shape(random_between(1, 90), random_between(1, 5));
    p.rows0 = random_between(1, 4);
    const Dtype type = kTypes[random(10)];
    const std::uint64_t e = size_of(type);
    set_vector_stream(p, 0, {Dtype::kF32, kA, 4 * random(3), 4 * random(100), 4 * random(300)});
    set_vector_stream(p, 1, {type, kB, e * random(3), e * random(100), e * random(300)});
    const std::uint64_t col = 4 * random_between(1, 3);
    const std::uint64_t row1 = col * p.cols + 4 * random(5);
    set_vector_stream(p, 4, {Dtype::kI32, kC, col, row1, row1 * p.rows1 + 4 * random(5)});
    load(R"(
      phase
        mull s0, row0, 0x10001
        iadd s0, s0, row1
        ld v0, in0
        ld v1, in1
        xor v2, col, s0
        xor v2, v2, v0
        iadd v2, v2, v1
        st out0, v2
    )",
         p);
    scramble();
    compare_vector(p);
  }
}

TEST_P(Vector, ThreeOutputsAtOnce) {
  VectorPacket p = shape(100, 3);
  p.out_scalar = 4;
  set_vector_stream(p, 0, stream(Dtype::kF32, kA, 100));
  set_vector_stream(p, 4, stream(Dtype::kBF16, kB, 100));
  set_vector_stream(p, 5, stream(Dtype::kI8, kC, 100));
  set_vector_stream(p, 6, {Dtype::kI64, kD, 0, 8, 0});
  load(
      "phase\nld v0, in0\nf2i v1, v0\nrisum s0, v1\nphase\nsts out2, s0\nld v0, in0\nf2i v1, v0\n"
      "st out1, v1\nst out0, v0\n",
      p);
  scramble();
  put_floats(kA, 300);
  compare_vector(p);
}

TEST_P(Vector, OutputMayBeAnInputOfTheLastPhase) {
  VectorPacket p = shape(500, 4);
  set_vector_stream(p, 0, stream(Dtype::kF32, kA, 500));
  set_vector_stream(p, 4, stream(Dtype::kF32, kA, 500));
  load("phase\nld v0, in0\nfma v1, v0, v0, 1.0\nst out0, v1\n", p);
  scramble();
  put_floats(kA, 2000);
  compare_vector(p);
}

TEST_P(Vector, SoftmaxLikeProgramOfThreePhases) {
  VectorPacket p = shape(321, 3);
  p.param0 = 0x3e00'0000;
  set_vector_stream(p, 0, stream(Dtype::kF16, kA, 321));
  set_vector_stream(p, 4, stream(Dtype::kBF16, kC, 321));
  load(R"(
    phase
      ld v0, in0
      rmax s0, v0
    phase
      fmul s1, s0, p0
      ld v0, in0
      fma v1, v0, p0, 1.0
      fsub v1, v1, s1
      fmul v1, v1, v1
      rsum s2, v1
    phase
      fadd s3, s2, 0.5
      ld v0, in0
      fma v1, v0, p0, 1.0
      fsub v1, v1, s1
      fmul v1, v1, v1
      fmul v1, v1, s3
      st out0, v1
  )",
       p);
  for (int round = 0; round < 3; ++round) {
    scramble();
    compare_vector(p);
  }
}

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

TEST_P(Vector, BadProgramsReportTheirFirstBadWord) {
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

TEST_P(Vector, ProgramPlaceIsCheckedByWord) {
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

TEST_P(Vector, SameProgramWithOtherTypesIsCheckedAgain) {
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

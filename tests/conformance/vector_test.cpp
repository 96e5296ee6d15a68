// SPDX-License-Identifier: Apache-2.0
// VECTOR: conversions, reductions, phases, strides.
#include <gtest/gtest.h>

#include "conformance/vector_fixture.hpp"

namespace tandem::tests {
namespace {

using abi::Dtype;
using abi::Fault;
using abi::VectorPacket;

class Vector : public VectorFixture {};
TANDEM_CONFORMANCE_FIXTURE(Vector);

constexpr Dtype kTypes[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2,
                            Dtype::kI8,  Dtype::kU8,   Dtype::kU16, Dtype::kI32,  Dtype::kI64};

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
        if (in == Dtype::kF32) device().write(kA, kSpecialWords);
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

}  // namespace
}  // namespace tandem::tests

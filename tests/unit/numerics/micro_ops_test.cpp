// SPDX-License-Identifier: Apache-2.0
// The scalar definition of every micro-operation, on cases worked out by hand.
#include "tandem/numerics/micro_ops.hpp"

#include <gtest/gtest.h>

#include <bit>

#include "patterns.hpp"

namespace tandem::numerics {
namespace {

constexpr Bits32 bits(std::uint32_t value) { return {value}; }
constexpr Bits32 number(float value) { return Bits32::of(value); }

TEST(MicroOps, ArithmeticRoundsOnce) {
  // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: the last term survives only without a rounding between.
  const Bits32 a = number(1.0f + 0x1p-12f);
  EXPECT_EQ(fma(a, a, number(-1.0f)).value(), 0x1p-11f + 0x1p-24f);
  EXPECT_EQ(fnma(a, a, number(1.0f)).value(), -0x1p-11f - 0x1p-24f);
  EXPECT_EQ(mul(a, a).value(), 1.0f + 0x1p-11f) << "a tie, to even";
  EXPECT_EQ(add(number(1.0f), number(0x1p-24f)).value(), 1.0f);
  EXPECT_EQ(sub(number(0.0f), number(0.0f)).bits, 0u);
  EXPECT_EQ(fnma(number(1.0f), number(0.0f), number(-0.0f)).bits, kF32NegZero);
}

TEST(MicroOps, SelectTestsTheWholeMaskAndMovesBits) {
  EXPECT_EQ(sel(bits(1), bits(0x7F800001), bits(5)).bits, 0x7F800001u) << "payload kept";
  EXPECT_EQ(sel(bits(0x80000000), bits(1), bits(5)).bits, 1u);
  EXPECT_EQ(sel(bits(0), bits(1), bits(0xFFC00001)).bits, 0xFFC00001u);
}

TEST(MicroOps, ShiftsUseTheLowFiveBits) {
  EXPECT_EQ(shl(bits(0x80000001), bits(33)).bits, 2u);
  EXPECT_EQ(shr(bits(0x80000000), bits(0xFFFFFFFF)).bits, 1u);
  EXPECT_EQ(sar(bits(0x80000000), bits(31)).bits, 0xFFFFFFFFu);
  EXPECT_EQ(shl(bits(7), bits(32)).bits, 7u);
}

TEST(MicroOps, IntegersWrapAndCompareAsTold) {
  EXPECT_EQ(iadd(bits(0xFFFFFFFF), bits(2)).bits, 1u);
  EXPECT_EQ(isub(bits(0), bits(1)).bits, 0xFFFFFFFFu);
  EXPECT_EQ(ilt(bits(0xFFFFFFFF), bits(0)).bits, kMaskTrue);
  EXPECT_EQ(ult(bits(0xFFFFFFFF), bits(0)).bits, 0u);
  EXPECT_EQ(ieq(bits(0x80000000), bits(0)).bits, 0u) << "as words, -0 is not +0";
  EXPECT_EQ(fceq(bits(0x80000000), bits(0)).bits, kMaskTrue);
  EXPECT_EQ(mull(bits(0x10001), bits(0x10001)).bits, 0x20001u);
  EXPECT_EQ(mulh(bits(0xFFFFFFFF), bits(0xFFFFFFFF)).bits, 0xFFFFFFFEu);
  for (const std::uint32_t x : test::kCorners) {
    EXPECT_EQ(clz(bits(x)).bits, static_cast<std::uint32_t>(std::countl_zero(x)));
  }
}

TEST(MicroOps, ConversionsSaturateAndGiveZeroForNan) {
  EXPECT_EQ(f2i(number(2.5f)).bits, 2u);
  EXPECT_EQ(f2i(number(-3.5f)).bits, static_cast<std::uint32_t>(-4));
  EXPECT_EQ(f2t(number(-3.9f)).bits, static_cast<std::uint32_t>(-3));
  EXPECT_EQ(f2i(number(0x1p31f)).bits, 0x7FFFFFFFu);
  EXPECT_EQ(f2t(number(-0x1p31f)).bits, 0x80000000u);
  EXPECT_EQ(f2t(bits(0xFF800000)).bits, 0x80000000u);
  EXPECT_EQ(f2i(bits(0xFFC00001)).bits, 0u);
  EXPECT_EQ(i2f(bits(0x01000001)).bits, bits_of(0x1p24f)) << "a tie, to even";
  EXPECT_EQ(i2f(bits(0x80000000)).value(), -0x1p31f);
}

}  // namespace
}  // namespace tandem::numerics

// SPDX-License-Identifier: Apache-2.0
// Conversions: the small formats exhaustively, fp32 sampled, against plain double arithmetic.
#include "tandem/numerics/convert.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "catalogue.hpp"
#include "sweep.hpp"

namespace tandem::numerics {
namespace {

/// A binary format described by its parameters; the value of a pattern by the definition.
struct Format {
  int exponent_bits;
  int fraction_bits;
  bool has_infinity;  // false: e4m3fn, whose only NaN is the all-ones pattern

  int size() const { return 1 + exponent_bits + fraction_bits; }
  std::uint32_t sign() const { return 1u << (size() - 1); }
  std::uint32_t top_field() const { return (1u << exponent_bits) - 1; }

  double value(std::uint32_t bits) const {
    const std::uint32_t field = (bits >> fraction_bits) & top_field();
    const std::uint32_t fraction = bits & ((1u << fraction_bits) - 1);
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const double sign_factor = (bits & sign()) != 0 ? -1 : 1;
    if (field == top_field()) {
      const bool all_ones = fraction == (1u << fraction_bits) - 1;
      if (has_infinity ? fraction != 0 : all_ones) return std::nan("");
      if (has_infinity) return sign_factor * std::numeric_limits<double>::infinity();
    }
    const double significand =
        field == 0 ? fraction : (1u << fraction_bits) + static_cast<double>(fraction);
    const int exponent = (field == 0 ? 1 : static_cast<int>(field)) - bias - fraction_bits;
    return sign_factor * std::ldexp(significand, exponent);
  }
};

constexpr Format kBf16{8, 7, true};
constexpr Format kF16{5, 10, true};
constexpr Format kE4m3{4, 3, false};
constexpr Format kE5m2{5, 2, true};

template <class Widen>
void expect_widening(const Format& format, Widen widen) {
  for (std::uint32_t bits = 0; bits < 1u << format.size(); ++bits) {
    const double expected = format.value(bits);
    const std::uint32_t got = widen(bits);
    if (std::isnan(expected)) {
      ASSERT_EQ(got, kF32Nan) << std::hex << bits;
    } else {
      ASSERT_EQ(got, bits_of(static_cast<float>(expected))) << std::hex << bits;
    }
  }
}

/// Every finite value, every midpoint of neighbours and the fp32 numbers beside it.
template <class Widen, class Narrow>
void expect_narrowing(const Format& format, std::uint32_t largest, Widen widen, Narrow narrow) {
  for (std::uint32_t bits = 0; bits < largest; ++bits) {
    for (const std::uint32_t sign : {0u, format.sign()}) {
      const std::uint32_t low = widen(bits | sign);
      const std::uint32_t high = widen((bits + 1) | sign);
      ASSERT_EQ(narrow(low), bits | sign) << std::hex << bits;
      const double middle = (double{float_of(low)} + double{float_of(high)}) / 2;
      const std::uint32_t tie = bits_of(static_cast<float>(middle));
      ASSERT_EQ(double{float_of(tie)}, middle) << "the midpoint is exact in fp32";
      ASSERT_EQ(narrow(tie), ((bits + 1) & ~1u) | sign) << std::hex << bits;
      ASSERT_EQ(narrow(tie - 1), bits | sign) << std::hex << bits;
      ASSERT_EQ(narrow(tie + 1), (bits + 1) | sign) << std::hex << bits;
    }
  }
}

std::uint32_t widen_bf16(std::uint32_t x) { return bf16_to_f32(static_cast<std::uint16_t>(x)); }
std::uint32_t widen_f16(std::uint32_t x) { return f16_to_f32(static_cast<std::uint16_t>(x)); }
std::uint32_t widen_e4m3(std::uint32_t x) { return e4m3_to_f32(static_cast<std::uint8_t>(x)); }
std::uint32_t widen_e5m2(std::uint32_t x) { return e5m2_to_f32(static_cast<std::uint8_t>(x)); }

TEST(Convert, WidensEveryPatternExactly) {
  expect_widening(kBf16, widen_bf16);
  expect_widening(kF16, widen_f16);
  expect_widening(kE4m3, widen_e4m3);
  expect_widening(kE5m2, widen_e5m2);
}

TEST(Convert, NarrowsToNearestEvenAtEveryValueAndTie) {
  // bf16 keeps fp32's subnormals, whose midpoints need all 24 bits below: covered by the samples.
  expect_narrowing(kF16, 0x7BFF, widen_f16, [](std::uint32_t x) { return f32_to_f16(x); });
  for (const Fp8Overflow rule : {Fp8Overflow::kSaturate, Fp8Overflow::kNonSaturate}) {
    expect_narrowing(kE4m3, 0x7E, widen_e4m3,
                     [rule](std::uint32_t x) { return f32_to_e4m3(x, rule); });
    expect_narrowing(kE5m2, 0x7B, widen_e5m2,
                     [rule](std::uint32_t x) { return f32_to_e5m2(x, rule); });
  }
  expect_narrowing(kBf16, 0x7F7F, widen_bf16, [](std::uint32_t x) { return f32_to_bf16(x); });
}

TEST(Convert, OverflowFollowsTheRule) {
  const auto e4m3 = [](float x, Fp8Overflow rule) { return f32_to_e4m3(bits_of(x), rule); };
  const auto e5m2 = [](float x, Fp8Overflow rule) { return f32_to_e5m2(bits_of(x), rule); };
  constexpr auto kSat = Fp8Overflow::kSaturate;
  constexpr auto kNon = Fp8Overflow::kNonSaturate;
  constexpr float kInf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(e4m3(464.0f, kNon), 0x7E) << "a tie, to the even 448";
  EXPECT_EQ(e4m3(464.1f, kSat), 0x7E);
  EXPECT_EQ(e4m3(464.1f, kNon), 0x7F);
  EXPECT_EQ(e4m3(-480.0f, kNon), 0xFF);
  EXPECT_EQ(e4m3(-3e38f, kSat), 0xFE);
  EXPECT_EQ(e4m3(-kInf, kSat), 0xFE);
  EXPECT_EQ(e4m3(kInf, kNon), 0x7F);
  EXPECT_EQ(e5m2(61439.0f, kNon), 0x7B);
  EXPECT_EQ(e5m2(61440.0f, kNon), 0x7C) << "a tie, to the even infinity";
  EXPECT_EQ(e5m2(61440.0f, kSat), 0x7B);
  EXPECT_EQ(e5m2(-kInf, kSat), 0xFB);
  EXPECT_EQ(e5m2(-kInf, kNon), 0xFC);
  EXPECT_EQ(f32_to_f16(bits_of(65519.0f)), 0x7BFF);
  EXPECT_EQ(f32_to_f16(bits_of(65520.0f)), 0x7C00);
  EXPECT_EQ(f32_to_bf16(kF32MaxFinite), 0x7F80);
  EXPECT_EQ(to_e8m10_bits(kF32MaxFinite), kF32Inf);
  EXPECT_EQ(to_e8m10_bits(0x7F7FEFFFu), 0x7F7FE000u);
}

TEST(Convert, EveryNanBecomesTheCanonicalOne) {
  for (const std::uint32_t nan :
       {0x7F800001u, 0x7FC00000u, 0x7FFFFFFFu, 0xFF800001u, 0xFFFFFFFFu}) {
    EXPECT_EQ(f32_to_bf16(nan), kBf16Nan);
    EXPECT_EQ(f32_to_f16(nan), kF16Nan);
    EXPECT_EQ(f32_to_e4m3(nan, Fp8Overflow::kSaturate), kE4m3Nan);
    EXPECT_EQ(f32_to_e4m3(nan, Fp8Overflow::kNonSaturate), kE4m3Nan);
    EXPECT_EQ(f32_to_e5m2(nan, Fp8Overflow::kSaturate), kE5m2Nan);
    EXPECT_EQ(f32_to_e5m2(nan, Fp8Overflow::kNonSaturate), kE5m2Nan);
    EXPECT_EQ(to_e8m10_bits(nan), kF32Nan);
    EXPECT_EQ(f32_to_i32_nearest(nan), 0);
    EXPECT_EQ(f32_to_i64_truncate(nan), 0);
  }
}

TEST(Convert, SampledInputsAgreeWithDoubleArithmetic) {
  for (const numsweep::Function& function : numsweep::catalogue()) {
    if (!function.conversion) continue;
    const numsweep::Result result = numsweep::sweep(function, {17, std::uint64_t{1} << 32, 20011},
                                                    numsweep::Isa::kPortable, 1, nullptr);
    EXPECT_EQ(result.special_errors, 0u)
        << function.name << " first at " << std::hex << result.special_error_input;
    EXPECT_GT(result.inputs, 200000u);
  }
}

TEST(Convert, IntegersRoundToNearestEvenThroughFp32) {
  for (std::int64_t base : {1, 0x800000, 0x1000000, 0x2000000, 0x7FFFFF80}) {
    for (std::int64_t delta = -300; delta <= 300; ++delta) {
      const auto x =
          static_cast<std::int32_t>(std::clamp<std::int64_t>(base + delta, INT32_MIN, INT32_MAX));
      EXPECT_EQ(i32_to_f32(x), bits_of(static_cast<float>(double(x)))) << x;
      EXPECT_EQ(i32_to_f32(-x), bits_of(static_cast<float>(double(-x)))) << x;
      EXPECT_EQ(i64_to_f32(x), i32_to_f32(x)) << x;
    }
  }
  EXPECT_EQ(i32_to_f32(INT32_MIN), 0xCF000000u);
  EXPECT_EQ(i64_to_f32(INT64_MIN), 0xDF000000u);
  EXPECT_EQ(i64_to_f32(INT64_MAX), 0x5F000000u);
  EXPECT_EQ(i64_to_f32(0), 0u);
  EXPECT_EQ(i64_to_f32((std::int64_t{1} << 53) + 1), 0x5A000000u);
  EXPECT_EQ(i64_to_f32((std::int64_t{3} << 39) + (std::int64_t{3} << 16)), 0x53C00002u) << "tie up";
  EXPECT_EQ(i64_to_f32((std::int64_t{3} << 39) + (std::int64_t{1} << 16)), 0x53C00000u)
      << "tie down";
  EXPECT_EQ(i8_to_f32(-128), bits_of(-128.0f));
  EXPECT_EQ(u8_to_f32(255), bits_of(255.0f));
}

static_assert(f32_to_i32_nearest(bits_of(2.5f)) == 2 && f32_to_i32_truncate(bits_of(-2.9f)) == -2,
              "conversions are constant expressions");

}  // namespace
}  // namespace tandem::numerics

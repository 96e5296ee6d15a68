// SPDX-License-Identifier: Apache-2.0
// One rounding everywhere: the processor's FMA, the double path and the integer FMA agree.
#include "tandem/numerics/fma.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "patterns.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::numerics {
namespace {

void expect_agreement(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  const std::uint32_t soft = soft_fma32(a, b, c);
  const std::uint32_t library =
      canonical_bits(bits_of(std::fma(float_of(a), float_of(b), float_of(c))));
  const std::uint32_t doubled =
      canonical_bits(bits_of(detail::fma_through_double(float_of(a), float_of(b), float_of(c))));
  const std::uint32_t used = bits_of(fma32(float_of(a), float_of(b), float_of(c)));
  ASSERT_EQ(soft, library) << std::hex << a << " * " << b << " + " << c;
  ASSERT_EQ(doubled, library) << std::hex << a << " * " << b << " + " << c;
  ASSERT_EQ(used, library) << std::hex << a << " * " << b << " + " << c;
}

TEST(Fma, CornersAgree) {
  for (const std::uint32_t a : test::kCorners) {
    for (const std::uint32_t b : test::kCorners) {
      for (const std::uint32_t c : test::kCorners) expect_agreement(a, b, c);
    }
  }
}

TEST(Fma, RandomOperandsAgree) {
  test::Patterns patterns(20260101);
  for (int i = 0; i < 400000; ++i) {
    expect_agreement(patterns.any(), patterns.any(), patterns.any());
    expect_agreement(patterns.moderate(), patterns.moderate(), patterns.moderate());
    // Cancellation: the addend lies near the negated product.
    const std::uint32_t a = patterns.moderate();
    const std::uint32_t b = patterns.any();
    const std::uint32_t product = bits_of(float_of(a) * float_of(b));
    expect_agreement(a, b, patterns.near(product));
    // Results among the subnormals.
    const std::uint32_t small = (patterns.any() & 0x807FFFFFu) | (40u << 23);
    expect_agreement(small, (patterns.moderate() & 0x8FFFFFFFu) | 0x10000000u,
                     patterns.any() & 0x81FFFFFFu);
  }
}

TEST(Fma, SumsAndProductsAreSpecialCases) {
  const float one = 1.0f;
  test::Patterns patterns(7);
  const auto check = [&](std::uint32_t a_bits, std::uint32_t b_bits) {
    const float a = float_of(a_bits);
    const float b = float_of(b_bits);
    ASSERT_EQ(bits_of(add32(a, b)), bits_of(fma32(a, one, b))) << std::hex << a_bits << b_bits;
    ASSERT_EQ(bits_of(sub32(a, b)), bits_of(fma32(b, -one, a))) << std::hex << a_bits << b_bits;
    ASSERT_EQ(bits_of(mul32(a, b)), bits_of(fma32(a, b, -0.0f))) << std::hex << a_bits << b_bits;
    ASSERT_EQ(bits_of(fnma32(a, b, one)), soft_fma32(a_bits ^ kF32SignBit, b_bits, bits_of(one)));
  };
  for (const std::uint32_t a : test::kCorners) {
    for (const std::uint32_t b : test::kCorners) check(a, b);
  }
  for (int i = 0; i < 100000; ++i) check(patterns.any(), patterns.any());
}

TEST(Fma, ChainStepIsAnFmaOfE8m10Operands) {
  const auto check = [](std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    a = to_e8m10_bits(a);
    b = to_e8m10_bits(b);
    ASSERT_EQ(bits_of(chain_step(float_of(a), float_of(b), float_of(c))), soft_fma32(a, b, c))
        << std::hex << a << " * " << b << " + " << c;
  };
  for (const std::uint32_t a : test::kCorners) {
    for (const std::uint32_t b : test::kCorners) {
      for (const std::uint32_t c : test::kCorners) check(a, b, c);
    }
  }
  test::Patterns patterns(99);
  for (int i = 0; i < 300000; ++i) {
    const std::uint32_t a = to_e8m10_bits(patterns.moderate());
    const std::uint32_t b = to_e8m10_bits(patterns.moderate());
    const std::uint32_t product = bits_of(float_of(a) * float_of(b));
    // Addends around the product, around its half places, and far away on either side.
    check(a, b, patterns.near(product));
    check(a, b, product + ((patterns.any() % 61u - 30u) << 23));
    check(a, b, (product & 0xFF800000u) + ((patterns.any() % 61u - 30u) << 23));
    check(patterns.any(), patterns.any(), patterns.any());
    // Products and sums among the subnormals.
    check((a & 0x807FFFFFu) | (50u << 23), (b & 0x807FFFFFu) | ((55u + i % 28u) << 23),
          patterns.any() & 0x80FFFFFFu);
  }
}

TEST(Fma, NanResultsAreCanonical) {
  const float inf = float_of(kF32Inf);
  EXPECT_EQ(bits_of(fma32(inf, 0.0f, 1.0f)), kF32Nan);
  EXPECT_EQ(bits_of(fma32(inf, 1.0f, -inf)), kF32Nan);
  EXPECT_EQ(bits_of(add32(float_of(0xFFABCDEFu), 1.0f)), kF32Nan);
  EXPECT_EQ(bits_of(mul32(float_of(0x7F800001u), 0.0f)), kF32Nan);
  EXPECT_EQ(bits_of(sub32(inf, inf)), kF32Nan);
}

}  // namespace
}  // namespace tandem::numerics

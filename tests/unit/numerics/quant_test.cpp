// SPDX-License-Identifier: Apache-2.0
// Group dequantisation, int4 packing and int8 accumulation.
#include "tandem/numerics/quant.hpp"

#include <gtest/gtest.h>

#include <array>

#include "patterns.hpp"

namespace tandem::numerics {
namespace {

TEST(Quant, DequantisesWithOneRoundingThenE8m10) {
  test::Patterns patterns(31);
  for (int i = 0; i < 50000; ++i) {
    const std::uint32_t scale = patterns.moderate();
    const std::uint32_t minimum = patterns.moderate();
    const auto q = static_cast<std::int32_t>(patterns.any() % 384) - 128;
    const std::uint32_t wide = soft_fma32(scale, bits_of(static_cast<float>(q)), minimum);
    EXPECT_EQ(bits_of(dequantize_f32(float_of(scale), q, float_of(minimum))), wide);
    const float narrow = dequantize(float_of(scale), q, float_of(minimum));
    EXPECT_EQ(bits_of(narrow), to_e8m10_bits(wide));
    EXPECT_EQ(bits_of(narrow) & 0x1FFFu, 0u);
  }
  EXPECT_EQ(dequantize(0.5f, -3, 0.25f), -1.25f);
}

TEST(Quant, EvenElementsLieInTheLowNibble) {
  const std::array<std::uint8_t, 2> packed = {int4_pack(3, 12), int4_pack(0, 15)};
  EXPECT_EQ(packed[0], 0xC3);
  EXPECT_EQ(packed[1], 0xF0);
  EXPECT_EQ(int4_at(packed.data(), 0), 3);
  EXPECT_EQ(int4_at(packed.data(), 1), 12);
  EXPECT_EQ(int4_at(packed.data(), 2), 0);
  EXPECT_EQ(int4_at(packed.data(), 3), 15);
  EXPECT_EQ(int4_pack(0xF1, 0xF2), 0x21) << "only four bits of each count";
}

TEST(Quant, Int8AccumulationWraps) {
  EXPECT_EQ(int8_step(-128, -128, 0), 16384);
  EXPECT_EQ(int8_step(-128, 127, 100), -16156);
  EXPECT_EQ(int8_step(1, 1, INT32_MAX), INT32_MIN);
  EXPECT_EQ(int8_step(-1, 1, INT32_MIN), INT32_MAX);
}

}  // namespace
}  // namespace tandem::numerics

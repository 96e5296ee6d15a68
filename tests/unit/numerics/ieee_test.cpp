// SPDX-License-Identifier: Apache-2.0
// Minimum, maximum, compares and the argmin/argmax order.
#include "tandem/numerics/ieee.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "patterns.hpp"

namespace tandem::numerics {
namespace {

TEST(Ieee, MinimumAndMaximumFollowTheStandard) {
  for (const std::uint32_t a : test::kCorners) {
    for (const std::uint32_t b : test::kCorners) {
      const float x = float_of(a);
      const float y = float_of(b);
      std::uint32_t least = x < y ? a : b;
      std::uint32_t most = x > y ? a : b;
      if (x == 0 && y == 0) {
        least = std::signbit(x) || std::signbit(y) ? kF32NegZero : 0u;
        most = std::signbit(x) && std::signbit(y) ? kF32NegZero : 0u;
      }
      if (std::isnan(x) || std::isnan(y)) least = most = kF32Nan;
      EXPECT_EQ(minimum_bits(a, b), least) << std::hex << a << ' ' << b;
      EXPECT_EQ(maximum_bits(a, b), most) << std::hex << a << ' ' << b;
      EXPECT_EQ(bits_of(minimum(x, y)), least);
      EXPECT_EQ(bits_of(maximum(x, y)), most);
    }
  }
}

TEST(Ieee, ComparesAreFalseForNan) {
  const float nan = float_of(kF32Nan);
  EXPECT_EQ(less_mask(nan, 1.0f), 0u);
  EXPECT_EQ(less_equal_mask(nan, nan), 0u);
  EXPECT_EQ(equal_mask(nan, nan), 0u);
  EXPECT_EQ(equal_mask(0.0f, -0.0f), kMaskTrue);
  EXPECT_EQ(less_mask(-0.0f, 0.0f), 0u);
  EXPECT_EQ(less_mask(-1.0f, 1e-45f), kMaskTrue);
  EXPECT_EQ(less_equal_mask(2.0f, 2.0f), kMaskTrue);
}

/// The first NaN, else the first of the largest values: by a plain scan.
std::uint32_t scan_argmax(const std::vector<std::uint32_t>& values, float sign) {
  std::uint32_t best = 0;
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    const float x = sign * float_of(values[i]);
    if (std::isnan(x)) return i;
    if (x > sign * float_of(values[best])) best = i;
  }
  return best;
}

TEST(Ieee, ArgmaxIsTheFirstNanOrTheFirstBestInAnyMergeOrder) {
  test::Patterns patterns(5);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::uint32_t> values(1 + patterns.any() % 40);
    for (std::uint32_t& v : values) {
      v = round % 3 == 0 ? test::kCorners[patterns.any() % test::kCorners.size()]
                         : bits_of(static_cast<float>(patterns.any() % 5) - 2.0f);
    }
    IndexedValue most{values[0], 0};
    IndexedValue least = most;
    // Backwards, so that the order of merging is not the order of the answer.
    for (auto i = static_cast<std::uint32_t>(values.size()); i-- > 0;) {
      most = argmax_of(IndexedValue{values[i], i}, most);
      least = argmin_of(least, IndexedValue{values[i], i});
    }
    EXPECT_EQ(most.index, scan_argmax(values, 1.0f)) << "round " << round;
    EXPECT_EQ(least.index, scan_argmax(values, -1.0f)) << "round " << round;
  }
}

}  // namespace
}  // namespace tandem::numerics

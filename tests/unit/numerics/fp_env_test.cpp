// SPDX-License-Identifier: Apache-2.0
// The floating-point environment guard sets, checks and restores.
#include "tandem/numerics/fp_env.hpp"

#include <gtest/gtest.h>

#include <cfenv>

namespace tandem::numerics {
namespace {

/// Whether additions round up, by doing one.
bool rounds_up() {
  const volatile float one = 1.0f;
  return one + 0x1p-40f > 1.0f;
}

TEST(FpEnvironment, OverridesRoundingAndRestoresIt) {
  const int before = std::fegetround();
  std::fesetround(FE_UPWARD);
  EXPECT_FALSE(FpEnvironment::is_default());
  EXPECT_TRUE(rounds_up());
  {
    const FpEnvironment environment;
    EXPECT_TRUE(FpEnvironment::is_default());
    EXPECT_FALSE(rounds_up());
  }
  EXPECT_TRUE(rounds_up());
  std::fesetround(before);
  EXPECT_TRUE(FpEnvironment::is_default());
}

#if defined(__x86_64__)
TEST(FpEnvironment, OverridesFlushToZeroAndRestoresIt) {
  const unsigned before = _mm_getcsr();
  constexpr unsigned kFlushAndIgnore = 0x8040;  // FTZ and DAZ
  _mm_setcsr(before | kFlushAndIgnore);
  EXPECT_FALSE(FpEnvironment::is_default());
  const volatile float smallest_normal = 0x1p-126f;
  EXPECT_EQ(smallest_normal * 0.5f, 0.0f) << "FTZ is really on";
  {
    const FpEnvironment environment;
    EXPECT_TRUE(FpEnvironment::is_default());
    EXPECT_EQ(smallest_normal * 0.5f, 0x1p-127f);
  }
  EXPECT_EQ(_mm_getcsr() & kFlushAndIgnore, kFlushAndIgnore);
  _mm_setcsr(before);
}
#endif

}  // namespace
}  // namespace tandem::numerics

// SPDX-License-Identifier: Apache-2.0
// The yardstick computes what it claims to.
#include "yardstick.hpp"

#include <gtest/gtest.h>

namespace tandem::bench {
namespace {

TEST(Yardstick, BareArrayEqualsNumericsAndTakesTime) {
  const BareArray bare = measure_bare_array(1, 1);  // throws if its sums are wrong
  EXPECT_GT(bare.ns_per_cycle, 0);
  EXPECT_DOUBLE_EQ(bare.ns_per_mac * 256, bare.ns_per_cycle);
}

}  // namespace
}  // namespace tandem::bench

// SPDX-License-Identifier: Apache-2.0
// Arithmetic of typed addresses.
#include "tandem/base/phys_addr.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

TEST(PhysAddr, ZeroMeansNone) {
  EXPECT_FALSE(PhysAddr());
  EXPECT_TRUE(PhysAddr(0x1000));
}

TEST(PhysAddr, AddsBytesAndMeasuresDistances) {
  const PhysAddr begin(0x1000);
  EXPECT_EQ((begin + 0x234).value, 0x1234u);
  EXPECT_EQ((begin + 0x234) - begin, 0x234u);
  EXPECT_LT(begin, begin + 1);
}

}  // namespace
}  // namespace tandem

// SPDX-License-Identifier: Apache-2.0
// The arithmetic of rtl/num against the numerics library: a sample of tandem-rtl-sweep.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sweep.hpp"

namespace tandem::rtl_sweep {
namespace {

constexpr std::uint64_t kSeed = 20260;
constexpr std::uint64_t kVectors = 100'000;

std::string describe(const Operation& operation, VectorClass vector_class, const Mismatch& m) {
  return fmt::format("{}, {}: a {:08x} b {:08x} c {:08x}: expected {:08x}, lanes gave {:08x}",
                     operation.name, to_string(vector_class), m.operands[0], m.operands[1],
                     m.operands[2], m.expected, m.found);
}

class NumUnit : public testing::TestWithParam<Unit> {};

TEST_P(NumUnit, EqualsNumericsOnEveryClassOfVectors) {
  const std::unique_ptr<Lanes> lanes = make_lanes();
  RecordProperty("seed", static_cast<int>(kSeed));
  int tried = 0;
  for (const Operation& operation : operations()) {
    if (operation.setting.unit != GetParam()) continue;
    ++tried;
    for (const VectorClass vector_class : classes_of(operation.operands)) {
      const Result result = sweep(*lanes, operation, vector_class, kVectors, kSeed);
      EXPECT_EQ(result.mismatches, 0u)
          << "seed " << kSeed << ": " << describe(operation, vector_class, *result.first);
    }
  }
  EXPECT_GT(tried, 0);
}

std::string unit_name(const testing::TestParamInfo<Unit>& info) {
  static constexpr const char* kNames[] = {"Fma10",   "Fma10Staged", "Fma32",    "Fma32Staged",
                                           "Compare", "Logic",       "Multiply", "Convert",
                                           "Reduce",  "Widen",       "Narrow",   "Single"};
  return kNames[static_cast<std::size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Rtl, NumUnit,
                         testing::Values(Unit::kFma10, Unit::kFma10Staged, Unit::kFma32,
                                         Unit::kFma32Staged, Unit::kCompare, Unit::kLogic,
                                         Unit::kMultiply, Unit::kConvert, Unit::kReduce,
                                         Unit::kWiden, Unit::kNarrow, Unit::kSingle),
                         unit_name);

TEST(NumVectors, CornersVisitTheWholeCrossProduct) {
  std::vector<std::uint32_t> a(1 << 16), b(a.size()), c(a.size());
  VectorSource source(VectorClass::kCorners, Operands::kTwo, kSeed);
  source.fill(a, b, c);
  const std::uint64_t population = rtl_sweep::population(VectorClass::kCorners, Operands::kTwo);
  EXPECT_EQ(population, 270u * 270u);
  std::vector<std::uint64_t> pairs;
  source = VectorSource(VectorClass::kCorners, Operands::kTwo, kSeed);
  a.resize(population);
  b.resize(population);
  c.resize(population);
  source.fill(a, b, c);
  for (std::size_t i = 0; i < a.size(); ++i) pairs.push_back(std::uint64_t{a[i]} << 32 | b[i]);
  std::ranges::sort(pairs);
  EXPECT_EQ(std::ranges::adjacent_find(pairs), pairs.end());
}

TEST(NumVectors, EveryPatternOfANarrowTypeComesOnce) {
  std::vector<std::uint32_t> a(1 << 16), b(a.size()), c(a.size());
  VectorSource source(VectorClass::kEvery, Operands::kNarrow16, kSeed);
  source.fill(a, b, c);
  for (std::uint32_t& word : a) word &= 0xFFFFu;
  std::ranges::sort(a);
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_EQ(a[i], i);
}

}  // namespace
}  // namespace tandem::rtl_sweep

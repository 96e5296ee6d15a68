// SPDX-License-Identifier: Apache-2.0
// The 64-partial reductions against a version that really skips absent elements.
#include "tandem/numerics/reduce.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <vector>

#include "patterns.hpp"

namespace tandem::numerics {
namespace {

/// The definition with absent partials as such. Empty input gives nothing.
template <class Op>
std::optional<std::uint32_t> by_definition(const std::vector<std::uint32_t>& x) {
  std::array<std::optional<std::uint32_t>, 64> p;
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::optional<std::uint32_t>& partial = p[i % 64];
    partial = partial ? Op{}(*partial, x[i]) : canonical_bits(x[i]);
  }
  for (const std::size_t width : {32, 16, 8, 4, 2, 1}) {
    for (std::size_t j = 0; j < width; ++j) {
      if (!p[j + width]) continue;
      p[j] = p[j] ? Op{}(*p[j], *p[j + width]) : p[j + width];
    }
  }
  return p[0];
}

template <class Op>
void expect_definition(const std::vector<std::uint32_t>& x) {
  const std::uint32_t expected = by_definition<Op>(x).value_or(Op::kIdentity);
  EXPECT_EQ(reduce<Op>(x.data(), x.size()), expected) << x.size() << " elements";
  // In chunks of 37, as a device with chunks would.
  std::uint32_t partial[kPartials];
  clear_partials<Op>(partial);
  for (std::size_t first = 0; first < x.size(); first += 37) {
    const std::size_t count = std::min<std::size_t>(37, x.size() - first);
    accumulate<Op>(partial, x.data() + first, first, count);
  }
  EXPECT_EQ(fold_partials<Op>(partial), expected) << x.size() << " elements in chunks";
}

TEST(Reduce, EveryLengthGivesTheDefinition) {
  test::Patterns patterns(11);
  for (std::size_t count = 0; count < 300; ++count) {
    std::vector<std::uint32_t> x(count);
    for (std::uint32_t& v : x) v = patterns.moderate();
    expect_definition<SumF32>(x);
    expect_definition<MinF32>(x);
    expect_definition<MaxF32>(x);
  }
}

TEST(Reduce, IntegersWrapAndCompareSigned) {
  test::Patterns patterns(12);
  std::vector<std::uint32_t> x(1000);
  for (std::uint32_t& v : x) v = patterns.any();
  std::uint32_t sum = 0;
  auto least = INT32_MAX;
  auto most = INT32_MIN;
  for (const std::uint32_t v : x) {
    sum += v;
    least = std::min(least, static_cast<std::int32_t>(v));
    most = std::max(most, static_cast<std::int32_t>(v));
  }
  EXPECT_EQ(reduce<SumI32>(x.data(), x.size()), sum);
  EXPECT_EQ(static_cast<std::int32_t>(reduce<MinI32>(x.data(), x.size())), least);
  EXPECT_EQ(static_cast<std::int32_t>(reduce<MaxI32>(x.data(), x.size())), most);
}

TEST(Reduce, AbsentPartialsLeaveNoTrace) {
  const std::uint32_t negative_zeros[] = {kF32NegZero, kF32NegZero, kF32NegZero};
  EXPECT_EQ(reduce<SumF32>(negative_zeros, 3), kF32NegZero) << "a +0 among them would give +0";
  const std::uint32_t mixed[] = {kF32NegZero, 0u};
  EXPECT_EQ(reduce<SumF32>(mixed, 2), 0u);
  EXPECT_EQ(reduce<SumF32>(mixed, 0), kF32NegZero);
  const std::uint32_t subnormal[] = {1u};
  EXPECT_EQ(reduce<SumF32>(subnormal, 1), 1u);
}

TEST(Reduce, OneNanMakesTheResultCanonical) {
  for (const std::size_t place : {0, 31, 63, 64, 199}) {
    std::vector<std::uint32_t> x(200, bits_of(1.5f));
    x[place] = 0xFF800123u;
    EXPECT_EQ(reduce<SumF32>(x.data(), x.size()), kF32Nan);
    EXPECT_EQ(reduce<MinF32>(x.data(), x.size()), kF32Nan);
    EXPECT_EQ(reduce<MaxF32>(x.data(), x.size()), kF32Nan);
  }
}

TEST(Reduce, TheOrderOfAdditionIsFixed) {
  // 2^24 in partial 0, then ones: each is lost if added to it alone, and counts if the tree joins
  // them first. Element 64 goes to partial 0, elements 1 and 33 meet in partial 1.
  std::vector<std::uint32_t> x(65, 0u);
  x[0] = bits_of(0x1p24f);
  x[64] = bits_of(1.0f);
  EXPECT_EQ(float_of(reduce<SumF32>(x.data(), x.size())), 0x1p24f);
  x[64] = 0u;
  x[1] = x[33] = bits_of(1.0f);
  EXPECT_EQ(float_of(reduce<SumF32>(x.data(), x.size())), 0x1p24f + 2.0f);
}

}  // namespace
}  // namespace tandem::numerics

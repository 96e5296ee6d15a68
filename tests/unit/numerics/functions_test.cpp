// SPDX-License-Identifier: Apache-2.0
// Micro-programs: bounds on samples, special values, and the costs that the reference page states.
#include "tandem/numerics/functions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>

#include "catalogue.hpp"
#include "counted.hpp"
#include "evaluate.hpp"
#include "patterns.hpp"
#include "sweep.hpp"

namespace tandem::numerics {
namespace {

using numsweep::Function;
using numsweep::FunctionId;

constexpr std::uint64_t kAll = std::uint64_t{1} << 32;

class FunctionBounds : public testing::TestWithParam<Function> {};

TEST_P(FunctionBounds, SampledInputsStayWithinTheBound) {
  const Function function = GetParam();
  const numsweep::Result result = numsweep::sweep(function, {5, kAll, 10007}, numsweep::pick_isa(),
                                                  1, numsweep::mpfr_reference());
  EXPECT_GT(result.inputs, 400000u);
  EXPECT_EQ(result.special_errors, 0u) << "first at " << std::hex << result.special_error_input;
  EXPECT_LE(result.worst_of_bound, 1) << "at " << std::hex << result.worst_of_bound_input;
}

TEST_P(FunctionBounds, SubnormalsZerosInfinitiesAndNansAreRight) {
  const Function function = GetParam();
  // Both zeros and the first subnormals of either sign; the last numbers before infinity,
  // infinity and the first NaNs.
  for (const std::uint64_t first : {0x00000000u, 0x007FFF00u, 0x7F7FFF00u, 0x7FBFFF80u, 0x80000000u,
                                    0x807FFF00u, 0xFF7FFF00u, 0xFFBFFF80u, 0xFFFFFF00u}) {
    const numsweep::Result result =
        numsweep::sweep(function, {first, 512, 1}, numsweep::Isa::kPortable, 1, nullptr);
    EXPECT_EQ(result.special_errors, 0u) << "first at " << std::hex << result.special_error_input;
    EXPECT_LE(result.worst_of_bound, 1) << "at " << std::hex << result.worst_of_bound_input;
  }
}

std::vector<Function> functions() {
  std::vector<Function> result;
  for (const Function& function : numsweep::catalogue()) {
    if (!function.conversion) result.push_back(function);
  }
  return result;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, FunctionBounds, testing::ValuesIn(functions()),
                         [](const auto& info) {
                           std::string name(info.param.name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Functions, DivisionIsWithinTwoUlpOverAllQuotients) {
  test::Patterns patterns(4711);
  double worst = 0;
  for (int i = 0; i < 2000000; ++i) {
    const std::uint32_t a = patterns.any();
    // A third anywhere, a third with a quotient near the ends of the range, a third moderate.
    std::uint32_t b = patterns.any();
    if (i % 3 == 1) b = (b & 0x807FFFFFu) | ((a & kF32AbsMask) < 0x3F800000u ? 0x7F000000u : 0u);
    if (i % 3 == 2) b = patterns.near(a);
    const float x = float_of(a);
    const float y = float_of(b);
    const float got = div(Bits32{a}, Bits32{b}).value();
    const double exact = double{x} / double{y};
    const auto rounded = static_cast<float>(exact);
    if (std::isnan(exact)) {
      ASSERT_EQ(bits_of(got), kF32Nan) << x << " / " << y;
      continue;
    }
    ASSERT_EQ(std::signbit(got), std::signbit(rounded)) << x << " / " << y;
    if (std::isinf(rounded) || exact == 0) {
      ASSERT_EQ(got, rounded) << x << " / " << y;
      continue;
    }
    const double value = std::isinf(got) ? std::copysign(0x1p128, exact) : double{got};
    const double error = std::fabs(value - exact) / numsweep::ulp_fp32(exact);
    ASSERT_LE(error, 2) << std::hex << a << " / " << b;
    worst = std::max(worst, error);
  }
  EXPECT_GT(worst, 0.5);
}

TEST(Functions, DivisionOfSpecialValues) {
  for (const std::uint32_t a : test::kCorners) {
    for (const std::uint32_t b : test::kCorners) {
      const float x = float_of(a);
      const float y = float_of(b);
      const float expected = canonical(x / y);
      const float got = div(Bits32{a}, Bits32{b}).value();
      if (std::isnan(expected) || std::isinf(y) || y == 0 || std::isinf(x) || x == 0) {
        EXPECT_EQ(bits_of(got), bits_of(expected)) << std::hex << a << " / " << b;
      }
    }
  }
}

TEST(Functions, SpecialValuesByName) {
  const auto at = [](auto f, std::uint32_t x) { return f(Bits32{x}).bits; };
  constexpr std::uint32_t kOne = 0x3F800000u;
  constexpr std::uint32_t kNegInf = 0xFF800000u;
  constexpr std::uint32_t kNegOne = 0xBF800000u;
  EXPECT_EQ(at(exp<Bits32>, kNegInf), 0u);
  EXPECT_EQ(at(exp<Bits32>, kF32Inf), kF32Inf);
  EXPECT_EQ(at(exp<Bits32>, 0u), kOne);
  EXPECT_EQ(at(exp_nonpositive<Bits32>, kNegInf), 0u);
  EXPECT_EQ(at(exp_nonpositive<Bits32>, kF32NegZero), kOne);
  EXPECT_EQ(at(exp_nonpositive<Bits32>, 0xFFC00001u), kF32Nan);
  EXPECT_EQ(at(recip<Bits32>, kF32NegZero), kNegInf);
  EXPECT_EQ(at(recip<Bits32>, kNegInf), kF32NegZero);
  EXPECT_EQ(at(recip<Bits32>, 0x00200000u), kF32Inf) << "1 / 2^-128 overflows";
  EXPECT_EQ(at(recip<Bits32>, 0x7F000000u), 0x00400000u) << "1 / 2^127 is subnormal";
  EXPECT_EQ(at(sqrt<Bits32>, kF32NegZero), kF32NegZero);
  EXPECT_EQ(at(sqrt<Bits32>, kNegOne), kF32Nan);
  EXPECT_EQ(at(sqrt<Bits32>, kF32Inf), kF32Inf);
  EXPECT_EQ(at(rsqrt<Bits32>, kF32NegZero), kNegInf);
  EXPECT_EQ(at(rsqrt<Bits32>, kF32Inf), 0u);
  EXPECT_EQ(at(rsqrt<Bits32>, kNegInf), kF32Nan);
  EXPECT_EQ(at(log<Bits32>, kF32NegZero), kNegInf);
  EXPECT_EQ(at(log<Bits32>, kOne), 0u);
  EXPECT_EQ(at(log<Bits32>, kNegInf), kF32Nan);
  EXPECT_EQ(at(log2<Bits32>, 0x00000001u), bits_of(-149.0f));
  EXPECT_EQ(at(sin<Bits32>, kF32NegZero), kF32NegZero);
  EXPECT_EQ(at(sin<Bits32>, kF32Inf), kF32Nan);
  EXPECT_EQ(at(cos<Bits32>, kF32NegZero), kOne);
  EXPECT_EQ(at(cos<Bits32>, kNegInf), kF32Nan);
  EXPECT_EQ(at(tanh<Bits32>, kF32NegZero), kF32NegZero);
  EXPECT_EQ(at(tanh<Bits32>, kNegInf), kNegOne);
  EXPECT_EQ(at(erf<Bits32>, kF32Inf), kOne);
  EXPECT_EQ(at(sigmoid<Bits32>, kNegInf), 0u);
  EXPECT_EQ(at(sigmoid<Bits32>, kF32Inf), kOne);
  EXPECT_EQ(at(silu<Bits32>, kF32NegZero), kF32NegZero);
  EXPECT_EQ(at(silu<Bits32>, kF32Inf), kF32Inf);
  EXPECT_EQ(at(gelu<Bits32>, kNegInf), kF32NegZero);
  EXPECT_EQ(at(gelu<Bits32>, kF32NegZero), kF32NegZero);
  EXPECT_EQ(at(gelu_tanh<Bits32>, bits_of(-3e38f)), kF32NegZero);
  EXPECT_EQ(at(relu<Bits32>, kF32NegZero), 0u);
  EXPECT_EQ(at(relu<Bits32>, 0xFFC00001u), kF32Nan);
  EXPECT_EQ(at(abs<Bits32>, 0xFFC00001u), 0x7FC00001u) << "a move keeps the payload";
  EXPECT_EQ(at(neg<Bits32>, 0x7F800001u), 0xFF800001u);
}

TEST(Functions, SineOfMultiplesOfPiKeepsItsDigits) {
  // The fp32 numbers nearest to multiples of pi/2, where the quotient's leading bits cancel.
  for (const std::uint32_t x : {0x40490FDBu, 0x3FC90FDBu, 0x40C90FDBu, 0x4B92298Au, 0x5922AA80u,
                                0x6116CB10u, 0x7EDB59DBu, 0x7F7FFFFFu}) {
    const double exact = std::sin(double{float_of(x)});
    const double got = sin(Bits32{x}).value();
    EXPECT_LE(std::fabs(got - exact), 2 * numsweep::ulp_fp32(exact)) << std::hex << x;
    const double exact_cos = std::cos(double{float_of(x)});
    const double got_cos = cos(Bits32{x}).value();
    EXPECT_LE(std::fabs(got_cos - exact_cos), 2 * numsweep::ulp_fp32(exact_cos)) << std::hex << x;
  }
}

TEST(Functions, SinCosGivesTheBitsOfSinAndCos) {
  test::Patterns patterns(8);
  for (int i = 0; i < 100000; ++i) {
    const Bits32 x{patterns.any()};
    const SinCos<Bits32> both = sin_cos(x);
    ASSERT_EQ(both.sin.bits, sin(x).bits) << std::hex << x.bits;
    ASSERT_EQ(both.cos.bits, cos(x).bits) << std::hex << x.bits;
  }
}

TEST(Functions, EluScalesByAlpha) {
  for (const float alpha : {0.5f, 1.75f, -1.0f}) {
    for (float x = -20.0f; x < 3.0f; x += 0.0371f) {
      const double exact = x >= 0 ? x : double{alpha} * std::expm1(double{x});
      const double got = elu(Bits32::of(x), Bits32::of(alpha)).value();
      const double bound = 4 * numsweep::ulp_fp32(exact) + 0x1p-24 * std::fabs(alpha);
      EXPECT_LE(std::fabs(got - exact), bound) << alpha << ' ' << x;
    }
  }
}

/// Operation counts by name, as docs/reference/numerics.md states them: rows `| name | count |...`.
std::map<std::string, int> documented_costs() {
  std::ifstream file(TANDEM_SOURCE_DIR "/docs/reference/numerics.md");
  std::map<std::string, int> result;
  for (std::string line; std::getline(file, line);) {
    std::istringstream row(line);
    std::string bar, name;
    int count = 0;
    if (row >> bar >> name >> bar >> count && name.size() > 2 && name.front() == '`') {
      result[name.substr(1, name.size() - 2)] = count;
    }
  }
  return result;
}

TEST(Functions, CostsAreThoseOfTheReferencePage) {
  const std::map<std::string, int> documented = documented_costs();
  for (const Function& function : functions()) {
    test::Counted::cost() = {};
    numsweep::apply(function.id, test::Counted::input());
    const int operations = test::Counted::cost().operations;
    const std::string name(function.name);
    ASSERT_TRUE(documented.contains(name)) << "docs/reference/numerics.md: no row `" << name
                                           << "`, which costs " << operations << " operations";
    EXPECT_EQ(documented.at(name), operations)
        << "docs/reference/numerics.md, row `" << name
        << "`; second constants: " << test::Counted::cost().second_constants;
  }
}

}  // namespace
}  // namespace tandem::numerics

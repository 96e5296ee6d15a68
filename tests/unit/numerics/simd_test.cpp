// SPDX-License-Identifier: Apache-2.0
// The SIMD value types give the bits of Bits32 for every micro-operation and every function.
#include "tandem/numerics/simd.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "catalogue.hpp"
#include "patterns.hpp"
#include "simd_lanes.hpp"

namespace tandem::numerics {
namespace {

struct Operands {
  std::vector<std::uint32_t> a, b, c;
};

Operands make_operands() {
  Operands x;
  for (const std::uint32_t a : test::kCorners) {
    for (const std::uint32_t b : test::kCorners) {
      for (std::size_t k = 0; k < test::kCorners.size(); k += 3) {
        x.a.push_back(a);
        x.b.push_back(b);
        x.c.push_back(test::kCorners[(k + x.a.size()) % test::kCorners.size()]);
      }
    }
  }
  test::Patterns patterns(17);
  for (int i = 0; i < 100000 || x.a.size() % 16 != 0; ++i) {
    const bool moderate = i % 2 == 0;
    x.a.push_back(moderate ? patterns.moderate() : patterns.any());
    x.b.push_back(moderate ? patterns.moderate() : patterns.any());
    x.c.push_back(i % 4 == 0 ? patterns.near(x.a.back()) : patterns.any());
  }
  return x;
}

void expect_scalar_bits(test::RunLanes run) {
  const Operands x = make_operands();
  std::vector<std::vector<std::uint32_t>> got(test::kMicroOpNames.size(),
                                              std::vector<std::uint32_t>(x.a.size()));
  test::Results results{};
  for (std::size_t op = 0; op < got.size(); ++op) results[op] = got[op].data();
  run(x.a.data(), x.b.data(), x.c.data(), x.a.size(), results);
  for (std::size_t i = 0; i < x.a.size(); ++i) {
    const auto expected = test::all_micro_ops(Bits32{x.a[i]}, Bits32{x.b[i]}, Bits32{x.c[i]});
    for (std::size_t op = 0; op < expected.size(); ++op) {
      ASSERT_EQ(got[op][i], expected[op].bits) << test::kMicroOpNames[op] << std::hex << " of "
                                               << x.a[i] << ' ' << x.b[i] << ' ' << x.c[i];
    }
  }
}

void expect_function_bits(numsweep::Isa isa) {
  std::vector<std::uint32_t> x;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 65521) {
    x.push_back(static_cast<std::uint32_t>(bits));
  }
  x.insert(x.end(), test::kCorners.begin(), test::kCorners.end());
  std::vector<std::uint32_t> scalar(x.size());
  std::vector<std::uint32_t> vector(x.size());
  for (const numsweep::Function& function : numsweep::catalogue()) {
    numsweep::evaluate(numsweep::Isa::kPortable, function.id, x, scalar);
    numsweep::evaluate(isa, function.id, x, vector);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(vector[i], scalar[i]) << function.name << std::hex << " of " << x[i];
    }
  }
}

TEST(Simd, Avx512GivesScalarBits) {
  if (numsweep::pick_isa() != numsweep::Isa::kAvx512) {
    GTEST_SKIP() << "this processor has no AVX-512 F, CD and DQ";
  }
  expect_scalar_bits(test::run_lanes_avx512);
  expect_function_bits(numsweep::Isa::kAvx512);
}

TEST(Simd, Avx2GivesScalarBits) {
  if (numsweep::pick_isa() == numsweep::Isa::kPortable) {
    GTEST_SKIP() << "this processor has no AVX2 and FMA";
  }
  expect_scalar_bits(test::run_lanes_avx2);
  expect_function_bits(numsweep::Isa::kAvx2);
}

}  // namespace
}  // namespace tandem::numerics

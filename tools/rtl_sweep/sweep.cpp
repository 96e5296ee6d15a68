// SPDX-License-Identifier: Apache-2.0
// The sweep: blocks of vectors through the lanes and through the reference.
#include "sweep.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace tandem::rtl_sweep {

namespace {

/// Operands and results of a block stay in the first-level cache.
constexpr std::size_t kBlock = 1024;

}  // namespace

Result sweep(Lanes& lanes, const Operation& operation, VectorClass vector_class,
             std::uint64_t vectors, std::uint64_t seed) {
  const auto start = std::chrono::steady_clock::now();
  VectorSource source(vector_class, operation.operands, seed);
  const std::uint64_t total = std::min(vectors, population(vector_class, operation.operands));
  std::vector<std::uint32_t> a(kBlock), b(kBlock), c(kBlock), expected(kBlock), found(kBlock);
  Result result;
  while (result.vectors < total) {
    // A whole number of rows; what lies past the total is compared, too.
    source.fill(a, b, c);
    lanes.run(operation.setting, a, b, c, found);
    operation.reference(a, b, c, expected);
    if (!std::ranges::equal(expected, found)) {
      for (std::size_t i = 0; i < kBlock; ++i) {
        if (expected[i] == found[i]) continue;
        ++result.mismatches;
        if (!result.first) result.first = {{a[i], b[i], c[i]}, expected[i], found[i]};
      }
    }
    result.vectors += kBlock;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace tandem::rtl_sweep

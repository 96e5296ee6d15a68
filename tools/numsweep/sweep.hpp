// SPDX-License-Identifier: Apache-2.0
// Runs one function over a range of input patterns and measures its error.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>

#include "catalogue.hpp"

namespace tandem::numsweep {

/// The inputs first, first + stride, ..., below first + count (at most 2^32 in all).
struct Range {
  std::uint64_t first = 0;
  std::uint64_t count = std::uint64_t{1} << 32;
  std::uint64_t stride = 1;
};

/// What a sweep found. For conversions `special_errors` counts every wrong result and the ulp
/// fields stay 0.
struct Result {
  std::uint64_t inputs = 0;
  double worst_ulp = 0;  ///< Largest |y - r| / ulp(r).
  std::uint32_t worst_ulp_input = 0;
  double worst_of_bound = 0;  ///< Largest |y - r| / bound.
  std::uint32_t worst_of_bound_input = 0;
  std::uint64_t special_errors = 0;  ///< Wrong NaN, infinity, zero sign, or conversion result.
  std::uint32_t special_error_input = 0;
  std::uint64_t decided_exactly = 0;  ///< Inputs that went to the exact reference.

  bool passed() const { return special_errors == 0 && worst_of_bound <= 1; }
};

/// |y - r| in units of r's last place and as a share of the bound, decided with more precision
/// than double. x and y are patterns of finite numbers; y may also be an infinity, which then
/// counts as 2^128.
struct ExactError {
  double ulp;
  double of_bound;
};
using ExactReference = std::function<ExactError(const Function&, std::uint32_t x, std::uint32_t y)>;

/// Sweeps with `threads` threads. Double arithmetic screens; where an error is near the bound,
/// past it or near the worst so far, `exact` decides if it is given.
Result sweep(const Function& function, Range range, Isa isa, unsigned threads,
             const ExactReference& exact);

/// The exact reference by MPFR, or null in a build without MPFR.
ExactReference mpfr_reference();

/// The unit in the last place of fp32 at magnitude |r|: 2^-149 below 2^-126, 2^104 at the top.
inline double ulp_fp32(double r) {
  const auto field = static_cast<int>((std::bit_cast<std::uint64_t>(r) >> 52) & 0x7FF);
  const int exponent = std::clamp(field, 1023 - 126, 1023 + 127) - 23;
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent) << 52);
}

/// What |y - r| may be at input x.
inline double bound_of(const Function& function, double x, double r) {
  const double magnitude = x < 0 ? -x : x;
  const double extra = magnitude <= 20 ? function.relative_to_x * magnitude : 0;
  return function.ulp * ulp_fp32(r) + function.absolute + extra;
}

/// `error` as a share of `bound`; any error at all is past a bound of 0.
inline double share(double error, double bound) {
  return bound > 0 ? error / bound : (error == 0 ? 0 : 1e9);
}

}  // namespace tandem::numsweep

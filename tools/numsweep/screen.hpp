// SPDX-License-Identifier: Apache-2.0
// The first pass over a block of results: which inputs need a closer look.
#pragma once

#include <cstddef>
#include <cstdint>

#include "catalogue.hpp"

namespace tandem::numsweep {

/// Distance in ulp of fp32 (and in shares of the bound) from a decision within which double
/// arithmetic is not trusted. The double references are good to about 1e-15 relative, which is
/// 1e-8 ulp of fp32; gelu's erfc far out and the vector library are a few hundred times worse.
inline constexpr double kDoubt = 1e-5;

/// What an input must come near to be of interest.
struct Thresholds {
  double ulp;       ///< The worst error in ulp so far.
  double of_bound;  ///< The worst share of the bound so far, at most 1.
};

/// Writes to `suspects` the indices i < count whose y[i] may be a wrong special value or past a
/// threshold less kDoubt, and returns how many; there is room for `count`. May name too many, never
/// too few. (Plain pointers: a container's code compiled here for AVX-512 could replace the
/// program's one copy.)
using Screen = std::size_t (*)(const Function& function, const Thresholds& thresholds,
                               const std::uint32_t* x, const std::uint32_t* y, std::size_t count,
                               std::uint32_t* suspects);

/// Names every index; the closer look then does all the work.
std::size_t screen_none(const Function& function, const Thresholds& thresholds,
                        const std::uint32_t* x, const std::uint32_t* y, std::size_t count,
                        std::uint32_t* suspects);

/// Eight inputs at a time with glibc's vector mathematics library (x86-64 with AVX-512).
std::size_t screen_avx512(const Function& function, const Thresholds& thresholds,
                          const std::uint32_t* x, const std::uint32_t* y, std::size_t count,
                          std::uint32_t* suspects);

}  // namespace tandem::numsweep

// SPDX-License-Identifier: Apache-2.0
// Compares lanes with their definition over streams of operands.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "lanes.hpp"
#include "operations.hpp"
#include "vectors.hpp"

namespace tandem::rtl_sweep {

/// The first vector on which lanes and reference differ.
struct Mismatch {
  std::array<std::uint32_t, 3> operands;
  std::uint32_t expected;
  std::uint32_t found;
};

struct Result {
  std::uint64_t vectors = 0;
  std::uint64_t mismatches = 0;
  std::optional<Mismatch> first;
  double seconds = 0;  ///< Of everything: operands, lanes, reference, comparison.
};

/// Runs `vectors` vectors of a class, or all that it has if that is fewer.
Result sweep(Lanes& lanes, const Operation& operation, VectorClass vector_class,
             std::uint64_t vectors, std::uint64_t seed);

}  // namespace tandem::rtl_sweep

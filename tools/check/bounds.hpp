// SPDX-License-Identifier: Apache-2.0
// Distance of whole matrices from a float64 reference, and the bounds on it.
#pragma once

#include <span>
#include <string>

#include "host_array.hpp"
#include "json_value.hpp"
#include "tandem/debug/error_figures.hpp"

namespace tandem::check {

/// Row-major matrix of results.
struct Matrix {
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::vector<float> values;
};

/// Over all elements; see docs/reference/reference_data.md.
struct Distance {
  debug::ErrorFigures figures;
  std::string worst;  ///< The element furthest off, with both values.
};

/// Rows [first_row, first_row + got.rows) of the reference. Throws kMismatch where it has no such
/// rows.
Distance distance(const Matrix& got, const HostArray& want, std::size_t first_row = 0);

/// Empty if every figure keeps its bound, else the figures that do not with bound and worst
/// element.
std::string exceeded(const Distance& distance, const JsonValue& bounds);

/// "max_abs 0.012 (bound 0.069), cosine ..." for passes.
std::string describe(const Distance& distance, const JsonValue& bounds);

}  // namespace tandem::check

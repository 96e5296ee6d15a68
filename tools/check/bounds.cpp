// SPDX-License-Identifier: Apache-2.0
#include "bounds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <utility>

#include "tandem/base/error.hpp"

namespace tandem::check {

Distance distance(const Matrix& got, const HostArray& want, std::size_t first_row) {
  const bool same_rows = !want.shape.empty() && want.shape.back() == got.cols;
  if (!same_rows || want.numel() / got.cols < first_row + got.rows) {
    throw Error(
        ErrorCode::kMismatch,
        fmt::format("the reference is [{}], the model gives rows {} to {} of {} elements",
                    fmt::join(want.shape, ", "), first_row, first_row + got.rows - 1, got.cols));
  }
  debug::ErrorSums sums;
  double furthest = 0;
  std::string worst;
  for (std::size_t r = 0; r < got.rows; ++r) {
    for (std::size_t c = 0; c < got.cols; ++c) {
      const double g = got.values[r * got.cols + c];
      const double w = want.value((first_row + r) * got.cols + c);
      const double d = std::abs(g - w);
      if (d > furthest || (!std::isfinite(d) && worst.empty())) {
        furthest = d;
        worst = fmt::format("[{}, {}]: got {:.9g}, expected {:.9g}", first_row + r, c, g, w);
      }
      sums.add(g, w);
    }
    sums.end_row();
  }
  return {sums.figures(), std::move(worst)};
}

std::string exceeded(const Distance& d, const JsonValue& bounds) {
  if (!d.figures.finite) return "not finite at " + d.worst;
  std::string out =
      debug::exceeded(d.figures, {.max_abs = bounds.at("max_abs").get<double>(),
                                  .rel_rms = bounds.at("rel_rms").get<double>(),
                                  .row_rel_rms = bounds.at("row_rel_rms").get<double>(),
                                  .cosine = bounds.at("cosine").get<double>()});
  if (!out.empty()) out += "; worst element " + d.worst;
  return out;
}

std::string describe(const Distance& d, const JsonValue& bounds) {
  return fmt::format("max_abs {:.3g} (bound {:.3g}), rel_rms {:.3g} (bound {:.3g})",
                     d.figures.max_abs, bounds.at("max_abs").get<double>(), d.figures.rel_rms,
                     bounds.at("rel_rms").get<double>());
}

}  // namespace tandem::check

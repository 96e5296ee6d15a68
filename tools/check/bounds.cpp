// SPDX-License-Identifier: Apache-2.0
#include "bounds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

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
  Distance result;
  double diff_squares = 0;
  double want_squares = 0;
  double got_squares = 0;
  double product = 0;
  for (std::size_t r = 0; r < got.rows; ++r) {
    double row_diff = 0;
    double row_want = 0;
    for (std::size_t c = 0; c < got.cols; ++c) {
      const double g = got.values[r * got.cols + c];
      const double w = want.value((first_row + r) * got.cols + c);
      const double d = g - w;
      if (!std::isfinite(d)) result.finite = false;
      if (std::abs(d) > result.max_abs || (!std::isfinite(d) && result.worst.empty())) {
        result.max_abs = std::abs(d);
        result.worst = fmt::format("[{}, {}]: got {:.9g}, expected {:.9g}", first_row + r, c, g, w);
      }
      row_diff += d * d;
      row_want += w * w;
      got_squares += g * g;
      product += g * w;
    }
    diff_squares += row_diff;
    want_squares += row_want;
    if (row_diff > 0) {
      result.row_rel_rms = std::max(result.row_rel_rms, std::sqrt(row_diff / row_want));
    }
  }
  if (diff_squares > 0) {
    result.rel_rms = std::sqrt(diff_squares / want_squares);
    result.cosine = product / std::sqrt(got_squares * want_squares);
  }
  return result;
}

std::string exceeded(const Distance& d, const JsonValue& bounds) {
  if (!d.finite) return "not finite at " + d.worst;
  std::string out;
  const auto demand = [&](const char* name, double value, bool inside) {
    if (inside) return;
    out += fmt::format("{}{} {:.6g}, bound {:.6g}", out.empty() ? "" : "; ", name, value,
                       bounds.at(name).get<double>());
  };
  demand("max_abs", d.max_abs, d.max_abs <= bounds.at("max_abs").get<double>());
  demand("rel_rms", d.rel_rms, d.rel_rms <= bounds.at("rel_rms").get<double>());
  demand("row_rel_rms", d.row_rel_rms, d.row_rel_rms <= bounds.at("row_rel_rms").get<double>());
  demand("cosine", d.cosine, d.cosine >= bounds.at("cosine").get<double>());
  if (!out.empty()) out += "; worst element " + d.worst;
  return out;
}

std::string describe(const Distance& d, const JsonValue& bounds) {
  return fmt::format("max_abs {:.3g} (bound {:.3g}), rel_rms {:.3g} (bound {:.3g})", d.max_abs,
                     bounds.at("max_abs").get<double>(), d.rel_rms,
                     bounds.at("rel_rms").get<double>());
}

}  // namespace tandem::check

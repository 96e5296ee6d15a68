// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/error_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tandem::debug {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double relative(double squares_diff, double squares_want) {
  if (squares_diff == 0) return 0;
  return squares_want == 0 ? kInfinity : std::sqrt(squares_diff / squares_want);
}

}  // namespace

std::string exceeded(const ErrorFigures& figures, const ErrorBound& bound) {
  if (!figures.finite) return "not finite";
  std::string text;
  const auto demand = [&](const char* name, double value, double limit, bool inside) {
    if (inside) return;
    text += fmt::format("{}{} {:.6g}, bound {:.6g}", text.empty() ? "" : "; ", name, value, limit);
  };
  demand("max_abs", figures.max_abs, bound.max_abs, figures.max_abs <= bound.max_abs);
  demand("rel_rms", figures.rel_rms, bound.rel_rms, figures.rel_rms <= bound.rel_rms);
  demand("row_rel_rms", figures.row_rel_rms, bound.row_rel_rms,
         figures.row_rel_rms <= bound.row_rel_rms);
  demand("cosine", figures.cosine, bound.cosine, figures.cosine >= bound.cosine);
  return text;
}

void ErrorSums::add(double got, double want) {
  if (!std::isfinite(got) || !std::isfinite(want)) {
    if (!(got == want || (std::isnan(got) && std::isnan(want)))) finite_ = false;
    return;
  }
  const double difference = got - want;
  max_abs_ = std::max(max_abs_, std::abs(difference));
  row_diff_ += difference * difference;
  row_want_ += want * want;
  squares_got_ += got * got;
  product_ += got * want;
}

void ErrorSums::end_row() {
  row_rel_rms_ = std::max(row_rel_rms_, relative(row_diff_, row_want_));
  squares_diff_ += row_diff_;
  squares_want_ += row_want_;
  row_diff_ = row_want_ = 0;
}

void ErrorSums::add(const ErrorSums& other) {
  max_abs_ = std::max(max_abs_, other.max_abs_);
  row_rel_rms_ = std::max(row_rel_rms_, other.row_rel_rms_);
  squares_diff_ += other.squares_diff_;
  squares_want_ += other.squares_want_;
  squares_got_ += other.squares_got_;
  product_ += other.product_;
  finite_ = finite_ && other.finite_;
}

ErrorFigures ErrorSums::figures() const {
  ErrorFigures figures{.max_abs = max_abs_,
                       .rel_rms = relative(squares_diff_, squares_want_),
                       .row_rel_rms = row_rel_rms_,
                       .finite = finite_};
  if (!finite_) figures.rel_rms = figures.row_rel_rms = kInfinity;
  if (squares_diff_ > 0) {
    const double norms = std::sqrt(squares_got_ * squares_want_);
    figures.cosine = norms == 0 ? 0 : product_ / norms;
  }
  return figures;
}

}  // namespace tandem::debug

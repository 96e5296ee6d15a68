// SPDX-License-Identifier: Apache-2.0
// How far results are from others, in four figures, and bounds on them. Comparisons of devices and
// of reference data (docs/reference/reference_data.md) count with the same code.
#pragma once

#include <limits>
#include <string>

namespace tandem::debug {

/// Over all elements of a result.
struct ErrorFigures {
  double max_abs = 0;      ///< Largest difference.
  double rel_rms = 0;      ///< RMS of the difference over RMS of the reference.
  double row_rel_rms = 0;  ///< The same for the worst row.
  double cosine = 1;
  bool finite = true;  ///< No element is NaN or infinite on one side only.
};

/// The largest figures allowed; of the cosine the smallest. By default everything is.
struct ErrorBound {
  double max_abs = std::numeric_limits<double>::infinity();
  double rel_rms = std::numeric_limits<double>::infinity();
  double row_rel_rms = std::numeric_limits<double>::infinity();
  double cosine = -1;
};

/// "rel_rms 0.1, bound 0.01; cosine 0.9, bound 0.99": figures beyond their bounds; empty if none
/// is.
std::string exceeded(const ErrorFigures& figures, const ErrorBound& bound);

/// Collects elements row by row.
class ErrorSums {
 public:
  /// Equal infinities, and NaN on both sides, are no distance.
  void add(double got, double want);
  void end_row();
  /// Adds the rows of another result.
  void add(const ErrorSums& other);
  /// Of the rows that have ended.
  ErrorFigures figures() const;

 private:
  double max_abs_ = 0;
  double row_rel_rms_ = 0;
  double squares_diff_ = 0;
  double squares_want_ = 0;
  double squares_got_ = 0;
  double product_ = 0;
  double row_diff_ = 0;  // Of the row that has not ended.
  double row_want_ = 0;
  bool finite_ = true;
};

}  // namespace tandem::debug

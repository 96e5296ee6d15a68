// SPDX-License-Identifier: Apache-2.0
// Results of checking a device against reference data.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tandem::check {

enum class Status {
  kPass,
  kFail,
  kUnsupported,  ///< The case could not be run here; never counted as a pass.
};

/// "pass", "fail", "unsupported".
const char* to_string(Status status);

/// What became of one case.
struct CaseResult {
  std::string suite;  ///< "ops", "llama-tiny", "tokenizer" ...
  std::string name;
  Status status = Status::kPass;
  /// Failure: the worst element with both values, or what went wrong. Unsupported: the reason.
  /// Pass: the measured error.
  std::string detail;
  double seconds = 0;
};

/// All results of one run.
class Report {
 public:
  /// `on_case` sees each result as it is added, for progress.
  explicit Report(std::function<void(const CaseResult&)> on_case = {})
      : on_case_(std::move(on_case)) {}

  void add(CaseResult result);
  const std::vector<CaseResult>& cases() const { return cases_; }
  std::uint64_t count(Status status) const;

  /// JUnit XML, one testsuite per suite.
  std::string junit() const;

 private:
  std::function<void(const CaseResult&)> on_case_;
  std::vector<CaseResult> cases_;
};

}  // namespace tandem::check

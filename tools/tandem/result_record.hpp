// SPDX-License-Identifier: Apache-2.0
// Records of runs: checksums of packets and results of ops, without memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "run_options.hpp"
#include "run_session.hpp"
#include "tandem/debug/record.hpp"

namespace tandem::cli {

/// Writes docs/reference/record_format.md while a generator runs on one sequence. Takes the
/// completion hook of the queue for as long as it lives.
class ResultRecord {
 public:
  ResultRecord(const RunOptions& options, RunSession& session,
               const std::vector<models::TokenId>& prompt);
  ~ResultRecord();
  ResultRecord(const ResultRecord&) = delete;
  ResultRecord& operator=(const ResultRecord&) = delete;

  /// Adds to the hooks of the run.
  void attach(models::GenerateHooks& hooks);
  /// Waits for the device and puts the record in place.
  void finish();

 private:
  void begin_step_if_new();
  void add_value(std::optional<std::uint32_t> layer, std::string_view op, std::string_view port,
                 const ops::Tensor& value);

  RunSession& session_;
  debug::RecordContents contents_;
  debug::RecordWriter writer_;
  std::vector<models::TokenId> next_ids_;  // Of the step that has not begun.
  std::uint32_t position_ = 0;
  std::uint32_t steps_ = 0;
};

}  // namespace tandem::cli

// SPDX-License-Identifier: Apache-2.0
// A line on the terminal that shows how far a simulated device is.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "pass_progress.hpp"
#include "run_options.hpp"
#include "run_session.hpp"

namespace tandem::cli {

/// Shows a PassProgress below the text of a run, at most twice a second. It does nothing on devices
/// without simulated time, with --quiet, with --trace (whose lines would run into it), and where
/// stderr is no terminal. It takes the completion hook of the queue for as long as it lives.
class RunProgress {
 public:
  RunProgress(const RunOptions& options, RunSession& session);
  ~RunProgress();
  RunProgress(const RunProgress&) = delete;
  RunProgress& operator=(const RunProgress&) = delete;

  /// A prompt goes to the model next.
  void begin_prompt();
  /// A token is about to be printed. Removes the line.
  void token();

 private:
  double seconds() const;
  void complete(std::string_view op, std::uint64_t end_cycle);
  void begin(std::string name, bool like_last);
  void draw();
  void clear();

  RunSession& session_;
  std::optional<PassProgress> pass_;  // Empty: nothing is shown.
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double drawn_seconds_ = -1;  // The first packet is shown at once.
  bool visible_ = false;
  unsigned passes_ = 0;  // Of this prompt.
};

}  // namespace tandem::cli

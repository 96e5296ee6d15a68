// SPDX-License-Identifier: Apache-2.0
// Findings of check mode: one line for each cause, and never more than fit on a screen or two.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>

namespace tandem::cmodel {

/// Thread-safety: none.
class Findings {
 public:
  static constexpr std::size_t kMaxLines = 1000;

  /// Keeps and logs `line` unless one with the same `cause` is there already.
  void add(const std::string& cause, const std::string& line);
  /// An operand had more runs than are looked at.
  void add_skipped() { ++skipped_; }

  /// All lines since the last call, and how many more there were; empty if there are none.
  std::string take();

 private:
  std::string lines_;
  std::unordered_set<std::string> causes_;
  std::uint64_t suppressed_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace tandem::cmodel

// SPDX-License-Identifier: Apache-2.0
// Which packets belong to which op.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::runtime {

/// A stack of op names, and the ranges of sequence numbers that were submitted under each state of
/// it. Costs nothing per packet beyond one comparison.
class OpNames {
 public:
  void begin(std::string_view name);
  void end();

  /// Names joined by '/'; empty outside every op.
  const std::string& current() const;
  /// True if the current name differs from the one at the last `note`.
  bool changed() const { return changed_; }
  void renew() { changed_ = true; }
  /// Packets from `seq` on belong to the current op; packets up to `completed` need no name any
  /// more.
  void note(std::uint64_t seq, std::uint64_t completed);
  /// Name for a packet that has not completed; empty if it has none.
  std::string_view find(std::uint64_t seq) const;

 private:
  struct Range {
    std::uint64_t first_seq;
    std::shared_ptr<const std::string> name;
  };

  std::vector<std::shared_ptr<const std::string>> stack_;
  std::deque<Range> ranges_;
  bool changed_ = false;
};

}  // namespace tandem::runtime

// SPDX-License-Identifier: Apache-2.0
// Figures of layers and ops while a comparison runs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/debug/diff.hpp"

namespace tandem::debug {

/// What stands before the first '/'; "(none)" for no op.
std::string_view layer_of(std::string_view op);

/// Groups in the order in which they appear.
class DiffGroups {
 public:
  DiffGroup& at(std::string_view name);
  /// With their classes.
  std::vector<DiffGroup> take(bool ran_isolated);

 private:
  std::vector<DiffGroup> groups_;
  std::map<std::string, std::size_t, std::less<>> numbers_;
};

DiffClass classify(const DiffGroup& group, bool ran_isolated);

/// Counts a packet with a result; `difference` is null where it is equal.
void add_packet(PassFigures& pass, const DifferingPacket* difference);

}  // namespace tandem::debug

// SPDX-License-Identifier: Apache-2.0
#include "diff_groups.hpp"

#include <utility>

namespace tandem::debug {

std::string_view to_string(DiffClass kind) {
  switch (kind) {
    case DiffClass::kEqual:
      return "equal";
    case DiffClass::kWrongAlone:
      return "wrong alone";
    case DiffClass::kWrongInContext:
      return "fine alone, wrong in context";
    case DiffClass::kRoundingGrowth:
      return "rounding growth";
    case DiffClass::kWrongInFlight:
      return "wrong with others in flight";
    case DiffClass::kDiffers:
      return "differs";
  }
  return "";
}

std::string_view layer_of(std::string_view op) {
  return op.empty() ? "(none)" : op.substr(0, op.find('/'));
}

DiffGroup& DiffGroups::at(std::string_view name) {
  const auto known = numbers_.find(name);
  if (known != numbers_.end()) return groups_[known->second];
  numbers_.emplace(name, groups_.size());
  groups_.emplace_back();
  groups_.back().name = name;
  return groups_.back();
}

std::vector<DiffGroup> DiffGroups::take(bool ran_isolated) {
  for (DiffGroup& group : groups_) group.kind = classify(group, ran_isolated);
  return std::move(groups_);
}

DiffClass classify(const DiffGroup& group, bool ran_isolated) {
  if (group.isolated.outside != 0) return DiffClass::kWrongAlone;
  if (group.accumulated.differing == 0 && group.isolated.differing == 0) return DiffClass::kEqual;
  if (!ran_isolated) return DiffClass::kDiffers;
  if (group.accumulated.outside != 0) return DiffClass::kWrongInContext;
  return DiffClass::kRoundingGrowth;
}

void add_packet(PassFigures& pass, const DifferingPacket* difference) {
  ++pass.compared;
  if (difference == nullptr) return;
  if (difference->failed) --pass.compared;
  ++pass.differing;
  pass.failed += difference->failed ? 1 : 0;
  const bool better = !pass.first || (difference->outside && !pass.first->outside);
  if (better) pass.first = *difference;
  pass.outside += difference->outside ? 1 : 0;
  if (!difference->failed) pass.total.add(difference->difference);
}

}  // namespace tandem::debug

// SPDX-License-Identifier: Apache-2.0
#include "op_names.hpp"

#include <algorithm>

#include "tandem/base/error.hpp"

namespace tandem::runtime {
namespace {

const std::shared_ptr<const std::string>& no_name() {
  static const auto name = std::make_shared<const std::string>();
  return name;
}

}  // namespace

void OpNames::begin(std::string_view name) {
  auto joined = std::make_shared<std::string>();
  if (!stack_.empty()) {
    joined->reserve(stack_.back()->size() + 1 + name.size());
    *joined = *stack_.back();
    *joined += '/';
  }
  *joined += name;
  stack_.push_back(std::move(joined));
  changed_ = true;
}

void OpNames::end() {
  // OpScope ends ops in destructors, where a mistake of the caller must not throw.
  if (!stack_.empty()) {
    stack_.pop_back();
    changed_ = true;
  }
}

const std::string& OpNames::current() const { return stack_.empty() ? *no_name() : *stack_.back(); }

void OpNames::note(std::uint64_t seq, std::uint64_t completed) {
  while (ranges_.size() > 1 && ranges_[1].first_seq <= completed + 1) {
    ranges_.pop_front();
  }
  ranges_.push_back({seq, stack_.empty() ? no_name() : stack_.back()});
  changed_ = false;
}

std::string_view OpNames::find(std::uint64_t seq) const {
  const auto it = std::upper_bound(ranges_.begin(), ranges_.end(), seq,
                                   [](std::uint64_t s, const Range& r) { return s < r.first_seq; });
  return it == ranges_.begin() ? std::string_view() : std::string_view(*std::prev(it)->name);
}

}  // namespace tandem::runtime

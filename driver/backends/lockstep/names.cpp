// SPDX-License-Identifier: Apache-2.0
#include "names.hpp"

#include <fmt/format.h>

#include <iterator>

namespace tandem::lockstep {

using Kind = driver::Annotation::Kind;

void Names::note(const driver::Annotation& note) {
  switch (note.kind) {
    case Kind::kAllocate:
      allocations_[note.addr.value] = {note.num_bytes, note.name};
      break;
    case Kind::kFree:
      allocations_.erase(note.addr.value);
      tensors_.erase(tensors_.lower_bound(note.addr.value),
                     tensors_.lower_bound(note.addr.value + note.num_bytes));
      break;
    case Kind::kTensor:
      tensors_[note.addr.value] = {note.num_bytes, note.name};
      break;
    case Kind::kPacket:
      ops_[note.first_seq] = {note.last_seq, note.name};
      break;
  }
}

std::string Names::op(std::uint64_t seq) const {
  const auto next = ops_.upper_bound(seq);
  if (next == ops_.begin()) return {};
  const Op& found = std::prev(next)->second;
  return seq <= found.last_seq ? found.name : std::string();
}

const Names::Ranges::value_type* Names::find(const Ranges& ranges, std::uint64_t addr) {
  const auto next = ranges.upper_bound(addr);
  if (next == ranges.begin()) return nullptr;
  const Ranges::value_type& found = *std::prev(next);
  return addr - found.first < found.second.num_bytes ? &found : nullptr;
}

std::string Names::place(std::uint64_t addr) const {
  if (const auto* hit = find(tensors_, addr)) {
    return fmt::format("tensor '{}' + {:#x}", hit->second.name, addr - hit->first);
  }
  if (const auto* hit = find(allocations_, addr)) {
    return fmt::format("allocation '{}' + {:#x}", hit->second.name, addr - hit->first);
  }
  return {};
}

void Names::forget_before(std::uint64_t seq) {
  const auto next = ops_.upper_bound(seq);
  if (next != ops_.begin()) ops_.erase(ops_.begin(), std::prev(next));
}

}  // namespace tandem::lockstep

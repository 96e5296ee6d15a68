// SPDX-License-Identifier: Apache-2.0
#include "places.hpp"

#include <fmt/format.h>

#include <iterator>

namespace tandem::debug {

using Kind = runtime::TraceRecord::Kind;

void Places::take(const runtime::TraceRecord& record) {
  const std::uint64_t addr = record.addr.value;
  if (record.kind == Kind::kAllocate) {
    allocations_[addr] = {record.num_bytes, record.text};
  } else if (record.kind == Kind::kTensor) {
    tensors_[addr] = {record.num_bytes, record.text};
  } else if (record.kind == Kind::kFree) {
    const auto found = allocations_.find(addr);
    if (found == allocations_.end()) return;
    tensors_.erase(tensors_.lower_bound(addr),
                   tensors_.lower_bound(addr + found->second.num_bytes));
    allocations_.erase(found);
  }
}

std::string Places::text(const Ranges& ranges, const char* kind, std::uint64_t addr) {
  const auto next = ranges.upper_bound(addr);
  if (next == ranges.begin()) return {};
  const auto& [base, range] = *std::prev(next);
  if (addr - base >= range.num_bytes) return {};
  return fmt::format("{} '{}' + {:#x}", kind, range.name, addr - base);
}

std::string Places::at(std::uint64_t addr) const {
  const std::string tensor = text(tensors_, "tensor", addr);
  return tensor.empty() ? text(allocations_, "allocation", addr) : tensor;
}

}  // namespace tandem::debug

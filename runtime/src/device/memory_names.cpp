// SPDX-License-Identifier: Apache-2.0
#include "memory_names.hpp"

#include <fmt/format.h>

#include <iterator>

namespace tandem::runtime {

void TensorNames::set(PhysAddr addr, std::uint64_t num_bytes, std::string_view name) {
  if (tensors_.size() < kMaxNames || tensors_.contains(addr.value)) {
    tensors_[addr.value] = {num_bytes, std::string(name)};
  }
}

void TensorNames::forget(PhysAddr addr, std::uint64_t num_bytes) {
  tensors_.erase(tensors_.lower_bound(addr.value), tensors_.lower_bound(addr.value + num_bytes));
}

std::map<std::uint64_t, TensorNames::Tensor>::const_iterator TensorNames::find(
    PhysAddr addr) const {
  auto it = tensors_.upper_bound(addr.value);
  if (it == tensors_.begin()) {
    return tensors_.end();
  }
  --it;
  return addr.value - it->first < it->second.num_bytes ? it : tensors_.end();
}

std::string describe_address(PhysAddr addr, std::span<const std::shared_ptr<Allocator>> allocators,
                             const TensorNames& tensors) {
  const Allocator* below = nullptr;
  for (const auto& allocator : allocators) {
    if (allocator->base() > addr) {
      continue;
    }
    if (below == nullptr || allocator->base() > below->base()) {
      below = allocator.get();
    }
  }
  if (below == nullptr) {
    return fmt::format("{:#x} lies below every region", addr.value);
  }
  const std::uint64_t offset = addr - below->base();
  if (const Allocator::Allocation* hit = below->find(addr)) {
    std::string text =
        fmt::format("{:#x} is byte {} of allocation '{}' ({} bytes, region '{}')", addr.value,
                    addr - hit->addr, hit->label, hit->num_bytes, below->region());
    if (const auto tensor = tensors.find(addr); tensor != tensors.all().end()) {
      text +=
          fmt::format(", byte {} of tensor '{}'", addr.value - tensor->first, tensor->second.name);
    }
    return text;
  }
  const Allocator::Allocation* before = below->find_before(addr);
  const std::string where = offset < below->size()
                                ? fmt::format("in region '{}'", below->region())
                                : fmt::format("{} bytes past the end of region '{}'",
                                              offset - below->size(), below->region());
  if (before == nullptr) {
    return fmt::format("{:#x} lies {}, in no live allocation", addr.value, where);
  }
  return fmt::format("{:#x} lies {}, {} bytes behind the end of allocation '{}'", addr.value, where,
                     addr - before->addr - before->num_bytes, before->label);
}

}  // namespace tandem::runtime

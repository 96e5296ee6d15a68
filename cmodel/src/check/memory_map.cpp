// SPDX-License-Identifier: Apache-2.0
#include "memory_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tandem::cmodel {
namespace {

// Far more ops than packets fit into a ring, so that packets in flight always find theirs.
constexpr std::size_t kMaxOps = std::size_t{1} << 17;
constexpr std::size_t kMaxTensors = std::size_t{1} << 20;

std::string offset_text(std::uint64_t offset) {
  return offset == 0 ? std::string() : fmt::format(" + {:#x}", offset);
}

}  // namespace

MemoryMap::MemoryMap(const driver::DeviceConfig& config) {
  for (const driver::RegionConfig& region : config.regions) {
    regions_.push_back({region.base.value, region.size, false});
  }
}

void MemoryMap::allocate(std::uint64_t addr, std::uint64_t num_bytes, std::string_view name) {
  for (RegionUse& region : regions_) {
    if (addr - region.base < region.size) region.announced = true;
  }
  forget_tensors(addr, num_bytes);
  live_[addr] = {num_bytes, std::string(name)};
}

void MemoryMap::free(std::uint64_t addr) {
  const auto it = live_.find(addr);
  if (it == live_.end()) return;
  forget_tensors(addr, it->second.num_bytes);
  live_.erase(it);
}

void MemoryMap::forget_tensors(std::uint64_t addr, std::uint64_t num_bytes) {
  tensors_.erase(tensors_.lower_bound(addr), tensors_.lower_bound(addr + num_bytes));
}

void MemoryMap::name_tensor(std::uint64_t addr, std::uint64_t num_bytes, std::string_view name) {
  if (tensors_.size() < kMaxTensors || tensors_.contains(addr)) {
    tensors_[addr] = {num_bytes, std::string(name)};
  }
}

void MemoryMap::name_packets(std::uint64_t first_seq, std::uint64_t last_seq,
                             std::string_view name) {
  ops_[first_seq] = {last_seq, std::string(name)};
  if (ops_.size() > kMaxOps) ops_.erase(ops_.begin());
}

std::string_view MemoryMap::op(std::uint64_t seq) const {
  auto it = ops_.upper_bound(seq);
  if (it == ops_.begin()) return {};
  --it;
  return seq <= it->second.last_seq ? std::string_view(it->second.name) : std::string_view();
}

const MemoryMap::Ranges::value_type* MemoryMap::find(const Ranges& ranges, std::uint64_t addr) {
  auto it = ranges.upper_bound(addr);
  if (it == ranges.begin()) return nullptr;
  --it;
  return addr - it->first < it->second.num_bytes ? &*it : nullptr;
}

std::uint64_t MemoryMap::first_dead(std::uint64_t addr, std::uint64_t num_bytes) const {
  const std::uint64_t end = addr + num_bytes;
  while (addr < end) {
    if (const auto* hit = find(live_, addr)) {
      addr = hit->first + hit->second.num_bytes;
      continue;
    }
    const auto region = std::find_if(regions_.begin(), regions_.end(),
                                     [&](const RegionUse& r) { return addr - r.base < r.size; });
    if (region == regions_.end() || region->announced) return addr;
    addr = region->base + region->size;
  }
  return end;
}

std::string MemoryMap::describe(std::uint64_t addr) const {
  const auto* allocation = find(live_, addr);
  const auto* tensor = find(tensors_, addr);
  if (allocation == nullptr) return describe_dead(addr);
  std::string text = " (";
  if (tensor != nullptr) {
    text += fmt::format("tensor '{}'{}, ", tensor->second.name, offset_text(addr - tensor->first));
  }
  return text + fmt::format("allocation '{}'{})", allocation->second.name,
                            offset_text(addr - allocation->first));
}

std::string MemoryMap::describe_dead(std::uint64_t addr) const {
  if (live_.empty()) return {};
  const auto above = live_.upper_bound(addr);
  const auto text = [](const Ranges::value_type& a, std::uint64_t bytes, const char* side) {
    return fmt::format(" ({} bytes {} allocation '{}' [{:#x}, {:#x}))", bytes, side, a.second.name,
                       a.first, a.first + a.second.num_bytes);
  };
  const Ranges::value_type* below = above == live_.begin() ? nullptr : &*std::prev(above);
  const std::uint64_t past = below == nullptr ? 0 : addr - below->first - below->second.num_bytes;
  if (below == nullptr || (above != live_.end() && above->first - addr < past)) {
    return text(*above, above->first - addr, "before");
  }
  return text(*below, past, "past");
}

}  // namespace tandem::cmodel

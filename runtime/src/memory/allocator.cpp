// SPDX-License-Identifier: Apache-2.0
#include "tandem/runtime/allocator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "tandem/base/error.hpp"

namespace tandem::runtime {
namespace {

constexpr std::size_t kMaxListed = 10;  // Allocations that an out-of-memory message lists.
constexpr int kMaxMisfits = 32;  // Holes large enough but misaligned that best-fit tries first.

std::uint64_t round_up(std::uint64_t value, std::uint64_t align) {
  return (value + align - 1) & ~(align - 1);
}

/// "1.50 MiB".
std::string readable(std::uint64_t bytes) {
  static constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.2f} {}", value, kUnits[unit]);
}

}  // namespace

Allocator::Allocator(std::string region, PhysAddr base, std::uint64_t size)
    : region_(std::move(region)), base_(base), size_(size) {
  TANDEM_CHECK(base && size != 0 && base.value % kGranuleBytes == 0 && size % kGranuleBytes == 0);
  add_hole(base.value, size);
}

Buffer Allocator::malloc(std::uint64_t num_bytes, std::string_view label, std::uint64_t align) {
  if (num_bytes == 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("malloc '{}' in region '{}': 0 bytes; expected 1 or more", label, region_));
  }
  if (!std::has_single_bit(align) || align < kGranuleBytes) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("malloc '{}' in region '{}': alignment {}; expected a power of two of {} "
                    "or more",
                    label, region_, align, kGranuleBytes));
  }
  if (num_bytes > size_ || align > size_) {
    fail(num_bytes, label, align);
  }
  const std::uint64_t bytes = round_up(num_bytes, kGranuleBytes);
  const auto hole = find_hole(bytes, align);
  if (hole == holes_.end()) {
    fail(num_bytes, label, align);
  }
  const auto [hole_base, hole_bytes] = *hole;
  const std::uint64_t addr = round_up(hole_base, align);
  const std::uint64_t hole_end = hole_base + hole_bytes;
  const std::uint64_t end = std::min(addr + bytes + kGuardBytes, hole_end);

  Block block{end - addr, {PhysAddr(addr), num_bytes, std::string(label)}};
  const auto it = live_.emplace(addr, std::move(block)).first;
  remove_hole(hole);
  if (addr != hole_base) {
    add_hole(hole_base, addr - hole_base);
  }
  if (end != hole_end) {
    add_hole(end, hole_end - end);
  }
  used_ += end - addr;
  Buffer buffer(shared_from_this(), PhysAddr(addr), num_bytes);
  if (observer_.allocated) {
    observer_.allocated(it->second.allocation);
  }
  return buffer;
}

/// A hole that ends before the end of the region is followed by a live allocation, so a new one
/// needs its guard inside the hole; the last hole of the region may be filled to the end.
std::map<std::uint64_t, std::uint64_t>::iterator Allocator::find_hole(std::uint64_t bytes,
                                                                      std::uint64_t align) {
  const std::uint64_t region_end = base_.value + size_;
  const auto fits = [&](std::uint64_t hole_base, std::uint64_t hole_bytes) {
    const std::uint64_t addr = round_up(hole_base, align);
    const std::uint64_t hole_end = hole_base + hole_bytes;
    return addr + bytes + (hole_end == region_end ? 0 : kGuardBytes) <= hole_end;
  };
  auto it = holes_by_size_.lower_bound({bytes, 0});
  for (int tries = 0; it != holes_by_size_.end() && tries < kMaxMisfits; ++it, ++tries) {
    if (fits(it->second, it->first)) {
      return holes_.find(it->second);
    }
  }
  // Any hole of this size fits, so the search ends here unless memory is nearly full.
  const auto roomy = holes_by_size_.lower_bound({bytes + kGuardBytes + align - kGranuleBytes, 0});
  if (roomy != holes_by_size_.end()) {
    return holes_.find(roomy->second);
  }
  for (; it != holes_by_size_.end(); ++it) {
    if (fits(it->second, it->first)) {
      return holes_.find(it->second);
    }
  }
  return holes_.end();
}

void Allocator::free(PhysAddr addr) {
  const auto it = live_.find(addr.value);
  TANDEM_CHECK(it != live_.end());
  if (observer_.freed) {
    observer_.freed(it->second.allocation);
  }
  std::uint64_t base = addr.value;
  std::uint64_t bytes = it->second.reserved;
  used_ -= bytes;
  live_.erase(it);
  auto next = holes_.lower_bound(base);
  if (next != holes_.end() && next->first == base + bytes) {
    bytes += next->second;
    const auto merged = next++;
    remove_hole(merged);
  }
  if (next != holes_.begin()) {
    const auto previous = std::prev(next);
    if (previous->first + previous->second == base) {
      base = previous->first;
      bytes += previous->second;
      remove_hole(previous);
    }
  }
  add_hole(base, bytes);
}

void Allocator::add_hole(std::uint64_t base, std::uint64_t bytes) {
  holes_.emplace(base, bytes);
  holes_by_size_.emplace(bytes, base);
}

void Allocator::remove_hole(std::map<std::uint64_t, std::uint64_t>::iterator hole) {
  holes_by_size_.erase({hole->second, hole->first});
  holes_.erase(hole);
}

std::uint64_t Allocator::largest_hole_bytes() const {
  std::uint64_t largest = 0;
  if (!holes_by_size_.empty()) {
    const auto& [bytes, base] = *holes_by_size_.rbegin();
    largest = base + bytes == base_.value + size_ ? bytes : bytes - std::min(bytes, kGuardBytes);
  }
  // The hole at the end of the region needs no guard and may hold more than a slightly larger one.
  if (!holes_.empty()) {
    const auto& [base, bytes] = *holes_.rbegin();
    if (base + bytes == base_.value + size_) {
      largest = std::max(largest, bytes);
    }
  }
  return largest;
}

std::vector<Allocator::Allocation> Allocator::live() const {
  std::vector<Allocation> list;
  list.reserve(live_.size());
  for (const auto& [addr, block] : live_) {
    list.push_back(block.allocation);
  }
  return list;
}

const Allocator::Allocation* Allocator::find_before(PhysAddr addr) const {
  const auto it = live_.upper_bound(addr.value);
  return it == live_.begin() ? nullptr : &std::prev(it)->second.allocation;
}

const Allocator::Allocation* Allocator::find(PhysAddr addr) const {
  const Allocation* before = find_before(addr);
  return before != nullptr && addr - before->addr < before->num_bytes ? before : nullptr;
}

void Allocator::fail(std::uint64_t num_bytes, std::string_view label, std::uint64_t align) const {
  std::vector<Allocation> list = live();
  std::stable_sort(list.begin(), list.end(), [](const Allocation& a, const Allocation& b) {
    return a.num_bytes > b.num_bytes;
  });
  std::string text = fmt::format(
      "region '{}' has no room for '{}': {} bytes ({}) of alignment {}; the largest hole has {} "
      "bytes ({}), {} of {} are in use by {} allocations",
      region_, label, num_bytes, readable(num_bytes), align, largest_hole_bytes(),
      readable(largest_hole_bytes()), readable(used_), readable(size_), list.size());
  std::uint64_t rest = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i < kMaxListed) {
      text += fmt::format("\n    {:>12}  {:#x}  {}", readable(list[i].num_bytes),
                          list[i].addr.value, list[i].label);
    } else {
      rest += list[i].num_bytes;
    }
  }
  if (list.size() > kMaxListed) {
    text +=
        fmt::format("\n    {:>12}  in {} smaller ones", readable(rest), list.size() - kMaxListed);
  }
  text +=
      fmt::format("\n  Free some of these, or enlarge region '{}' in the configuration.", region_);
  throw Error(ErrorCode::kOutOfMemory, std::move(text));
}

Buffer::Buffer(std::shared_ptr<Allocator> allocator, PhysAddr addr, std::uint64_t num_bytes)
    : allocator_(std::move(allocator)), addr_(addr), num_bytes_(num_bytes) {}

Buffer::~Buffer() {
  if (allocator_ != nullptr) {
    allocator_->free(addr_);
  }
}

Buffer::Buffer(Buffer&& other) noexcept
    : allocator_(std::move(other.allocator_)),
      addr_(std::exchange(other.addr_, PhysAddr())),
      num_bytes_(std::exchange(other.num_bytes_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    Buffer old(std::move(*this));
    allocator_ = std::move(other.allocator_);
    addr_ = std::exchange(other.addr_, PhysAddr());
    num_bytes_ = std::exchange(other.num_bytes_, 0);
  }
  return *this;
}

}  // namespace tandem::runtime

// SPDX-License-Identifier: Apache-2.0
// Visits what device memory holds, for recordings and snapshots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "device_core.hpp"

namespace tandem::runtime {

inline constexpr std::uint64_t kPageBytes = 4096;

using PageVisitor = std::function<void(std::uint64_t addr, std::span<const std::byte> page)>;

/// Calls `visit` for every 4 KiB page that holds a non-zero byte, ascending, without the rings: all
/// memory of backends with simulated RAM, the pages of live allocations of others.
void for_each_page(DeviceCore& core, const PageVisitor& visit);

/// Sets memory outside the rings to zero, with the same coverage.
void clear_memory(DeviceCore& core);

/// Whether a byte of the page lies in the rings.
bool is_ring_page(const DeviceCore& core, std::uint64_t addr);

bool is_zero(std::span<const std::byte> bytes);

/// Joins pages that follow each other into runs of at most `max_bytes`.
class PageRuns {
 public:
  PageRuns(std::size_t max_bytes, PageVisitor visit)
      : max_bytes_(max_bytes), visit_(std::move(visit)) {}

  void add(std::uint64_t addr, std::span<const std::byte> page) {
    if (addr != addr_ + bytes_.size() || bytes_.size() + page.size() > max_bytes_) {
      flush();
      addr_ = addr;
    }
    bytes_.insert(bytes_.end(), page.begin(), page.end());
  }
  void flush() {
    if (!bytes_.empty()) {
      visit_(addr_, bytes_);
      bytes_.clear();
    }
  }

 private:
  std::size_t max_bytes_;
  PageVisitor visit_;
  std::uint64_t addr_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace tandem::runtime

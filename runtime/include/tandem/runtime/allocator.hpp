// SPDX-License-Identifier: Apache-2.0
// Physical addresses of one region of device memory: who has them, and who may get them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tandem/base/phys_addr.hpp"
#include "tandem/runtime/buffer.hpp"

namespace tandem::runtime {

/// Best-fit allocator with coalescing; every operation is logarithmic in the number of allocations
/// and holes. The address of an allocation depends only on the calls before it, so equal runs get
/// equal addresses.
///
/// Sizes are rounded up to kGranuleBytes. Behind every allocation lie kGuardBytes that belong to
/// nobody (except at the end of the region), so that check mode sees an access that runs over the
/// end.
///
/// Thread-safety: one thread at a time, its buffers included.
class Allocator : public std::enable_shared_from_this<Allocator> {
 public:
  static constexpr std::uint64_t kGranuleBytes = 64;
  static constexpr std::uint64_t kGuardBytes = 64;

  /// A live allocation.
  struct Allocation {
    PhysAddr addr;
    std::uint64_t num_bytes = 0;  ///< As asked for.
    std::string label;
  };

  /// Told after every allocation and before every release.
  struct Observer {
    std::function<void(const Allocation&)> allocated;
    std::function<void(const Allocation&)> freed;
  };

  /// `base` and `size`: multiples of kGranuleBytes, as every region of a configuration has them.
  Allocator(std::string region, PhysAddr base, std::uint64_t size);

  /// A new allocation; `num_bytes` at least 1, `align` a power of two from 64 on
  /// (kInvalidArgument). Throws kOutOfMemory with region, request, largest hole and the largest
  /// live allocations.
  Buffer malloc(std::uint64_t num_bytes, std::string_view label,
                std::uint64_t align = kGranuleBytes);

  /// Observer of all later events; empty functions end it.
  void set_observer(Observer observer) { observer_ = std::move(observer); }

  const std::string& region() const { return region_; }
  PhysAddr base() const { return base_; }
  std::uint64_t size() const { return size_; }
  /// Bytes of live allocations, guards included.
  std::uint64_t used_bytes() const { return used_; }
  /// The largest number of bytes that one allocation of alignment 64 could get.
  std::uint64_t largest_hole_bytes() const;
  std::size_t num_live() const { return live_.size(); }

  /// Live allocations in ascending order.
  std::vector<Allocation> live() const;
  /// The live allocation that holds `addr`; nullptr if there is none. Valid until the next call.
  const Allocation* find(PhysAddr addr) const;
  /// The last live allocation that starts at or below `addr`; nullptr if there is none. Valid until
  /// the next call.
  const Allocation* find_before(PhysAddr addr) const;

 private:
  friend class Buffer;
  struct Block {
    std::uint64_t reserved = 0;  ///< Bytes taken from the hole, guard included.
    Allocation allocation;
  };

  void free(PhysAddr addr);
  std::map<std::uint64_t, std::uint64_t>::iterator find_hole(std::uint64_t bytes,
                                                             std::uint64_t align);
  void add_hole(std::uint64_t base, std::uint64_t bytes);
  void remove_hole(std::map<std::uint64_t, std::uint64_t>::iterator hole);
  [[noreturn]] void fail(std::uint64_t num_bytes, std::string_view label,
                         std::uint64_t align) const;

  std::string region_;
  PhysAddr base_;
  std::uint64_t size_ = 0;
  std::uint64_t used_ = 0;
  std::map<std::uint64_t, Block> live_;                              ///< By address.
  std::map<std::uint64_t, std::uint64_t> holes_;                     ///< Size by address.
  std::set<std::pair<std::uint64_t, std::uint64_t>> holes_by_size_;  ///< (size, address).
  Observer observer_;
};

}  // namespace tandem::runtime

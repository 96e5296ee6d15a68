// SPDX-License-Identifier: Apache-2.0
// Pages of memory, and which of them a packet touches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "tandem/abi/elements.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/debug/case_file.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::debug {

inline constexpr std::uint64_t kPageBytes = 4096;
using Page = std::array<std::byte, kPageBytes>;

/// Sparse memory of whole pages; others are zero.
class MemoryImage {
 public:
  MemoryImage() = default;
  explicit MemoryImage(std::span<const MemoryPiece> pieces);

  void write(std::uint64_t addr, std::span<const std::byte> bytes);
  void write(std::span<const HostWrite> writes);
  void read(std::uint64_t addr, std::span<std::byte> bytes) const;
  /// Pages that are not zero, adjacent ones in one piece of at most 512 KiB.
  std::vector<MemoryPiece> pieces() const;

 private:
  std::map<std::uint64_t, Page> pages_;
};

/// Base addresses of pages.
using PageSet = std::set<std::uint64_t>;

/// Pages that the packet reads or writes (`writes`: only those that it writes), index data looked
/// up in memory; none if it fails a check before it touches memory. Throws kInvalidArgument if it
/// touches more than 1 GiB.
PageSet touched_pages(const abi::Packet& packet, const driver::DeviceConfig& config,
                      const abi::ReadMemory& memory, bool only_writes);

/// The part of an image that lies in the pages, as pieces; with zeros where `keep_zeros`.
std::vector<MemoryPiece> take_pages(const abi::ReadMemory& memory, const PageSet& pages,
                                    bool keep_zeros);

}  // namespace tandem::debug

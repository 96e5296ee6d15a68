// SPDX-License-Identifier: Apache-2.0
// Shapes of packets: smaller packets that do a part of the work.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tandem/abi/isa.hpp"

namespace tandem::debug {

/// An extent of a packet that can be made smaller.
struct Extent {
  std::string_view field;
  std::uint64_t value = 0;
  /// The first index that is kept must be a multiple of it; 0: it must be 0.
  std::uint64_t granule = 1;
};

/// Extents of the packet, outermost first; none for packets without a shape.
std::vector<Extent> extents(const abi::Packet& packet);

/// The packet that does indices [first, first + count) of an extent.
abi::Packet narrowed(const abi::Packet& packet, const Extent& extent, std::uint64_t first,
                     std::uint64_t count);

}  // namespace tandem::debug

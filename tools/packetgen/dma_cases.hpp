// SPDX-License-Identifier: Apache-2.0
// Random packets for the copy engine that pass all checks of the contract.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "tandem/abi/packet_cast.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::packetgen {

/// Memory of the benches: sources in the first bank, destinations in the second.
inline std::vector<driver::SparseRam::Bank> dma_banks() {
  return {{0x1000'0000, 0x2'0000}, {0x12'3456'0000, 0x2'0000}};
}

/// A packet and the memory that it needs.
struct PacketCase {
  struct Data {
    std::uint64_t addr = 0;
    std::vector<std::uint8_t> bytes;
  };
  abi::Packet packet;
  std::vector<Data> data;
};

/// Thread-safety: none.
class PacketMaker {
 public:
  explicit PacketMaker(std::uint64_t seed) : random_(seed) {}

  PacketCase copy();
  PacketCase fill();
  PacketCase gather();
  PacketCase scatter_add();
  /// One of the four.
  PacketCase any();

 private:
  using Extents = std::array<std::uint64_t, 4>;
  using Strides = std::array<std::uint64_t, 4>;

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }
  /// Extents whose product is at most `elements`; many are 1.
  Extents extents(std::uint64_t elements);
  /// Strides with which no two elements share a byte; dense in some order of dimensions, or with
  /// gaps. Extents of 1 have any stride.
  Strides strides(const Extents& extents, std::uint64_t bytes);
  /// As `strides`, some of them 0.
  Strides source_strides(const Extents& extents, std::uint64_t bytes);
  static std::uint64_t hull(const Extents& extents, const Strides& strides, std::uint64_t bytes);
  /// An address in a bank with room for the hull; any alignment that the element allows.
  std::uint64_t place(unsigned bank, std::uint64_t hull, std::uint64_t bytes);
  std::vector<std::uint8_t> indices(std::uint64_t hull, bool wide, std::uint32_t limit);
  std::vector<std::uint8_t> words(std::uint64_t hull, bool floats);

  std::mt19937_64 random_;
};

}  // namespace tandem::packetgen

// SPDX-License-Identifier: Apache-2.0
// Random packets and memory maps for the check of the command processor.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "tandem/abi/footprint.hpp"

namespace tandem::rtltest {

/// Packets of all opcodes: some valid, most wrong in one to three places. Addresses lie in and
/// around the regions of the map that was drawn last.
class RandomPackets {
 public:
  explicit RandomPackets(std::uint64_t seed) : random_(seed) {}

  /// 16 regions: usual ones, adjacent ones, read-only, empty, invalid, overlapping and those that
  /// reach 2^48 or wrap around 2^64.
  std::vector<abi::Region> draw_map();
  abi::Packet draw();

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  abi::Packet valid();
  abi::Packet matmul();
  abi::Packet vector();
  abi::Packet copy();
  abi::Packet indexed();
  abi::Packet control();
  void mutate(abi::Packet& packet);
  std::uint32_t extent();
  std::uint64_t address(std::uint64_t align);
  std::uint64_t stride(std::uint64_t align);
  std::uint64_t interesting(unsigned bits);
  template <class T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[below(values.size())];
  }

  std::mt19937_64 random_;
  std::vector<abi::Region> map_;
};

}  // namespace tandem::rtltest

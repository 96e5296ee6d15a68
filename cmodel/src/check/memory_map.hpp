// SPDX-License-Identifier: Apache-2.0
// What software said about device memory and packets: allocations, tensors, ops.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/driver/device_config.hpp"

namespace tandem::cmodel {

/// Thread-safety: none.
class MemoryMap {
 public:
  explicit MemoryMap(const driver::DeviceConfig& config);

  void allocate(std::uint64_t addr, std::uint64_t num_bytes, std::string_view name);
  void free(std::uint64_t addr);
  void name_tensor(std::uint64_t addr, std::uint64_t num_bytes, std::string_view name);
  void name_packets(std::uint64_t first_seq, std::uint64_t last_seq, std::string_view name);

  /// First byte of [addr, addr + num_bytes) in no live allocation, or addr + num_bytes. Bytes of a
  /// region without any allocation so far count as live: its users do not announce what they do.
  std::uint64_t first_dead(std::uint64_t addr, std::uint64_t num_bytes) const;

  /// "(tensor 'x' + 0x10, allocation 'ops.scratch' + 0x40)", "(12 bytes past allocation 'y' [a,
  /// b))" or empty.
  std::string describe(std::uint64_t addr) const;
  /// Op of a packet; empty if unknown.
  std::string_view op(std::uint64_t seq) const;

 private:
  struct Named {
    std::uint64_t num_bytes = 0;
    std::string name;
  };
  using Ranges = std::map<std::uint64_t, Named>;
  struct Ops {
    std::uint64_t last_seq = 0;
    std::string name;
  };
  struct RegionUse {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    bool announced = false;  ///< Had an allocation.
  };

  static const Ranges::value_type* find(const Ranges& ranges, std::uint64_t addr);
  std::string describe_dead(std::uint64_t addr) const;
  void forget_tensors(std::uint64_t addr, std::uint64_t num_bytes);

  std::vector<RegionUse> regions_;
  Ranges live_;
  Ranges tensors_;
  std::map<std::uint64_t, Ops> ops_;  // by first_seq
};

}  // namespace tandem::cmodel

// SPDX-License-Identifier: Apache-2.0
// Sizes and memory map of a device, as sim_configs/*.yaml gives them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tandem/base/phys_addr.hpp"

namespace tandem::driver {

class SparseRam;

/// One region of the memory map.
struct RegionConfig {
  std::string name;        ///< "commands", "ucode", "weights", "activations", "kv" ...
  PhysAddr base;           ///< 4 KiB aligned, not 0.
  std::uint64_t size = 0;  ///< Bytes, a multiple of 4 KiB.
  bool writable = true;    ///< Packets may write it.
};

struct DeviceConfig {
  std::string name = "edge";  ///< At most 16 ASCII characters.
  std::uint32_t array_rows = 16;
  std::uint32_t array_cols = 16;
  std::uint32_t vector_lanes = 16;
  std::uint32_t vector_length = 256;  ///< Elements of a vector register, a multiple of 64.
  std::uint32_t ucode_words = 4096;
  std::uint32_t axi_data_bits = 512;
  std::vector<RegionConfig> regions;  ///< At most 16, disjoint.
  /// Memory that a simulated device uses instead of memory of its own, so that several share it:
  /// its Backend::ram() is then this one. Null: its own. Has a bank for each region.
  std::shared_ptr<SparseRam> ram;
};

}  // namespace tandem::driver

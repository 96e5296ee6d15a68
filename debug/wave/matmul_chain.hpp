// SPDX-License-Identifier: Apache-2.0
// MATMUL as the array computes it: the accumulator of each output element, step by step, and where
// in the array it lies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bounds/matmul_terms.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/driver/device_config.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::debug::wave {

/// The element of C that holds the byte at `addr`; nothing for a byte of none.
std::optional<MatmulElement> element_at(const abi::MatmulPacket& packet, std::uint64_t addr);

/// Value of the accumulator: initial, then after each step of k. `before`: memory before the
/// packet.
std::vector<std::uint32_t> accumulator_chain(const abi::MatmulPacket& packet,
                                             const driver::SparseRam& before,
                                             const MatmulElement& element);

/// Where an element is computed (docs/design/rtl.md, matrix engine).
struct ArrayPlace {
  std::uint64_t tile = 0;  ///< In the order in which the array takes tiles, from 0.
  unsigned row = 0;        ///< Of the array.
  unsigned slot = 0;       ///< Which of the row's accumulators.
  unsigned column = 0;     ///< Of the array.
  unsigned accumulator(unsigned columns) const { return slot * columns + column; }
};
ArrayPlace array_place(const abi::MatmulPacket& packet, const driver::DeviceConfig& config,
                       const MatmulElement& element);

}  // namespace tandem::debug::wave

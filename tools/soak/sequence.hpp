// SPDX-License-Identifier: Apache-2.0
// Random sequences of packets whose results are defined, with the memory that they need.
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::soak {

/// Bytes on either side of a destination that are set before the packet and compared after it.
constexpr std::uint64_t kGuardBytes = 64;

/// The sizes of `hardware` with the memory map of the sequences.
driver::DeviceConfig soak_config(const driver::DeviceConfig& hardware);

struct Data {
  std::uint64_t addr = 0;
  std::vector<std::uint8_t> bytes;
};

/// A packet and what it may write; `written` is empty for one that must fail its checks.
struct Step {
  abi::Packet packet;
  std::vector<abi::Operand> written;
};

struct Sequence {
  std::vector<Data> data;   ///< Written to memory in this order before the first packet.
  std::vector<Step> steps;  ///< Sequence numbers from 1 on.
};

/// Sequence `index` of a seed: up to eight cases of any opcode, types, layouts, alignments, with
/// micro-programs and tables, some reading what others wrote, some wrong in one to three fields.
/// Wait masks are random, but order every two packets that share bytes, so the device contract
/// defines everything that the packets leave, except where a packet ends with BAD_INDEX. For a
/// device that was just reset.
Sequence make_sequence(std::uint64_t seed, std::uint64_t index, const driver::DeviceConfig& config);

}  // namespace tandem::soak

// SPDX-License-Identifier: Apache-2.0
// Parts of check_packet, one pair of functions for each family of opcodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::abi::detail {

inline CheckResult bad_field(std::size_t at) { return {Fault::kBadField, at}; }

/// A field whose value must be a multiple of `align`, a power of two.
struct Alignment {
  std::uint16_t at;
  std::uint64_t value;
  std::uint64_t align;
};

/// The first misaligned field of the list.
inline CheckResult check_alignments(std::span<const Alignment> list) {
  for (const Alignment& item : list) {
    if ((item.value & (item.align - 1)) != 0) return {Fault::kMisaligned, item.at};
  }
  return {};
}

/// Combinations of fields that are each allowed (kBadField), in the contract's order.
CheckResult combinations(const MatmulPacket& packet);
CheckResult combinations(const VectorPacket& packet);
CheckResult combinations(const SignalPacket& packet);
CheckResult combinations(const FillPacket& packet);
CheckResult combinations(const LoadUcodePacket& packet, const DeviceLimits& limits);

/// LOAD_UCODE past the memory or a table of the wrong size (kBadShape).
CheckResult shape(const LoadUcodePacket& packet, const DeviceLimits& limits);

/// Addresses and strides (kMisaligned).
CheckResult alignment(const MatmulPacket& packet);
CheckResult alignment(const VectorPacket& packet);
CheckResult alignment(const SignalPacket& packet);
CheckResult alignment(const WaitPacket& packet);
CheckResult alignment(const LoadUcodePacket& packet);
CheckResult alignment(const CopyPacket& packet);
CheckResult alignment(const FillPacket& packet);
CheckResult alignment(const GatherPacket& packet);
CheckResult alignment(const ScatterAddPacket& packet);

/// True if an operand's last byte lies beyond 2^64 - 1.
bool overflows(const Operand& operand);

}  // namespace tandem::abi::detail

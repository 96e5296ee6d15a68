// SPDX-License-Identifier: Apache-2.0
// Where two devices differ in what a packet left behind, and how to say it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "names.hpp"
#include "tandem/abi/footprint.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/driver/backend.hpp"

namespace tandem::lockstep {

/// One of the two devices.
struct Side {
  driver::Backend& device;
  std::string label;  ///< Name for messages; those of the two sides differ.
};

/// Whether [base, hull_end) of any two of the operands meet.
bool overlap(std::span<const abi::Operand> a, std::span<const abi::Operand> b);

/// Whether the device contract makes the two records equal: all but the times.
bool same_outcome(const abi::Completion& a, const abi::Completion& b);

/// "MATMUL seq 17 (op layers.0.q_proj)".
std::string packet_title(const abi::Packet& packet, const Names& names);
/// "error NONE, checksum 0x12" or "error BAD_FIELD, fault_addr 0x29".
std::string record_text(const abi::Completion& record);

/// The whole message for records that are not `same_outcome`: packet, op, first differing element
/// of the written bytes with tensor, index and both values, both completions, the packet as text.
/// Both devices stand, and no later packet has written the same bytes.
std::string describe_difference(const abi::Packet& packet, const abi::Completion& record_a,
                                const abi::Completion& record_b, const Side& a, const Side& b,
                                const Names& names);

}  // namespace tandem::lockstep

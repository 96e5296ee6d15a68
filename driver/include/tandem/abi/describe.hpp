// SPDX-License-Identifier: Apache-2.0
// Error completions as sentences.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tandem/abi/isa.hpp"

namespace tandem::abi {

/// What an error completion means for the packet that caused it: opcode, sequence number, error,
/// place, the value found with its unit, what is allowed and the next step, e.g. "MATMUL seq 17:
/// BAD_FIELD at byte 41: b_type is i32, allowed f32 bf16 f16 e4m3 e5m2 i8 u4; correct the packet".
/// `fault_addr` is the completion's. Never throws for any bytes in `packet`.
std::string describe_fault(const Packet& packet, Fault fault, std::uint64_t fault_addr);

/// Why `check_ucode` refuses a program, with the word disassembled; empty if it does not. Arguments
/// as there.
std::string describe_ucode(const VectorPacket& packet, std::span<const std::uint64_t> program,
                           unsigned tables_loaded);

}  // namespace tandem::abi

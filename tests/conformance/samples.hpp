// SPDX-License-Identifier: Apache-2.0
// Valid packets of every opcode, with all operands that the opcode can have between them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "support/raw_device.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::tests {

struct Sample {
  std::string name;
  abi::Packet packet;
  /// Address and stride fields of operands that this packet does not have; they must be 0.
  std::vector<std::string_view> absent;
  /// Address and stride fields that may hold any number.
  std::vector<std::string_view> unaligned;
};

abi::CopyPacket sample_copy();
abi::FillPacket sample_fill();
abi::GatherPacket sample_gather();
abi::ScatterAddPacket sample_scatter_add();
abi::MatmulPacket sample_matmul();
/// Four inputs and three outputs, the last with one element a row. Its program is
/// load_sample_program's.
abi::VectorPacket sample_vector();
abi::LoadUcodePacket sample_load_ucode();
abi::SignalPacket sample_signal();
abi::WaitPacket sample_wait();

/// Samples of the control packets; every device takes them.
std::vector<Sample> control_samples();
/// Samples of the packets of engines. They succeed in this order after load_sample_program.
std::vector<Sample> engine_samples();

void load_sample_program(RawDevice& device);

}  // namespace tandem::tests

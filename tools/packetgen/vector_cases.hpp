// SPDX-License-Identifier: Apache-2.0
// Random VECTOR packets with the memory and the micro-program that they need.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "packetgen/random_program.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/vector_stream.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::packetgen {

/// Memory of the benches: operands in the first bank, programs and tables in the second.
inline constexpr std::uint64_t kOperandBase = 0x1000'0000;
inline constexpr std::uint64_t kOperandBytes = 0x6'0000;
inline constexpr std::uint64_t kUcodeBase = 0x12'3456'0000;
inline std::vector<driver::SparseRam::Bank> vector_banks() {
  return {{kOperandBase, kOperandBytes}, {kUcodeBase, 0x2'0000}};
}

struct VectorCase {
  struct Data {
    std::uint64_t addr = 0;
    std::vector<std::byte> bytes;
  };
  abi::VectorPacket packet;
  std::vector<std::uint64_t> program;
  std::vector<Data> data;  ///< Contents of the inputs.
};

/// Any types, shapes, strides and micro-program; all checks of the contract pass once the program
/// is loaded at packet.ucode_start, with both tables. Rows up to `max_cols` elements.
VectorCase random_vector_case(Random& random, std::uint32_t max_cols);

/// Chooses addresses and strides of all streams of the packet, whose shape, types and program are
/// set, and contents of the inputs.
void place_streams(Random& random, VectorCase& c);

/// The packet that loads `words` at `dst_word` from kUcodeBase.
abi::LoadUcodePacket load_program(std::uint32_t dst_word, std::uint32_t words);
abi::LoadUcodePacket load_table(unsigned table, std::uint64_t addr);

}  // namespace tandem::packetgen

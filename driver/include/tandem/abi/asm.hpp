// SPDX-License-Identifier: Apache-2.0
// Text form of packets and micro-programs. docs/reference/assembly.md has the grammar.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/abi/isa.hpp"

namespace tandem::abi {

/// Where assembled text comes from; errors read "name:line:column: ...".
struct TextOrigin {
  std::string_view name = "input";
  int first_line = 1;
};

/// One line without a line end, e.g. "COPY seq=4 extent0=1 ... dst_addr=0x80001000". Fields at
/// their default (0, wait mask 7) are left out. Unknown opcodes and packets with bytes in reserved
/// places become ".raw HEX". Any 256 bytes are accepted, and assemble_packet(disassemble(p)) == p
/// bit for bit.
std::string disassemble(const Packet& packet);

/// One word, e.g. "fma v3, v1, v2, 1.0", or ".word 0x..." if the operation would not give the same
/// bits back.
std::string disassemble_word(std::uint64_t word);

/// One line a word, each ended by a newline; `phase` at the left margin. assemble_ucode gives the
/// same words back.
std::string disassemble_ucode(std::span<const std::uint64_t> program);

/// One packet. Checks names, values and widths, not the device's rules (check_packet does).
/// Throws kInvalidArgument with line, column, what was expected and what was found.
Packet assemble_packet(std::string_view text, TextOrigin origin = {});

/// Packets of a text, one a line; empty lines and `#` comments are skipped. Throws as
/// assemble_packet.
std::vector<Packet> assemble_packets(std::string_view text, TextOrigin origin = {});

/// Words of a micro-program, one a line; empty lines and `#` comments are skipped. Throws as
/// assemble_packet.
std::vector<std::uint64_t> assemble_ucode(std::string_view text, TextOrigin origin = {});

}  // namespace tandem::abi

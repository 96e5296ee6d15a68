// SPDX-License-Identifier: Apache-2.0
// Assembly of one line with names that a file defines.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "text_line.hpp"

namespace tandem::abi::detail {

/// A micro-program that a file has loaded.
struct ProgramName {
  std::uint16_t start = 0;
  std::uint16_t words = 0;
};

/// What names mean in a file; without functions there are none.
struct Names {
  std::function<std::optional<std::uint64_t>(std::string_view)> address;  ///< Base of a region.
  std::function<std::optional<ProgramName>(std::string_view)> program;
};

struct PacketLine {
  Packet packet;
  bool has_seq = false;  ///< The text gave a sequence number.
};

PacketLine assemble_packet_line(TextLine& line, const Names& names);

/// One word of a micro-program.
std::uint64_t assemble_word_line(TextLine& line);

/// "0x80001000", "weights" or "weights+0x1000".
std::uint64_t parse_address(TextLine& line, const Token& token, const Names& names);

}  // namespace tandem::abi::detail

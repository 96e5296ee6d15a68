// SPDX-License-Identifier: Apache-2.0
// Whether and where an operand meets a byte range, exactly: gaps between strided pieces are no part
// of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tandem/abi/footprint.hpp"

namespace tandem::abi {

/// Operands of any packet: none if it does not pass the checks that need no memory.
OperandList checked_operands(const Packet& packet);

/// Bytes [begin, end).
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Where an operand meets a range first, in the order of its indices.
struct Touch {
  std::uint64_t addr = 0;  ///< First byte in the range of the run found.
  std::array<std::uint64_t, Operand::kMaxDims> index{};  ///< Of the run, outermost first.
  std::uint64_t in_run = 0;                              ///< Byte of the run that `addr` is.
};

/// Empty if no byte of the operand lies in the range. For indexed operands every position that an
/// index may select counts. The operand is one of a packet that passed check_packet. Takes at most
/// some milliseconds: of operands whose strides interleave in more positions than that allows, the
/// hull decides.
std::optional<Touch> first_touch(const Operand& operand, ByteRange range);

/// "c[0, 0, 5, 64]": indices of all dimensions, and the element in the run where it holds several.
/// `element_bytes` 0: the run is one element.
std::string touch_text(const Operand& operand, const Touch& touch, std::uint64_t element_bytes);

/// Bytes of one element of an operand; 0 where the packet only moves runs of bytes, and for 4-bit
/// elements.
std::uint64_t element_bytes(const Packet& packet, const Operand& operand);

/// Distinct bytes of an operand: broadcasts count once. Where strides overlap in other ways, at
/// most the bytes of the hull. Of indexed operands only what the index data selects counts, each
/// selection once.
std::uint64_t distinct_bytes(const Packet& packet, const Operand& operand);

}  // namespace tandem::abi

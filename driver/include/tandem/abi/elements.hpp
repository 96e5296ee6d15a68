// SPDX-License-Identifier: Apache-2.0
// Elements of operands: their types, values as text and numbers, and two devices' side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::abi {

/// Operands that the packet may write; none if the packet does not pass the checks that need no
/// memory.
std::vector<Operand> written_operands(const Packet& packet);
/// All operands likewise.
std::vector<Operand> memory_operands(const Packet& packet);

/// Type of the elements of a written operand; kNone for those that a packet only moves.
Dtype element_type(const Packet& packet, const Operand& operand);
/// Bytes of one element. Where a packet moves elements, a run of the operand is one.
std::uint64_t element_bytes(const Packet& packet, const Operand& operand);

/// "9 (0x41100000)" for floats, "-3" for integers, bits for kNone.
std::string value_text(Dtype type, std::span<const std::byte> bytes);
/// The element's value; nothing for kNone. NaN of any kind is NaN.
std::optional<double> number_of(Dtype type, std::span<const std::byte> bytes);

/// One element of an operand on two devices.
struct ElementPair {
  std::uint64_t number = 0;  ///< In the order of the operand's indices, from 0.
  std::uint64_t addr = 0;
  bool differ = false;
  std::span<const std::byte> a;  ///< Valid during the call.
  std::span<const std::byte> b;
};

/// Copies device memory to the span.
using ReadMemory = std::function<void(std::uint64_t addr, std::span<std::byte> dst)>;

/// Calls `visit` for every element, the last dimension fastest. Memory is read in pages of 4096
/// bytes.
void for_each_element(const Packet& packet, const Operand& operand, const ReadMemory& a,
                      const ReadMemory& b, const std::function<void(const ElementPair&)>& visit);

/// "[0, 0, 1, 3]": the indices of an element by its number.
std::string index_text(const Packet& packet, const Operand& operand, std::uint64_t number);

}  // namespace tandem::abi

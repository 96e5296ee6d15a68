// SPDX-License-Identifier: Apache-2.0
// Field values as the assembler writes and messages show them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::abi::detail {

/// Value of a field.
std::uint64_t load_field(const PacketBytes& bytes, const FieldInfo& field);
void store_field(PacketBytes& bytes, const FieldInfo& field, std::uint64_t value);

/// Value that the assembler gives a field that the text does not name.
std::uint64_t default_value(const FieldInfo& field);

/// Name of a field in assembly text: as in the specification, but `wait` for wait_mask.
std::string_view text_name(const FieldInfo& field);

/// "0x80001000" for addresses, "f16" for enumerations, "matrix,vector" for the wait mask, else a
/// number.
std::string value_text(const FieldInfo& field, std::uint64_t value);

std::string lower(std::string_view text);

}  // namespace tandem::abi::detail

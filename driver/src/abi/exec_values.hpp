// SPDX-License-Identifier: Apache-2.0
// Typed values of exec files.
#pragma once

#include <optional>
#include <string>

#include "tandem/abi/exec_file.hpp"
#include "text_line.hpp"

namespace tandem::abi::detail {

std::optional<ExecType> exec_type(std::string_view name);
/// "f32, bf16, ..." for messages.
std::string exec_type_list();
unsigned exec_bytes(ExecType type);

/// Appends the bytes of one element; false if the text is no value of the type. kHex takes pairs of
/// digits.
bool append_value(ExecType type, std::string_view text, std::vector<std::uint8_t>& out);

/// "1.5 (0x3fc00000)".
std::string exec_value_text(ExecType type, std::span<const std::uint8_t> element);

}  // namespace tandem::abi::detail

// SPDX-License-Identifier: Apache-2.0
// GPT-2's printable alphabet: every byte as one visible character.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::models {

/// The character that stands for a byte in vocabularies of byte-level tokenizers.
char32_t byte_character(unsigned char byte);

/// `bytes` in that alphabet.
std::string to_byte_alphabet(std::string_view bytes);

/// The bytes that `text` stands for; nullopt when a character is outside the alphabet.
std::optional<std::string> from_byte_alphabet(std::string_view text);

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
// Letter case and other text functions that filters and methods share.
#pragma once

#include <cstdint>
#include <string>

#include "value.hpp"

namespace tandem::models::jinja {

// Case mapping is one character to one: "ß" stays "ß", where Python's upper() gives "SS".
std::string to_upper(const std::string& text, Budget& budget);
std::string to_lower(const std::string& text, Budget& budget);
std::string to_capitalized(const std::string& text, Budget& budget);
/// The first letter behind every character that is no letter.
std::string to_title(const std::string& text, Budget& budget);
bool is_upper(const std::string& text, Budget& budget);
bool is_lower(const std::string& text, Budget& budget);

bool is_letter(char32_t point);  ///< Unicode L*
bool is_number(char32_t point);  ///< Unicode N*
bool is_digit(char32_t point);   ///< Unicode Nd

/// Replaces the first `count` places of `from`, all when negative. An empty `from` stands before
/// every character and at the end.
std::string replace_text(const std::string& text, const std::string& from, const std::string& to,
                         std::int64_t count, Budget& budget);

}  // namespace tandem::models::jinja

// SPDX-License-Identifier: Apache-2.0
// Cuts a template into text and tokens, with Jinja's white space control.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::models::jinja {

enum class TokenKind {
  kText,           ///< Text between tags, after trimming.
  kBlockBegin,     ///< {%
  kBlockEnd,       ///< %}
  kVariableBegin,  ///< {{
  kVariableEnd,    ///< }}
  kName,
  kString,  ///< `text` is the value, escapes resolved.
  kInteger,
  kFloat,
  kOperator,  ///< `text` is the operator.
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  std::uint32_t line = 1;
};

/// What is wrong with a template's text, and where.
struct SyntaxError {
  std::uint32_t line;
  std::string what;
};

/// All tokens of a template, ending with kEnd. trim_blocks and lstrip_blocks are on, a newline at
/// the end of the source is dropped (as Hugging Face sets Jinja up). Throws SyntaxError.
std::vector<Token> tokenize(std::string_view source);

/// Whether Python's str.isspace holds for the code point.
bool is_python_space(char32_t point);

}  // namespace tandem::models::jinja

// SPDX-License-Identifier: Apache-2.0
// UTF-8: validity, lossy repair, code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::models {

/// One step through a byte string.
struct Utf8Step {
  char32_t code_point = 0;    ///< U+FFFD where `valid` is false.
  std::size_t num_bytes = 0;  ///< Bytes consumed: at least 1 unless the input was empty.
  bool valid = false;
  bool truncated = false;  ///< Not valid, but more bytes could have completed it.
};

/// Decodes the first code point. An invalid start consumes one maximal invalid part: the longest
/// prefix of a well-formed sequence, or one byte (Unicode 15, 3.9, U+FFFD substitution; the same
/// as Rust's from_utf8_lossy and Python's errors="replace"). Surrogates and overlong forms are
/// invalid.
Utf8Step utf8_step(std::string_view bytes);

bool is_valid_utf8(std::string_view bytes);

/// `bytes` with every maximal invalid part replaced by one U+FFFD.
std::string utf8_lossy(std::string_view bytes);

/// Appends one code point; surrogates and values past U+10FFFF become U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace tandem::models

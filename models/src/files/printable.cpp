// SPDX-License-Identifier: Apache-2.0
// Escapes untrusted names for messages.
#include "printable.hpp"

#include <fmt/format.h>

namespace tandem::models {

std::string printable(std::string_view text) {
  constexpr std::size_t kMaxShown = 80;
  std::string out = "'";
  for (const char c : text.substr(0, kMaxShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  if (text.size() > kMaxShown) {
    out += fmt::format("...' ({} bytes)", text.size());
  } else {
    out += '\'';
  }
  return out;
}

}  // namespace tandem::models

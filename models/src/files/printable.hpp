// SPDX-License-Identifier: Apache-2.0
// Untrusted names in messages: escaped and cut, so that a file cannot write to the terminal.
#pragma once

#include <string>
#include <string_view>

namespace tandem::models {

/// `text` in single quotes; control bytes and bytes past ASCII as \xNN, at most 80 of them.
std::string printable(std::string_view text);

}  // namespace tandem::models

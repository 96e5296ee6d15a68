// SPDX-License-Identifier: Apache-2.0
// Pictures of a comparison, as parts of an HTML page.
#pragma once

#include <string>
#include <string_view>

#include "tandem/debug/diff.hpp"

namespace tandem::debug {

/// Text with the characters that HTML gives a meaning replaced.
std::string escape(std::string_view text);
/// Three digits.
std::string number(double value);

/// Relative error of each layer, both passes.
std::string error_plot(const DiffReport& report);
/// Differing elements by their distance in ulp; empty if there are none.
std::string ulp_plot(const DiffReport& report);

}  // namespace tandem::debug

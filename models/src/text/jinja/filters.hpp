// SPDX-License-Identifier: Apache-2.0
// The table of filters, filled by two files.
#pragma once

#include <span>
#include <string_view>

#include "value.hpp"

namespace tandem::models::jinja {

using Filter = Value (*)(const Value&, const Arguments&, Budget&);

struct FilterRow {
  std::string_view name;
  Filter function;
};

std::span<const FilterRow> text_filters();      ///< filters_text.cpp
std::span<const FilterRow> sequence_filters();  ///< filters_sequence.cpp

}  // namespace tandem::models::jinja

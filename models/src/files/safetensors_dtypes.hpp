// SPDX-License-Identifier: Apache-2.0
// The dtype names of the safetensors format.
#pragma once

#include <string_view>

#include "tandem/models/files/stored_type.hpp"

namespace tandem::models {

/// The type of a dtype name; kOther for names that are not read here (F8_E8M0, F4, F6 ...).
inline StoredType safetensors_type(std::string_view dtype) {
  for (int i = 0; i <= static_cast<int>(StoredType::kBool); ++i) {
    const auto type = static_cast<StoredType>(i);
    if (to_string(type) == dtype) return type;
  }
  return StoredType::kOther;
}

/// Whether the format has the type at all.
inline bool is_safetensors_type(StoredType type) { return type <= StoredType::kBool; }

}  // namespace tandem::models

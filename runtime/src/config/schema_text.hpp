// SPDX-License-Identifier: Apache-2.0
// The text of sim_configs/schema.yml, compiled in by the build.
#pragma once

#include <string_view>

namespace tandem::runtime {

extern const std::string_view kSchemaText;

}  // namespace tandem::runtime

// SPDX-License-Identifier: Apache-2.0
// Device configurations: finding, reading and checking sim_configs/*.yaml.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/driver/device_config.hpp"

namespace tandem::runtime {

/// Reads the configuration `name`: a name of the search path ("edge") or a path of a file (anything
/// with a '/' or ending in .yaml or .yml). Throws kNotFound with the directories searched and the
/// names they hold, or what `parse_config` throws.
driver::DeviceConfig load_config(std::string_view name);

/// Checks the text of a configuration file against sim_configs/schema.yml. `file` stands in
/// messages. Throws kInvalidArgument with file, line, key, what was expected and what was found for
/// the first problem. Time and memory are bounded for any text.
driver::DeviceConfig parse_config(std::string_view text, const std::string& file);

/// Path of the file that `load_config(name)` reads.
std::filesystem::path find_config(std::string_view name);

/// Directories searched, in order: those of $TANDEM_CONFIG_PATH (colon separated),
/// share/tandem/sim_configs of the prefix that holds this code, sim_configs of the source tree.
std::vector<std::filesystem::path> config_search_path();

/// Names of all configurations on the search path, sorted.
std::vector<std::string> list_configs();

}  // namespace tandem::runtime

// SPDX-License-Identifier: Apache-2.0
// Where the demo's model lies.
#pragma once

#include <filesystem>

#include "bench.hpp"

namespace tandem::bench {

/// ${XDG_CACHE_HOME:-~/.cache}/tandem
std::filesystem::path cache_dir();

/// The model that the options name, else the demo's. Throws kNotFound if the file is not there.
std::filesystem::path model_path(const Options& options);

}  // namespace tandem::bench

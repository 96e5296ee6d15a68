// SPDX-License-Identifier: Apache-2.0
// Cases on the command line.
#pragma once

#include <string>

#include "cli.hpp"
#include "report.hpp"
#include "tandem/debug/difference.hpp"
#include "tandem/debug/player.hpp"

namespace tandem::cli {

/// Whether the file is a case; false for files that cannot be read.
bool is_case_file(const std::string& path);

/// `tandem replay CASE`: 0 passed, 1 failed, 3 could not be run.
int replay_case(const std::string& path, const DeviceFlags& device, bool json);

/// Opens devices by URI with the configuration of a trace or case.
debug::OpenDevice opener(const std::string& uri);

/// {"operand", "index", "addr", "type", "a", "b", "a_text", "b_text", "ulp", "relative"}.
Json element_json(const debug::ElementDifference& element);

}  // namespace tandem::cli

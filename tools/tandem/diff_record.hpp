// SPDX-License-Identifier: Apache-2.0
// A device against a record of a run elsewhere.
#pragma once

#include <string>

#include "run_options.hpp"
#include "tandem/debug/diff.hpp"

namespace tandem::cli {

/// Path behind "record:", or empty.
std::string record_path(const std::string& uri);

/// Runs the model of the options on `run.device` with the record's ids and compares: in two passes
/// if anything differs. `bounds`: the record's computation has another arithmetic than the
/// contract's although a device made it.
debug::DiffReport diff_record(RunOptions run, const std::string& path, bool bounds);

}  // namespace tandem::cli

// SPDX-License-Identifier: Apache-2.0
// A model run as a trace.
#pragma once

#include <string>

#include "run_options.hpp"

namespace tandem::cli {

/// Runs the model of the options on `options.device` and records it from behind the loading of the
/// weights on; `check_run_options` has been called. Throws UsageError for a conversation.
void record_run(RunOptions& options, const std::string& trace);

}  // namespace tandem::cli

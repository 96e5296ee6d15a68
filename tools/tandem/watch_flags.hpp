// SPDX-License-Identifier: Apache-2.0
// --watch of the commands that run packets.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "report.hpp"
#include "tandem/driver/watch.hpp"

namespace tandem::cli {

struct WatchFlags {
  std::vector<std::string> ranges;
};
void add_watch_flags(CLI::App& command, WatchFlags& flags);
/// Throws UsageError.
std::vector<driver::WatchRange> watch_ranges(const WatchFlags& flags);

/// Says on stderr where the run stopped; with `report`, adds it to the summary as `stopped`.
/// Returns the exit code.
int report_stop(const driver::WatchStop& stop, Report* report = nullptr);

}  // namespace tandem::cli

// SPDX-License-Identifier: Apache-2.0
// A run as a timeline for ui.perfetto.dev.
#pragma once

#include <iosfwd>
#include <string>

#include "tandem/debug/timed_run.hpp"

namespace tandem::debug {

/// Writes the run in the JSON trace format of Chrome, which Perfetto reads. One microsecond there
/// is one device cycle. Tracks: layers and ops under "model"; packets, one track for each engine,
/// array use and memory traffic under "device". Packets that overlap in time share no track.
void write_timeline(const TimedRun& run, std::ostream& out);

/// The same into a file. Throws kUnavailable if it cannot be written.
void write_timeline(const TimedRun& run, const std::string& path);

}  // namespace tandem::debug

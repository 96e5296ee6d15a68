// SPDX-License-Identifier: Apache-2.0
// Files for GTKWave: the signals that matter for a packet, named and grouped, with markers.
#pragma once

#include <filesystem>

#include "packet_run.hpp"
#include "signals.hpp"
#include "tandem/debug/wave.hpp"

namespace tandem::debug::wave {

/// Writes `view` and, beside it, the names of values. Paths in it are relative to its directory.
void write_view(const std::filesystem::path& view, const DeviceWaves& waves,
                const Reference& reference, const PacketRun& run, const WaveReport& report);

}  // namespace tandem::debug::wave

// SPDX-License-Identifier: Apache-2.0
// Registers in waves: the cycle in which one took a value that it should not have.
#pragma once

#include <optional>
#include <string>

#include "packet_run.hpp"
#include "signals.hpp"
#include "stages.hpp"

namespace tandem::debug::wave {

/// `name` as RegisterDifference. Each register has a rule that says from the values of a cycle what
/// it holds in the next one; where it is kept all the time, or there is none, the last cycle in
/// which the register changed.
std::optional<StageFinding> check_register(DeviceWaves& waves, const std::string& name,
                                           const PacketRun& run);

/// The addresses from which packets are fetched: each behind the one before, round the ring.
std::optional<StageFinding> check_fetches(DeviceWaves& waves, const PacketRun& run);

/// The addresses of completion records, likewise.
std::optional<StageFinding> check_records(DeviceWaves& waves, const PacketRun& run);

}  // namespace tandem::debug::wave

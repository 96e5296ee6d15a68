// SPDX-License-Identifier: Apache-2.0
// Values inside the engines against what they should be: the first that is wrong.
#pragma once

#include <optional>
#include <span>

#include "matmul_chain.hpp"
#include "packet_run.hpp"

namespace tandem::debug::wave {

struct StageFinding {
  WaveFinding finding;
  std::optional<std::uint64_t> addr;  ///< Of the element in memory, where the stage belongs to one.
  std::optional<unsigned> line;       ///< Of the vector register.
};

/// Accumulators of these elements of C.
std::optional<StageFinding> check_accumulators(DeviceWaves& waves, const Reference& reference,
                                               const PacketRun& run,
                                               std::span<const MatmulElement> elements);

/// Every value that the lanes write to vector registers, partial sums and scalars.
std::optional<StageFinding> check_lanes(DeviceWaves& waves, const Reference& reference,
                                        const PacketRun& run);

/// The running checksum of the engine's writes.
std::optional<StageFinding> check_checksum(DeviceWaves& waves, const Reference& reference,
                                           const PacketRun& run);

/// What the check of the packet found before it was issued.
std::optional<StageFinding> check_verdict(DeviceWaves& waves, const Reference& reference,
                                          const PacketRun& run);

/// What the engine says of the packet when it is done: error, fault address, checksum.
std::optional<StageFinding> check_result(DeviceWaves& waves, const Reference& reference,
                                         const PacketRun& run);

/// Of a WAIT: each look at its word.
std::optional<StageFinding> check_wait(DeviceWaves& waves, const Reference& reference,
                                       const PacketRun& run);

/// Handshakes that wait when the waves end, the one that has waited longest first.
std::vector<WaveWait> waiting_handshakes(DeviceWaves& waves, const PacketRun& run);

/// State machines that are in another state at the end than at the beginning, with its name, units
/// that are busy at the end only, and credits that are held.
std::vector<std::string> changed_states(DeviceWaves& waves);

}  // namespace tandem::debug::wave

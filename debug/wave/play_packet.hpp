// SPDX-License-Identifier: Apache-2.0
// The packet on the RTL.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "reference.hpp"
#include "tandem/debug/player.hpp"
#include "tandem/debug/wave.hpp"

namespace tandem::debug::wave {

struct Played {
  Outcome outcome;
  std::string backend;
  std::uint64_t seq = 0;                   ///< On the device.
  std::shared_ptr<driver::SparseRam> ram;  ///< What the device has left.
  bool reg = false;                        ///< A register differed behind the packet.
  bool lost_record = false;                ///< It did not hang; its completion record is elsewhere.
};

/// The URI with waves of the packet, or those of options.ring, into a file. Throws as
/// find_first_wrong.
std::string traced_uri(const std::string& backend, const Reference& reference,
                       const std::filesystem::path& waves, const WaveOptions& options);

/// The packet alone on a device that has the memory and the programs which it starts from.
Played play_alone(const std::string& uri, const Reference& reference);

/// The packet behind up to `context` others: when they have completed or, `together`, as soon as
/// the host that recorded them could submit it.
Played play_behind(const std::string& uri, const std::string& trace, const Reference& reference,
                   std::uint64_t context, bool together);

/// The whole trace as RingPlayer plays it beside the cmodel, up to what goes wrong.
Played play_ring(const std::string& uri, const std::string& trace, const Reference& reference,
                 const RingReplay& replay);

/// The packets of a case, together.
Played play_case(const std::string& uri, const Case& item);

}  // namespace tandem::debug::wave

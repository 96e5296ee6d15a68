// SPDX-License-Identifier: Apache-2.0
// What the waves show of a packet from outside: when it was fetched, issued and done, and what left
// the NPU.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "reference.hpp"
#include "signals.hpp"
#include "tandem/debug/wave.hpp"

namespace tandem::debug::wave {

/// A byte that should not be what it is.
struct WrongByte {
  std::uint64_t time = 0;  ///< Of the write beat.
  std::uint64_t addr = 0;
  std::uint8_t found = 0;
  std::uint8_t expected = 0;
  ExpectedWrites::Verdict verdict = ExpectedWrites::Verdict::kWrong;
  unsigned lane = 0;       ///< Byte of the beat.
  bool record = false;     ///< Of the completion record.
  bool unwritten = false;  ///< Never written; `time` is that of the end.
};

struct PacketRun {
  std::uint64_t begin = 0;  ///< First and last time of the waves.
  std::uint64_t end = 0;
  std::optional<std::uint64_t> fetch, dispatch, done, record;
  std::optional<std::uint64_t> last_transfer;
  std::vector<WrongByte> wrong;  ///< In order of time; at most kMaxWrong.
  std::uint64_t num_wrong = 0;   ///< Wrong bytes outside of the completion record.
  /// Bursts of AXI ids without their responses at the end.
  std::map<unsigned, unsigned> reads_open, writes_open;
  std::int64_t cycle_offset = 0;

  static constexpr std::size_t kMaxWrong = 4096;
  WaveMoment moment(std::uint64_t time) const {
    return {time, static_cast<std::uint64_t>(static_cast<std::int64_t>(time / 2) + cycle_offset)};
  }
};

/// Writer of an opcode's engine on the memory port: AXI id.
unsigned writer_of(abi::Opcode opcode);

/// Follows the packet through the waves; checks its writes and its completion record.
PacketRun follow_packet(DeviceWaves& waves, Reference& reference);

}  // namespace tandem::debug::wave

// SPDX-License-Identifier: Apache-2.0
// How the simulated memory behind the AXI port behaves.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tandem::rtlmodel {

/// Response codes (AXI4 A3.4.4).
enum class AxiResponse : std::uint8_t { kOkay = 0, kSlverr = 2, kDecerr = 3 };

/// Beats that touch [begin, end) get `response`; written bytes are dropped, read ones arbitrary.
struct AxiFault {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  AxiResponse response = AxiResponse::kSlverr;
};

struct AxiSettings {
  /// Cycles from the handshake of a read address to that of its first beat, and from the last beat
  /// of a write to its response, at the earliest. At least 1.
  std::uint32_t latency = 1;
  /// Bursts of one id, reads and writes apart, that may be without their last response; further
  /// addresses of the id wait. 1 to 64.
  std::uint32_t outstanding_per_id = 64;
  /// Data beats a cycle, reads and writes apart; above 0, at most 1.
  double beats_per_cycle = 1.0;
  /// Share of cycles in which a channel is held back, chosen at random for each channel; 0 to 90.
  std::uint32_t stall_percent = 0;
  /// Random order of responses between ids, and of their beats; in order within an id.
  bool reorder = false;
  std::uint64_t seed = 1;  ///< Of stalls and reordering.
  std::vector<AxiFault> faults;

  /// As fast as the port goes.
  static AxiSettings zero_wait() { return {}; }
  /// 80 cycles, 16 outstanding bursts for each id, one beat a cycle.
  static AxiSettings realistic() { return {.latency = 80, .outstanding_per_id = 16}; }
  /// "zero-wait" or "realistic". Throws kInvalidArgument naming both.
  static AxiSettings named(std::string_view name);
  /// Throws kInvalidArgument naming the member that is out of range.
  void check() const;
};

}  // namespace tandem::rtlmodel

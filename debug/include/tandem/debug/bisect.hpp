// SPDX-License-Identifier: Apache-2.0
// From a recorded run and a device that disagrees with it to the packet, the element and the clock
// cycle.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "tandem/debug/case_file.hpp"
#include "tandem/debug/player.hpp"
#include "tandem/debug/ring_player.hpp"
#include "tandem/debug/wave.hpp"

namespace tandem::debug {

struct BisectOptions {
  std::filesystem::path trace;  ///< The run on A.
  std::string a;                ///< URI of the reference.
  std::string b;                ///< URI of the device in question.
  OpenDevice open_a;
  OpenDevice open_b;
  /// Takes first.case, waves and what is needed to go on after an interruption; made if missing.
  std::filesystem::path out;
  std::string model;  ///< For the case.
  /// A packet that takes longer counts as hung; 0: the devices' own limit.
  std::chrono::nanoseconds deadline{0};
  /// Time on B after which a checkpoint is written.
  std::chrono::seconds checkpoint_interval{60};
  /// Told after every packet: packets that are equal so far, op.
  std::function<void(std::uint64_t packets, const std::string& op)> on_progress;
  /// Told when the next part begins: "case", "wave".
  std::function<void(const char* part)> on_part;
};

struct BisectReport {
  bool found = false;
  bool resumed = false;
  std::uint64_t packets = 0;  ///< Compared, the wrong one included; from the start of the trace.
  // The first packet that differs.
  std::uint64_t packet = 0;
  std::string op;
  std::string text;      ///< As `tandem dis` prints it.
  std::string expected;  ///< Result on A: "checksum 0x...", "UNMAPPED at ...".
  std::string result;    ///< On B, or why there is none.
  bool hung = false;
  /// The packet is right when it runs alone: it fails with others in flight (a race, a lost wait).
  bool in_flight = false;
  bool at_reset = false;  ///< A register is wrong before the first packet, which `packet` names.
  std::optional<ElementDifference> element;
  std::optional<RegisterDifference> reg;  ///< Only where the packet itself is right.
  /// Packets that the case has, those that load micro-programs aside; 0: it fails in the whole run
  /// only.
  std::uint64_t case_packets = 0;
  std::filesystem::path case_file;  ///< Empty without a case.
  std::optional<WaveReport> wave;   ///< Of devices with waves (rtl:).
  std::string no_wave;              ///< Why there is none.
  double search_seconds = 0;
  double case_seconds = 0;
  double wave_seconds = 0;
};

/// Plays the trace on A and B packet by packet until a result differs; if none does, by register
/// accesses alone (RingPlayer) until a result, a register or the interrupt line differs, first each
/// packet alone, then with packets in flight together. Makes a case of that packet, with packets
/// before it if it does not fail alone; and finds the cycle, if B is an rtl: device: in a run of
/// the case, or, where it does not fail there, of the whole trace by register accesses, which
/// repeats cycle for cycle. A folder that holds a checkpoint of the same trace and devices is gone
/// on with. Throws kMismatch for a folder of another search, and as Player.
BisectReport bisect(const BisectOptions& options);

/// A few lines for a terminal.
std::string bisect_text(const BisectReport& report);

}  // namespace tandem::debug

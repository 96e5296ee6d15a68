// SPDX-License-Identifier: Apache-2.0
// Where two devices disagree in a whole run: packets, ops, layers, and what kind of disagreement.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/debug/bounds.hpp"
#include "tandem/debug/difference.hpp"
#include "tandem/debug/op_bounds.hpp"
#include "tandem/debug/player.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::debug {

/// What the pair of passes says of a layer or op.
enum class DiffClass {
  kEqual,
  kWrongAlone,      ///< Wrong although its inputs are right.
  kWrongInContext,  ///< Right with right inputs: the cause lies before it.
  kRoundingGrowth,  ///< Differs within its bounds, alone and in context.
  kWrongInFlight,   ///< Right one by one, wrong with other packets in flight: order.
  kDiffers,         ///< Differs; without an isolated pass it is not known why.
};
std::string_view to_string(DiffClass kind);

/// A packet whose results are not equal.
struct DifferingPacket {
  std::uint64_t number = 0;
  std::string op;
  std::string opcode;  ///< "MATMUL".
  std::string text;    ///< The packet as assembly.
  std::string a;       ///< What happened on each device.
  std::string b;
  std::string tensor;  ///< That holds the first differing element, or empty.
  PacketDifference difference;
  std::optional<BoundCheck> bound;  ///< Where the bounds of the op decided.
  bool failed = false;   ///< Errors differ, or one did not complete: there are no bytes to compare.
  bool outside = false;  ///< Not within bounds; on exact devices every difference is.
};

/// One pass over some packets.
struct PassFigures {
  std::uint64_t compared = 0;   ///< Packets with a result on both.
  std::uint64_t differing = 0;  ///< Results that are not equal.
  std::uint64_t outside = 0;    ///< Of those, not within bounds.
  std::uint64_t failed = 0;     ///< Of those, with another error or without a completion.
  PacketDifference total;       ///< Over the packets that differ.
  std::optional<DifferingPacket>
      first;  ///< The first that is outside, else the first that differs.
};

/// A layer ("layer.3": what stands before the first '/') or an op ("layer.3/linear").
struct DiffGroup {
  std::string name;  ///< "(none)" for packets without an op.
  std::uint64_t packets = 0;
  std::uint64_t never_completed = 0;
  PassFigures accumulated;
  PassFigures isolated;
  DiffClass kind = DiffClass::kEqual;
};

struct DiffReport {
  std::string a;  ///< Names of the devices, or of the files compared.
  std::string b;
  std::string trace;
  std::string unit = "packet";    ///< What is compared: packets, or "op" for results of ops.
  bool bounded = false;           ///< Bounds decided, not bits.
  bool saved_runs = false;        ///< Two traces: completions only.
  bool ran_isolated = false;      ///< Left out where nothing differed.
  std::vector<DiffGroup> layers;  ///< In the order in which they first run.
  std::vector<DiffGroup> ops;
  DiffGroup all;
  std::vector<DifferingPacket> accumulated;  ///< The first differing packets of each pass.
  std::vector<DifferingPacket> isolated;

  /// The packet that differs when packets are in flight together, as they were recorded, although
  /// none does one by one. No element is known.
  std::optional<DifferingPacket> in_flight;

  std::uint64_t abandoned = 0;       ///< Packets that the recorded device never ran.
  std::uint64_t checksum_bytes = 0;  ///< Written by compared packets: their checksums cover them.
  std::uint64_t compared_bytes = 0;  ///< Looked at one by one on both devices.
  /// Number of the first packet whose completion on A is not the recorded one.
  std::optional<std::uint64_t> a_not_as_recorded;
  std::string stopped;  ///< Why not everything was compared; empty if it was.
  std::vector<std::string>
      notes;  ///< Sentences for the reader: what was left out, what to do next.

  bool equal() const {
    return all.accumulated.outside == 0 && all.isolated.outside == 0 && !in_flight;
  }
  /// Nothing was compared, or two different programs were.
  bool comparable() const { return all.accumulated.compared + all.accumulated.failed != 0; }
};

/// Longest lists in DiffReport.
inline constexpr std::size_t kMaxListedPackets = 1000;

struct DiffOptions {
  std::string trace;
  OpenDevice a;
  OpenDevice b;
  bool recorded_on_a = false;           ///< The trace was just recorded on A, which repeats itself.
  bool isolated = true;                 ///< The second pass, if anything differs in the first.
  std::chrono::nanoseconds deadline{};  ///< Of one packet; 0: the devices' own.
  std::optional<Bounds> bounds;         ///< B has another arithmetic.
  /// Told now and then: "in flight", "accumulated" or "isolated", packets so far, differing ones.
  std::function<void(std::string_view pass, std::uint64_t packets, std::uint64_t differing)>
      on_progress;
};

/// Plays the trace on both devices: with packets in flight together, against the recorded
/// completions; where that differs, packet by packet, accumulated and isolated.
DiffReport diff_devices(const DiffOptions& options);

/// Compares the completions of two saved runs of the same program. Packets that are not the same
/// end the comparison.
DiffReport diff_traces(const std::string& a, const std::string& b);

/// For the terminal: a table of layers, the first differences, what was compared and what not.
std::string diff_text(const DiffReport& report);
/// One HTML page without anything from elsewhere.
std::string diff_html(const DiffReport& report);

}  // namespace tandem::debug

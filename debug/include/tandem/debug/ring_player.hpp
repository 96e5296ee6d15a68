// SPDX-License-Identifier: Apache-2.0
// A recorded trace on two devices by register accesses alone: no driver that clears interrupts,
// unmasks them or resets a device behind an error.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tandem/debug/player.hpp"

namespace tandem::debug {

/// A register of a device in which nothing is in flight.
struct RegisterDifference {
  /// "STATUS", "PACKETS", "ERROR_ADDR" ...; "WRITE2": the bytes written by engine 2; "irq": the
  /// interrupt line; "IRQ_STATUS cleared": IRQ_STATUS after all its bits were cleared.
  std::string name;
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  /// Only where the packet does not decide the value: "IRQ_MASK 2".
  std::string where;
};

struct RingOptions {
  /// All packets between two host writes in flight together, up to the size of the ring, behind
  /// one doorbell; else each alone.
  bool together = false;
  /// Time without any completion after which a device counts as hung; 0: the driver's limit.
  std::chrono::nanoseconds deadline{0};
  /// Told behind each packet, or all that were in flight together: packets that are equal so far,
  /// op of the last.
  std::function<void(std::uint64_t packets, const std::string& op)> on_progress;
};

/// The first thing in which B differs from A.
struct RingDifference {
  /// The first packet with another result or none, or the last one before the registers differed.
  TracePacket packet;
  std::uint64_t first = 0;  ///< Number of the first packet that was in flight together with it.
  std::uint64_t next = 0;   ///< Number of the packet that comes behind it in the trace; 0: none.
  /// Nothing has run yet: a register differs behind the reset. `packet` is the first one.
  bool at_reset = false;
  Outcome a, b;
  bool hung = false;  ///< B has stopped; else a record is missing though B counts it as written.
  std::optional<RegisterDifference> reg;  ///< Only where the packet's results are equal.
};

/// Plays a trace on both devices from their reset on, with rings of its own: writes packets under
/// the trace's numbers, rings the doorbell while the device is idle, reads the completions, and
/// compares them and, whenever nothing is in flight, every register that the device contract
/// defines, the bytes written by each engine (but for SCATTER_ADD, which may write a byte several
/// times), the interrupt line under each mask, and IRQ_STATUS behind clearing it. Every second
/// packet asks for an interrupt. Errors neither halt nor reset the device, so packets behind a
/// failed one run.
///
/// What the device sees depends on the trace alone, not on the time that the host takes: a run on
/// rtl: repeats cycle for cycle from each doorbell on, with stalls of the memory too.
///
/// The devices are taken over: their drivers must not be used any more. Memory should be empty.
class RingPlayer {
 public:
  RingPlayer(runtime::TraceReader trace, runtime::Device& a, runtime::Device& b,
             const RingOptions& options);
  ~RingPlayer();
  RingPlayer(const RingPlayer&) = delete;
  RingPlayer& operator=(const RingPlayer&) = delete;

  /// Plays up to the first difference or to the end. Ends, too, where A itself does not complete a
  /// packet. Once only. Throws as TraceReader.
  std::optional<RingDifference> run();
  std::uint64_t packets() const;  ///< Played so far.

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::debug

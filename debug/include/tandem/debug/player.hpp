// SPDX-License-Identifier: Apache-2.0
// A recorded trace on one device or two, packet by packet.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/debug/trace_packets.hpp"
#include "tandem/runtime/device.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::debug {

/// What a packet did on a device: it completed, or `failure` says why not (no completion within the
/// deadline, a device that is lost), or it was left out.
struct Outcome {
  std::optional<abi::Completion> completion;  ///< `seq` is the device's.
  std::string failure;
};

/// A packet that was played.
struct Step {
  Outcome a;
  Outcome b;              ///< Without a second device: empty.
  bool left_out = false;  ///< TracePacket::abandoned: not submitted.
};

/// Whether the device contract makes the records equal: opcode, engine, error, fault address,
/// checksum.
bool same_result(const abi::Completion& a, const abi::Completion& b);
/// Whether both completed with the same result, or neither did.
bool same_result(const Outcome& a, const Outcome& b);
/// "checksum 0x0123456789abcdef", "UNMAPPED at 0x1000 (...)", or why there is no completion.
std::string describe(const abi::Packet& packet, const Outcome& outcome);

/// A place between two packets of a trace, with what a device needs to go on there besides its
/// memory.
struct TracePosition {
  std::uint64_t records = 0;                         ///< Records of the trace before it.
  std::vector<std::uint64_t> program;                ///< Loaded micro-program words, from word 0.
  std::array<std::vector<std::uint32_t>, 2> tables;  ///< Empty: not loaded.

  /// One line of text, and back; `parse` throws kInvalidArgument.
  std::string to_string() const;
  static TracePosition parse(std::string_view text);
};

/// [addr, addr + num_bytes) holds a tensor.
struct TraceTensor {
  std::uint64_t addr = 0;
  std::uint64_t num_bytes = 0;
  std::string name;
};

/// Opens a device of a configuration, with empty memory.
using OpenDevice = std::function<runtime::Device(const driver::DeviceConfig&)>;

struct PlayerOptions {
  /// Before the packet that follows one whose results differ, the bytes that the latter may have
  /// written become A's on B, so every packet gets A's inputs.
  bool isolated = false;
  /// A packet that takes longer counts as hung; 0: only the devices' own limit on time without
  /// progress (TANDEM_TIMEOUT_S). The device is reset then.
  std::chrono::nanoseconds deadline{0};
};

/// How far `play_to` came.
struct PlayedRange {
  std::uint64_t packets = 0;
  /// Number of the first packet whose completion on A (or B) is not the recorded one.
  std::optional<std::uint64_t> first_difference;
  std::string failure;  ///< A packet hung or a device was lost: nothing more can be played.
};

/// Plays a trace: submits its packets, makes its host writes, and compares.
///
///     Player player(runtime::TraceReader(path), a, b);
///     while (const TracePacket* packet = player.next()) {  // before it runs
///       const Step& step = player.run();                   // both have completed it
///       if (!same_result(step.a, step.b)) ...              // memory of both can be looked at
///     }
///
/// After `next` all host writes before the packet have been made and nothing is in flight; the same
/// holds after `run`. Calling `next` again leaves the packet out. Packets have the sequence number
/// of the trace on the devices too, unless a device was used for more packets than that before or
/// had to load programs again.
///
/// What a packet that ends with BAD_INDEX or BUS_ERROR, or that hangs, leaves in its destinations
/// is unspecified: B gets A's bytes there. A device that was reset gets its micro-programs again.
///
/// Thread-safety: one thread. The devices must outlive the player; their memory should be empty at
/// the start. Throws what TraceReader throws, with the trace's path, and kMismatch for a device
/// with another configuration; faults and hangs of devices are outcomes.
class Player {
 public:
  Player(runtime::TraceReader trace, runtime::Device& a, const PlayerOptions& options = {});
  Player(runtime::TraceReader trace, runtime::Device& a, runtime::Device& b,
         const PlayerOptions& options = {});
  ~Player();
  Player(Player&&) noexcept;
  Player& operator=(Player&&) noexcept;

  const runtime::TraceInfo& info() const;
  runtime::Device& a();
  runtime::Device* b();

  /// The next packet, or nullptr behind the last one. Valid until the next call.
  const TracePacket* next();
  /// The packet that `next` gave, until it runs; else nullptr.
  const TracePacket* current() const;
  /// Runs the packet that `next` gave.
  const Step& run();
  /// Plays all packets with numbers below `number`, as fast as the devices take them and in flight
  /// together, without looking at differences in memory. `next` gives the first packet at or above
  /// it. `stop_at_difference`: what is in flight when one is seen is the last that runs.
  PlayedRange play_to(std::uint64_t number, bool stop_at_difference = false);

  /// The place behind the last packet that ran or was left out. Together with Device::snapshot a
  /// checkpoint. Call it before `next`.
  TracePosition position() const;
  /// Told of every host write and reset from now on, before the devices are, with the number of the
  /// last packet whose completion the recording host had seen; 0: none. An empty function ends it.
  using OnRecord = std::function<void(const runtime::TraceRecord& record, std::uint64_t completed)>;
  void observe(OnRecord on_record);
  /// Tensors that the trace has named so far and that meet the range.
  std::vector<TraceTensor> tensors_in(std::uint64_t addr, std::uint64_t num_bytes) const;

  /// Goes to a place further on without playing what lies between. The memory of the devices must
  /// be what it was there (Device::restore).
  void seek(const TracePosition& position);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::debug

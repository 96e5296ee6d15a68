// SPDX-License-Identifier: Apache-2.0
// The packets of a trace with their time and their work.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::debug {

/// What a packet asks of a device, whatever the device: multiply-adds of its result, and the
/// distinct bytes of each of its operands. A device may read more, e.g. an operand once in each
/// phase of a micro-program.
struct PacketWork {
  std::uint64_t macs = 0;  ///< Of MATMUL; 0 for all others.
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  /// Of VECTOR, where the trace holds its micro-program: operations on elements, those on row
  /// scalars, loads and stores not counted. `work_of` knows no programs and leaves it 0.
  std::uint64_t lane_ops = 0;
};
PacketWork work_of(const abi::Packet& packet);

/// Extents in short, e.g. "2 x 3 x 128 x 64" (batches, m, n, k) or "6 x 8" (rows, columns).
std::string shape_of(const abi::Packet& packet);

struct TimedPacket {
  std::uint64_t seq = 0;
  std::uint64_t start = 0;   ///< Device cycles; counted on through resets of the device.
  std::uint64_t cycles = 0;  ///< Dispatch to last write response.
  std::uint32_t op = 0;      ///< Index into TimedRun::ops.
  abi::Opcode opcode = abi::Opcode::kNop;
  abi::Engine engine = abi::Engine::kControl;
  abi::Fault error = abi::Fault::kNone;
  PacketWork work;  ///< None if the packet failed.
  std::string shape;

  std::uint64_t end() const { return start + cycles; }
};

/// Packets of one call of an op, or of one layer.
struct Span {
  std::uint32_t name = 0;  ///< Index into TimedRun::ops or TimedRun::layers.
  std::size_t first = 0;   ///< Packets [first, last].
  std::size_t last = 0;
};

/// A range of sequence numbers, ends included.
struct SeqRange {
  std::uint64_t first = 0;
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  bool holds(std::uint64_t seq) const { return seq >= first && seq <= last; }
};

struct TimedRun {
  std::string path;
  std::string backend;
  driver::DeviceConfig config;
  std::vector<std::string> ops;      ///< Names; the first is empty, of packets without an op.
  std::vector<std::string> layers;   ///< Names; see `run_layer_of`.
  std::vector<TimedPacket> packets;  ///< In sequence order; those that completed.
  std::vector<Span> op_spans;        ///< Calls one after the other.
  std::vector<Span> layer_spans;
  std::uint64_t untimed = 0;     ///< Packets left out because their device has no time.
  std::uint64_t unfinished = 0;  ///< Packets left out because they did not complete.

  std::uint64_t begin() const;  ///< First cycle of any packet.
  std::uint64_t end() const;    ///< Cycle behind the last one.
};

/// The layer of an op: what stands before the first '/', e.g. "layer.17". All of it without one.
std::string_view run_layer_of(std::string_view op);
/// The op without its layer, e.g. "sdpa/block"; the layer's name where nothing is left.
std::string_view op_in_layer(std::string_view op);

/// Reads a trace. Throws kInvalidArgument for a trace in which no packet of the range has time,
/// saying what to record instead, and as TraceReader.
TimedRun load_timed_run(const std::string& path, SeqRange range = {});

}  // namespace tandem::debug

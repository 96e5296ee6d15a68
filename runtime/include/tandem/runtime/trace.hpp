// SPDX-License-Identifier: Apache-2.0
// Packet traces: reading what Device::start_recording wrote, and running it again.
// docs/reference/trace_format.md describes the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/base/phys_addr.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::runtime {

class Device;

/// One entry of a trace, in the order in which things happened on the host.
struct TraceRecord {
  enum class Kind : std::uint32_t {
    kAllocate = 1,  ///< [addr, addr + num_bytes) became a live allocation called `text`.
    kFree = 2,      ///< The allocation at `addr` ended.
    kTensor = 3,    ///< [addr, addr + num_bytes) holds the tensor `text`.
    kWrite = 4,  ///< The host wrote `data` at `addr`; before the first packet also the memory found
                 ///< at the start.
    kOp = 5,     ///< Packets from here on belong to the op `text`; empty: to none.
    kPacket = 6,      ///< `packet` was submitted.
    kCompletion = 7,  ///< `completion` came back.
    kReset = 8,       ///< The device was reset: packets without a completion so far were abandoned.
  };
  Kind kind = Kind::kOp;
  PhysAddr addr;
  std::uint64_t num_bytes = 0;
  std::string text;
  std::span<const std::byte> data;  ///< Valid until the next record is read.
  abi::Packet packet;
  abi::Completion completion;
};

/// What the head of a trace says.
struct TraceInfo {
  std::string path;
  std::string backend;          ///< Name of the backend that was recorded.
  driver::DeviceConfig config;  ///< Its sizes and memory map.
  std::uint64_t abi_hash = 0;
};

/// Reads a trace front to back. Memory is bounded whatever the file holds. A damaged file throws
/// kInvalidArgument with path and byte offset, another ABI or format version kMismatch with both
/// values.
class TraceReader {
 public:
  explicit TraceReader(const std::string& path);
  ~TraceReader();
  TraceReader(TraceReader&&) noexcept;
  TraceReader& operator=(TraceReader&&) noexcept;

  /// A second reader of the same file that goes on at the same record.
  TraceReader fork() const;

  const TraceInfo& info() const;
  /// The next record; false behind the last one.
  bool next(TraceRecord& record);
  /// Records read so far.
  std::uint64_t num_records() const;

 private:
  struct Impl;
  explicit TraceReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Throws kMismatch unless the device has the memory map, the configuration name and the
/// micro-program memory that the trace was recorded with.
void check_same_device(const TraceInfo& trace, const Device& device);

/// Brings what a trace says of memory to a device: host writes, names, allocations. Allocations are
/// told to the device and not made, so that addresses stay those of the trace.
class TraceMemory {
 public:
  explicit TraceMemory(Device& device) : device_(device) {}
  /// Records of other kinds change nothing. A write does not wait for packets in flight.
  /// `at_start`: no packet has been submitted; memory that is live counts as written then, and the
  /// trace holds only what was not zero.
  void apply(const TraceRecord& record, bool at_start);

 private:
  void write_zeros(PhysAddr addr, std::uint64_t num_bytes);

  Device& device_;
  std::uint64_t zero_bytes_ = 0;
};

/// The first packet whose completion differs between trace and replay.
struct ReplayDifference {
  std::uint64_t packet = 0;  ///< Number of the packet in the trace, from 0.
  std::string op;
  std::string text;  ///< Packet and both completions, a few lines.
  abi::Packet packet_bytes;
  abi::Completion expected;
  abi::Completion found;
};

struct ReplayResult {
  std::uint64_t packets = 0;   ///< Submitted.
  std::uint64_t compared = 0;  ///< Completions compared: error, fault address, checksum.
  std::uint64_t differences = 0;
  std::optional<ReplayDifference> first;
};

struct ReplayOptions {
  /// Stop after the first difference instead of going on with what the device computed.
  bool stop_at_difference = true;
};

/// Runs a trace on a device with the same memory map, and compares every completion. Packets that
/// failed when they were recorded are expected to fail in the same way. Throws kMismatch for
/// another memory map.
ReplayResult replay(TraceReader& trace, Device& device, const ReplayOptions& options = {});

}  // namespace tandem::runtime

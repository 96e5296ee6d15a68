// SPDX-License-Identifier: Apache-2.0
// An open device: memory, queue, snapshots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tandem/base/phys_addr.hpp"
#include "tandem/driver/device_config.hpp"
#include "tandem/runtime/buffer.hpp"
#include "tandem/runtime/queue.hpp"

namespace tandem::driver {
class Driver;
}

namespace tandem::runtime {

struct DeviceOptions {
  /// A configuration: name of a file in sim_configs ("edge") or a path. Empty: the one the URI
  /// names, else "edge".
  std::string config;
};

/// Where time and bytes went on the host side since the device was opened.
struct TransferCounters {
  std::uint64_t packets = 0;
  std::uint64_t bytes_in = 0;   ///< Host to device.
  std::uint64_t bytes_out = 0;  ///< Device to host.
};

/// An open device. Move-only; closing waits for nothing.
/// Thread-safety: one thread at a time.
class Device {
 public:
  /// Opens a backend by URI ("cmodel:", "cmodel:edge?threads=2"), checks its identity and starts
  /// its queue.
  static Device open(std::string_view uri, const DeviceOptions& options = {});
  ~Device();
  Device(Device&&) noexcept;
  Device& operator=(Device&&) noexcept;

  const driver::DeviceConfig& config() const;
  std::string backend_name() const;
  Queue& queue();
  driver::Driver& driver();
  TransferCounters counters() const;

  /// Allocates from the region `region` ("weights", "activations", "kv", "ucode" ...). `align`: a
  /// power of two, 64 or more. `label` names the allocation in messages and findings. Out of memory
  /// throws kOutOfMemory and lists what is live.
  Buffer malloc(std::string_view region, std::uint64_t num_bytes, std::string_view label,
                std::uint64_t align = 64);

  /// Copies between host and device memory. Reads wait for all packets submitted before; writes do
  /// not wait: write only where no packet in flight looks.
  void copy_in(PhysAddr dst, std::span<const std::byte> src);
  void copy_out(PhysAddr src, std::span<std::byte> dst);
  /// A host window onto device memory where the backend has one, else empty.
  std::span<std::byte> window(PhysAddr addr, std::uint64_t num_bytes);
  /// Names a tensor for check mode, traces and messages.
  void name_tensor(PhysAddr addr, std::uint64_t num_bytes, std::string_view name);

  /// Findings of check mode so far, and forgets them.
  std::string take_findings();

  /// Records packets with the memory that they read into a trace file until stop_recording.
  void start_recording(const std::string& path);
  void stop_recording();

  /// Writes memory and sequence state at a packet boundary to a file (zstd); drains the queue
  /// first.
  void snapshot(const std::string& path);
  /// Loads a snapshot made by any backend with the same memory map and ABI. Live allocations stay
  /// what they are.
  void restore(const std::string& path);

 private:
  struct Impl;
  explicit Device(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::runtime

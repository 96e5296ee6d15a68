// SPDX-License-Identifier: Apache-2.0
// An open device: memory, queue, recording, snapshots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/base/phys_addr.hpp"
#include "tandem/driver/device_config.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/runtime/buffer.hpp"
#include "tandem/runtime/queue.hpp"

namespace tandem::runtime {

struct DeviceOptions {
  /// A configuration: name of a file in sim_configs ("edge") or a path. Empty: the one the URI
  /// names, else "edge".
  std::string config;
  driver::DriverOptions driver;
  /// The backend checks memory accesses; `check=1` in a URI sets it too.
  bool check_mode = false;
};

/// Where time and bytes went on the host side since the device was opened.
struct TransferCounters {
  std::uint64_t packets = 0;
  std::uint64_t bytes_in = 0;   ///< Host to device, without windows.
  std::uint64_t bytes_out = 0;  ///< Device to host, without windows.
  /// Over the checksums of all completions so far in sequence order: equal for equal runs on any
  /// exact backend.
  std::uint64_t packet_digest = 0;
};

/// How much of a region is in use.
struct RegionUse {
  std::string name;
  PhysAddr base;                   ///< First byte that can be allocated (behind the rings).
  std::uint64_t size = 0;          ///< Bytes that can be allocated in all.
  std::uint64_t used = 0;          ///< Bytes of live allocations.
  std::uint64_t largest_hole = 0;  ///< Bytes that one allocation could get.
  std::uint64_t allocations = 0;
};

struct SnapshotOptions {
  /// Another snapshot that holds its whole memory: only pages that differ from it are written, and
  /// `restore` needs that file, unchanged, at the same place relative to the new one. Empty: all
  /// pages are written.
  std::string base;
};

/// An open device. Move-only; closing waits for nothing.
/// Thread-safety: one thread at a time, buffers included.
class Device {
 public:
  /// Opens a backend by URI ("cmodel:", "cmodel:edge?threads=2"), checks its identity and starts
  /// its queue.
  static Device open(std::string_view uri, const DeviceOptions& options = {});
  /// Opens a backend by URI with the sizes and the memory map of `config`, those of a trace or a
  /// case. Throws kMismatch if the URI names another configuration. `options.config` is not used.
  static Device open_with(std::string_view uri, const driver::DeviceConfig& config,
                          const DeviceOptions& options = {});
  /// The same for a backend that exists already. `options.config` is not used.
  static Device open(std::unique_ptr<driver::Backend> backend, driver::DeviceConfig config,
                     const DeviceOptions& options = {});
  ~Device();
  Device(Device&&) noexcept;
  Device& operator=(Device&&) noexcept;

  const driver::DeviceConfig& config() const;
  std::string backend_name() const;
  Queue& queue();
  driver::Driver& driver();
  TransferCounters counters() const;
  std::vector<RegionUse> regions() const;

  /// Allocates from the region `region` ("weights", "activations", "kv", "ucode" ...). `align`: a
  /// power of two, 64 or more. `label` names the allocation in messages and findings. Out of memory
  /// throws kOutOfMemory and lists what is live.
  ///
  /// A buffer may be freed while packets that use it are in flight: `copy_in` and `window` wait for
  /// them before the host touches the bytes again.
  Buffer malloc(std::string_view region, std::uint64_t num_bytes, std::string_view label,
                std::uint64_t align = 64);

  /// Copies between host and device memory. Reads wait for all packets submitted before; writes do
  /// not wait: write only where no packet in flight looks.
  void copy_in(PhysAddr dst, std::span<const std::byte> src);
  void copy_out(PhysAddr src, std::span<std::byte> dst);
  /// A host window onto device memory where the backend has one, else empty; also empty in check
  /// mode and while recording, which must see every write. Do not write through an older window
  /// while recording.
  std::span<std::byte> window(PhysAddr addr, std::uint64_t num_bytes);
  /// Names a tensor for check mode, traces and messages.
  void name_tensor(PhysAddr addr, std::uint64_t num_bytes, std::string_view name);
  /// One sentence about an address: region, allocation, tensor.
  std::string describe(PhysAddr addr) const;

  /// Stops a run at the packet that touches one of the ranges: the call that submits it throws
  /// driver::WatchStop, which names packet, op, operand and tensor.
  void set_watch(std::vector<driver::WatchRange> ranges);

  /// Whether the device was opened for check mode.
  bool check_mode() const;
  /// Findings of check mode so far, and forgets them. Waits until nothing is in flight.
  std::string take_findings();

  /// Records packets, host writes and the memory that is there at the start into a trace file until
  /// stop_recording; see trace.hpp. Both wait until nothing is in flight.
  void start_recording(const std::string& path);
  void stop_recording();

  /// Writes memory and loaded micro-programs at a packet boundary to a file (zstd), after waiting
  /// until nothing is in flight. Covers all memory of simulated devices, else live allocations.
  void snapshot(const std::string& path, const SnapshotOptions& options = {});
  /// Loads a snapshot made by any backend with the same configuration and ABI; kMismatch otherwise,
  /// naming both. Memory that the snapshot does not hold becomes zero. Live allocations stay what
  /// they are.
  void restore(const std::string& path);

 private:
  struct Impl;
  explicit Device(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::runtime

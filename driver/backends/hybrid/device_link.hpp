// SPDX-License-Identifier: Apache-2.0
// A device that runs packets handed to it, over rings of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/driver/backend.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::hybrid {

/// Bytes of the window that a link needs in the shared memory.
inline constexpr std::uint64_t kLinkBytes = 8192;
/// Memory that only the two devices use: their rings.
struct Window {
  std::uint64_t base = 0;
  std::uint64_t num_bytes = 0;
};

/// Packets that a link takes at once.
inline constexpr std::size_t kLinkPackets = 16;

/// Thread-safety: one thread at a time; `device` as Backend.
class DeviceLink {
 public:
  /// The device gets the window as a further region, so that its rings, at `rings` in it, are
  /// mapped.
  DeviceLink(std::unique_ptr<driver::Backend> device, driver::SparseRam& ram, const Window& window,
             std::uint64_t rings);

  driver::Backend& device() { return *device_; }
  const Window& window() const { return window_; }
  const std::string& label() const { return label_; }

  /// Runs at most kLinkPackets with this memory map, as the device overlaps them, and calls `ended`
  /// for each record in order. With `halt_on_error` nothing starts behind a packet that fails; its
  /// record and later ones are told once nothing runs any more. Returns early once `cancelled` is
  /// set; the device then needs a reset. Throws what the device throws, and kDeviceFault if it does
  /// not take its rings.
  using Ended = std::function<void(const abi::Completion&)>;
  void run(std::span<const abi::Packet> packets, std::span<const abi::Region> regions,
           bool halt_on_error, const std::atomic<bool>& cancelled, const Ended& ended);

  /// Abandons what runs; micro-programs are lost.
  void reset();

  /// Completed by `run` since the link was made.
  std::uint64_t packets() const { return packets_.load(std::memory_order_relaxed); }

 private:
  void open(std::span<const abi::Region> regions);
  void write_regions(std::span<const abi::Region> regions);
  void submit(std::span<const abi::Packet> packets);
  void set_halt(bool halt_on_error);
  abi::Completion record(std::uint32_t count) const;
  void await_state(bool enabled);
  void write64(std::uint32_t lo_offset, std::uint64_t value);

  std::unique_ptr<driver::Backend> device_;
  driver::SparseRam& ram_;
  const std::string label_;
  const Window window_;
  const std::uint64_t commands_;
  const std::uint64_t completions_;
  bool open_ = false;
  bool halts_ = false;       // CTRL.HALT_ON_ERROR of the device.
  std::uint32_t count_ = 0;  // Packets since reset.
  std::vector<abi::Region> regions_;
  std::atomic<std::uint64_t> packets_{0};
};

}  // namespace tandem::hybrid

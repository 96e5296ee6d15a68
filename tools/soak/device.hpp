// SPDX-License-Identifier: Apache-2.0
// A device driven by registers and memory alone: errors are results like any other here.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "soak/sequence.hpp"
#include "tandem/driver/backend.hpp"

namespace tandem::soak {

/// What a sequence left behind, times aside.
struct Outcome {
  std::vector<abi::Completion> completions;
  std::uint64_t error_code = 0;  ///< Registers of the captured error.
  std::uint64_t error_seq = 0;
  std::uint64_t error_addr = 0;
};

/// Thread-safety: none.
class SoakDevice {
 public:
  /// Throws as driver::open_backend.
  SoakDevice(const std::string& uri, driver::DeviceConfig config);

  /// Resets the device, writes the data, rings the doorbell for the packets in random pieces and
  /// collects completions, some of which wait for room in the completion ring. Throws
  /// kDeadlineExceeded naming the packet for one that does not complete within
  /// progress_timeout().
  Outcome run(const Sequence& sequence, std::uint64_t seed);

  void read(std::uint64_t addr, std::span<std::byte> bytes) {
    device_->read(PhysAddr(addr), bytes);
  }
  void write(std::uint64_t addr, std::span<const std::byte> bytes) {
    device_->write(PhysAddr(addr), bytes);
  }
  std::string name() const { return device_->name(); }

 private:
  void start();
  void write64(std::uint32_t lo, std::uint64_t value);
  std::uint64_t read64(std::uint32_t lo);
  std::uint64_t ring_base() const;
  std::uint64_t completion_base() const;

  driver::DeviceConfig config_;
  std::unique_ptr<driver::Backend> device_;
};

}  // namespace tandem::soak

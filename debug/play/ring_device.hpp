// SPDX-License-Identifier: Apache-2.0
// A device without a driver: rings and registers.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tandem/debug/ring_player.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::debug {

/// What a register holds.
struct RegisterValue {
  const char* name;
  std::uint64_t value;
  std::uint32_t mask = 0;  ///< Of "irq": what IRQ_MASK held.
};

class RingDevice {
 public:
  static constexpr std::uint32_t kEntries = 1024;

  RingDevice(runtime::Device& device, std::chrono::nanoseconds deadline);

  /// Resets the device and gives it its regions and rings. Failures of this and all others are kept
  /// in `failure`.
  void start();
  /// Puts a packet into the ring; at most kEntries between two runs.
  void push(const abi::Packet& packet);
  /// Rings the doorbell and waits until all packets have completed.
  void run();
  /// The completion of the packet pushed as `index`th since the run before; empty: none.
  std::optional<abi::Completion> completion(std::uint32_t index) const;
  /// Registers, and interrupts under each mask; clears them. Nothing may be in flight.
  std::vector<RegisterValue> look();

  /// Why the device plays no more; empty while it does.
  const std::string& failure() const { return failure_; }
  runtime::Device& device() { return device_; }
  runtime::TraceMemory& memory() { return memory_; }

 private:
  std::uint32_t read32(std::uint32_t offset);
  void write32(std::uint32_t offset, std::uint32_t value);
  std::uint64_t read64(std::uint32_t low);
  void write64(std::uint32_t low, std::uint64_t value);
  void settle();
  void wait();
  void collect();
  template <class Call>
  void guarded(Call&& call);

  runtime::Device& device_;
  driver::Backend& backend_;
  runtime::TraceMemory memory_;
  std::chrono::nanoseconds deadline_;
  std::uint64_t ring_ = 0;  // Address; completions lie behind the packets.
  std::uint32_t tail_ = 0;
  std::uint32_t done_ = 0;
  std::vector<std::uint64_t> pushed_;  // Numbers since the last run.
  std::vector<std::uint64_t> ran_;
  std::vector<std::optional<abi::Completion>> completions_;
  std::string failure_;
};

}  // namespace tandem::debug

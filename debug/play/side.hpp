// SPDX-License-Identifier: Apache-2.0
// One of the devices of a player.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tandem/debug/player.hpp"
#include "tandem/runtime/device.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::debug {

/// A device that plays a trace: what it throws becomes outcomes.
class Side {
 public:
  Side(runtime::Device& device, std::chrono::nanoseconds deadline);

  runtime::Device& device() { return *device_; }
  runtime::TraceMemory& memory() { return memory_; }

  /// Hands the packet over, under its number where that can be, and returns the sequence number
  /// that it got. Loads lost programs first if the packet needs them.
  std::uint64_t submit(const TracePacket& packet, const TracePosition& loaded);
  /// Lets the device begin with what was submitted; `finish` does it too.
  void start();
  /// Waits for the packet that was submitted last.
  Outcome finish();
  /// Completion of a packet among the last that were waited for.
  std::optional<abi::Completion> completion(std::uint64_t seq);
  /// As recorded: the device was reset there.
  void restart();
  void lose_programs() { programs_lost_ = true; }
  bool programs_lost() const { return programs_lost_; }

 private:
  template <class Call>
  std::string failure_of(Call&& call);
  void recover();

  runtime::Device* device_;
  runtime::TraceMemory memory_;
  std::chrono::nanoseconds deadline_;
  bool programs_lost_ = false;
  std::uint64_t epoch_ = 0;
  std::uint64_t seq_ = 0;
  std::string failure_;  ///< Of the packet that was submitted last.
  std::string dead_;     ///< Why this device plays no more; empty while it does.
};

}  // namespace tandem::debug

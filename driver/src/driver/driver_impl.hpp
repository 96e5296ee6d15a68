// SPDX-License-Identifier: Apache-2.0
// State of the driver: rings, counts, faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tandem/driver/driver.hpp"

namespace tandem::driver {

/// A ring in device memory as the host sees it: a window, or a copy that is carried over in bulk.
class HostRing {
 public:
  HostRing(std::uint64_t base, std::uint32_t entries, std::size_t record_bytes)
      : base_(base), mask_(entries - 1), record_bytes_(record_bytes) {}

  /// Uses the backend's window if there is one for the whole ring.
  void attach(Backend& backend);

  std::uint64_t base() const { return base_; }
  std::uint64_t num_bytes() const { return (std::uint64_t{mask_} + 1) * record_bytes_; }
  /// Record of count `count`, which is taken modulo the entries.
  std::byte* record(std::uint64_t count) const { return host_ + (count & mask_) * record_bytes_; }
  /// Carries records [first, last) to the device or from it; nothing to do on a window.
  void push(Backend& backend, std::uint64_t first, std::uint64_t last) const;
  void pull(Backend& backend, std::uint64_t first, std::uint64_t last) const;

 private:
  template <class Move>
  void for_each_piece(std::uint64_t first, std::uint64_t last, Move&& move) const;

  std::uint64_t base_;
  std::uint64_t mask_;
  std::size_t record_bytes_;
  std::byte* host_ = nullptr;
  bool window_ = false;
  std::vector<std::byte> copy_;
};

class Driver::Impl {
 public:
  using Clock = std::chrono::steady_clock;

  Impl(std::unique_ptr<Backend> backend, DeviceConfig config, DriverOptions options);
  ~Impl();

  void start();
  void restart();
  std::uint64_t submit(abi::Packet& packet);
  void set_next_seq(std::uint64_t seq);
  void flush();
  std::uint64_t poll();
  void wait(std::uint64_t seq, std::chrono::nanoseconds limit);
  void resume();
  void set_single_step(bool on);
  void set_break(std::optional<std::uint64_t> seq);
  abi::DeviceState state();
  abi::DeviceState wait_halted_or_idle();
  std::optional<abi::Completion> completion(std::uint64_t seq) const;

  std::unique_ptr<Backend> backend;
  DeviceConfig config;
  DriverOptions options;
  Capabilities capabilities;
  CompletionHook completion_hook;
  OpNameHook op_name_hook;
  bool started = false;
  std::uint64_t submitted = 0;
  std::uint64_t completed = 0;
  std::uint64_t epoch = 0;

  std::uint64_t ring_bytes() const { return commands_.num_bytes() + completions_.num_bytes(); }

 private:
  /// Packets that a reset abandoned.
  struct Abandoned {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::string reason;
  };
  struct FailedPacket {
    abi::Packet packet;
    abi::Completion record;
  };

  std::uint32_t read(std::uint32_t offset) { return backend->read32(offset); }
  void write(std::uint32_t offset, std::uint32_t value) { backend->write32(offset, value); }
  void write64(std::uint32_t lo_offset, std::uint64_t value);

  // Control.
  void require_started() const;
  void bring_up();
  void write_memory_map();
  void write_rings();
  void wait_for_state(abi::DeviceState wanted, const char* purpose);
  void abandon(const std::string& reason);

  // Completions.
  std::uint64_t collect();
  void accept(const abi::Completion& record);
  void make_room();
  void sleep(Clock::duration longest);
  void check_halt();
  void check_abandoned(std::uint64_t seq) const;

  // Faults.
  [[noreturn]] void throw_fault();
  [[noreturn]] void throw_device_error();
  [[noreturn]] void throw_no_progress(std::uint64_t seq);
  [[noreturn]] void throw_protocol(const std::string& what);
  std::string fault_text(const FailedPacket& failed) const;
  std::string packet_name(std::uint64_t seq) const;
  std::string op_text(std::uint64_t seq) const;
  std::string state_text();
  std::string recover(const std::string& reason);

  const abi::Packet& slot(std::uint64_t seq) const {
    return *reinterpret_cast<const abi::Packet*>(commands_.record(seq - 1 - base_seq_));
  }
  std::uint32_t count(std::uint64_t seq) const {
    return static_cast<std::uint32_t>(seq - base_seq_);
  }

  HostRing commands_;
  HostRing completions_;
  std::chrono::nanoseconds timeout_{0};
  std::uint32_t ctrl_ = 0;
  std::uint64_t base_seq_ = 0;  ///< Last sequence number before the last reset; counts start there.
  std::uint64_t flushed_ = 0;   ///< Announced by the doorbell.
  std::optional<FailedPacket> failed_;
  std::string held_;  ///< Text of the fault that a halted device holds.
  std::vector<Abandoned> abandoned_;
  std::vector<abi::Completion> history_;
};

/// Name of a state as in the specification, e.g. "RUNNING".
std::string state_name(abi::DeviceState state);

}  // namespace tandem::driver

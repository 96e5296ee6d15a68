// SPDX-License-Identifier: Apache-2.0
// State of the command processor: what the host thread, the worker and a reset share, and how.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "packet_executor.hpp"
#include "register_file.hpp"
#include "tandem/driver/command_processor.hpp"

namespace tandem::driver {

/// Three rules keep the worker's path free of locks:
/// - counts (ring head and tail, completion head and tail) are atomics with one writer each;
/// - everything else changes under `control_`, and either only while the worker is parked or
/// through an atomic that
///   the worker reads once a packet;
/// - `attention_` makes the worker park after the packet that it executes.
class CommandProcessor::Impl {
 public:
  Impl(const DeviceConfig& config, std::shared_ptr<SparseRam> ram, Engine& engine);
  ~Impl();

  std::uint32_t read32(std::uint32_t offset);
  void write32(std::uint32_t offset, std::uint32_t value);
  bool wait_irq(std::chrono::nanoseconds timeout);
  void reset();
  std::vector<abi::Packet> pending() const;

 private:
  using Lock = std::unique_lock<std::mutex>;

  /// The rings as they were when the device was enabled.
  struct Rings {
    const std::byte* commands = nullptr;
    std::byte* completions = nullptr;
    std::uint32_t command_mask = 0;
    std::uint32_t completion_entries = 0;
  };

  // Host side.
  std::uint32_t status() const;
  std::uint64_t counter(std::uint32_t lo_offset) const;
  void write_control(std::uint32_t value);
  void write_command(std::uint32_t value);
  void write_config(std::uint32_t offset, std::uint32_t value);
  void doorbell(std::uint32_t tail);
  void enable(Lock& lock);
  bool open_rings();
  const std::byte* ring_memory(std::uint32_t base_lo, std::uint32_t entries,
                               std::uint64_t record_bytes, bool written) const;
  std::vector<abi::Region> region_table() const;
  void ring_error(std::uint64_t fault_addr);
  void park(Lock& lock);
  void wake();

  // Worker side.
  void work();
  bool can_run() const;
  void run();
  bool has_work() const;
  bool spin_for_work() const;
  bool issue();
  bool issue_batch();
  bool stops_at_break(std::uint64_t seq);
  /// `last`: nothing runs behind it, so that halts take effect.
  void retire(const abi::Packet& packet, abi::Engine engine, const ExecutionResult& result,
              bool last = true);

  // Both.
  void capture(abi::Fault fault, std::uint64_t seq, std::uint64_t fault_addr);
  void raise(std::uint32_t irq_bits);
  bool irq_level() const {
    return (irq_status_.load(std::memory_order_seq_cst) & regs_.get(abi::reg::kIrqMask)) != 0;
  }

  const std::shared_ptr<SparseRam> ram_;
  Engine& engine_;
  const bool takes_all_;
  RegisterFile regs_;
  PacketExecutor executor_;
  const bool observed_;

  // Written by the host.
  alignas(64) std::atomic<std::uint32_t> ring_tail_{0};
  std::atomic<std::uint32_t> cpl_head_{0};
  // Written by the worker.
  alignas(64) std::atomic<std::uint32_t> ring_head_{0};
  std::atomic<std::uint32_t> cpl_tail_{0};
  std::atomic<std::uint64_t> packets_{0};
  std::array<std::atomic<std::uint64_t>, 3> bytes_read_{};
  std::array<std::atomic<std::uint64_t>, 3> bytes_written_{};
  // Written by both, seldom.
  alignas(64) std::atomic<std::uint32_t> irq_status_{0};
  std::atomic<std::uint32_t> ctrl_{0};
  std::atomic<abi::DeviceState> halt_{abi::DeviceState::kDisabled};  ///< kDisabled: not halted.
  std::atomic<bool> attention_{false};
  std::atomic<bool> sleeping_{false};

  mutable std::mutex control_;
  std::condition_variable wake_;
  std::condition_variable parked_changed_;
  bool parked_ = false;
  bool batch_failed_ = false;  ///< A packet before the last of a batch failed. The worker's.
  bool stop_ = false;
  bool resetting_ = false;
  bool ring_failed_ = false;  ///< BAD_RING; only a reset helps.
  bool skip_break_ = false;   ///< RESUME from BREAK: the packet at the break issues once.
  Rings rings_;
  std::atomic<std::uint32_t> ring_entries_{0};  ///< 0: not enabled.

  std::mutex irq_mutex_;
  std::condition_variable irq_changed_;
  std::atomic<unsigned> irq_waiters_{0};

  mutable std::mutex current_mutex_;  ///< Guards `current_`, which only observed devices keep.
  abi::Packet current_{};

  std::thread worker_;
};

}  // namespace tandem::driver

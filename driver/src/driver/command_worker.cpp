// SPDX-License-Identifier: Apache-2.0
// Worker side of the command processor: fetch, break, execute, retire, halt.
#include <algorithm>
#include <array>
#include <cfenv>
#include <chrono>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "command_processor_impl.hpp"
#include "spin.hpp"

namespace tandem::driver {
namespace {

namespace reg = abi::reg;
using abi::DeviceState;

// Long enough to bridge the gap between two doorbells of a busy driver, short enough not to be seen
// on a shared core.
constexpr std::chrono::microseconds kIdleSpin{20};
// Packets that an engine which is a device gets at once.
constexpr std::uint32_t kMaxBatch = 16;

}  // namespace

void CommandProcessor::Impl::work() {
  // Results depend on the rounding mode and on subnormals, and a thread inherits both from its
  // creator.
  std::fesetenv(FE_DFL_ENV);
  Lock lock(control_);
  while (!stop_) {
    parked_ = true;
    parked_changed_.notify_all();
    sleeping_.store(true, std::memory_order_seq_cst);
    wake_.wait(lock, [this] { return stop_ || can_run(); });
    sleeping_.store(false, std::memory_order_relaxed);
    if (stop_) return;
    parked_ = false;
    attention_.store(false, std::memory_order_relaxed);
    lock.unlock();
    run();
    lock.lock();
  }
}

bool CommandProcessor::Impl::can_run() const {
  return !resetting_ && !ring_failed_ && ring_entries_.load(std::memory_order_relaxed) != 0 &&
         halt_.load(std::memory_order_relaxed) == DeviceState::kDisabled && has_work();
}

bool CommandProcessor::Impl::has_work() const {
  const std::uint32_t unread =
      cpl_tail_.load(std::memory_order_relaxed) - cpl_head_.load(std::memory_order_seq_cst);
  return ring_head_.load(std::memory_order_relaxed) != ring_tail_.load(std::memory_order_seq_cst) &&
         unread < rings_.completion_entries;
}

bool CommandProcessor::Impl::spin_for_work() const {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  for (Clock::duration elapsed{0}; elapsed < kIdleSpin; elapsed = Clock::now() - start) {
    if (has_work()) return true;
    if (attention_.load(std::memory_order_relaxed)) return false;
    spin_pause(elapsed);
  }
  return false;
}

void CommandProcessor::Impl::run() {
  while (!attention_.load(std::memory_order_acquire)) {
    if (!has_work() && !spin_for_work()) return;
    if (!issue()) return;
  }
}

bool CommandProcessor::Impl::stops_at_break(std::uint64_t seq) {
  if (seq != regs_.get64(reg::kBreakSeqLo)) return false;
  const Lock lock(control_);
  if (std::exchange(skip_break_, false)) return false;
  if ((ctrl_.load(std::memory_order_relaxed) & reg::kCtrlEnable) == 0) return true;
  halt_.store(DeviceState::kBreak, std::memory_order_release);
  raise(reg::kIrqStatusHalt);
  return true;
}

/// Takes one packet through its life. False: the worker is to park.
bool CommandProcessor::Impl::issue() {
  if (takes_all_) return issue_batch();
  const std::uint32_t head = ring_head_.load(std::memory_order_relaxed);
  const std::size_t slot = head & rings_.command_mask;
  abi::Packet packet;
  std::memcpy(static_cast<void*>(&packet), rings_.commands + slot * abi::kPacketBytes,
              sizeof packet);
  if ((ctrl_.load(std::memory_order_acquire) & reg::kCtrlBreakEnable) != 0 &&
      stops_at_break(packet.seq)) {
    return false;
  }
  if (observed_) {
    const Lock lock(current_mutex_);
    current_ = packet;
  }
  ring_head_.store(head + 1, std::memory_order_release);
  ExecutionResult result;
  const abi::Engine engine = executor_.execute(packet, result);
  if (executor_.cancelled.load(std::memory_order_acquire)) return false;
  retire(packet, engine, result);
  return halt_.load(std::memory_order_relaxed) == DeviceState::kDisabled;
}

/// The same for as many packets as the engine takes at once.
bool CommandProcessor::Impl::issue_batch() {
  const std::uint32_t head = ring_head_.load(std::memory_order_relaxed);
  const std::uint32_t unread =
      cpl_tail_.load(std::memory_order_relaxed) - cpl_head_.load(std::memory_order_seq_cst);
  const std::uint32_t ctrl = ctrl_.load(std::memory_order_acquire);
  batch_failed_ = false;
  std::size_t count = std::min({ring_tail_.load(std::memory_order_acquire) - head,
                                rings_.completion_entries - unread, kMaxBatch});
  if (count == 0) return true;  // Software took packets back.
  if ((ctrl & reg::kCtrlSingleStep) != 0) count = 1;
  std::array<abi::Packet, kMaxBatch> packets;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t slot = (head + i) & rings_.command_mask;
    std::memcpy(static_cast<void*>(&packets[i]), rings_.commands + slot * abi::kPacketBytes,
                abi::kPacketBytes);
    const bool may_break = (ctrl & reg::kCtrlBreakEnable) != 0;
    if (may_break && i == 0 && stops_at_break(packets[i].seq)) return false;
    if (may_break && i != 0 && packets[i].seq == regs_.get64(reg::kBreakSeqLo)) count = i;
  }
  const std::span batch(packets.data(), engine_.take(std::span(packets.data(), count)));
  const auto size = static_cast<std::uint32_t>(batch.size());
  ring_head_.store(head + size, std::memory_order_release);

  std::uint32_t done = 0;
  const auto end = [&](const ExecutionResult& result, bool last) {
    retire(batch[done++], result.engine.value_or(abi::Engine::kControl), result, last);
  };
  const bool halts = (ctrl & reg::kCtrlHaltOnError) != 0;
  std::vector<ExecutionResult> held;  // From a failure that halts on, until RING_HEAD is right.
  executor_.run(batch, halts, [&](const ExecutionResult& result) {
    if (halts && (!held.empty() || result.error != abi::Fault::kNone)) {
      held.push_back(result);
    } else {
      end(result, done + 1 == size);
    }
  });
  if (executor_.cancelled.load(std::memory_order_acquire)) return false;
  ring_head_.store(head + done + static_cast<std::uint32_t>(held.size()),
                   std::memory_order_release);
  for (std::size_t i = 0; i < held.size(); ++i) end(held[i], i + 1 == held.size());
  return halt_.load(std::memory_order_relaxed) == DeviceState::kDisabled;
}

void CommandProcessor::Impl::retire(const abi::Packet& packet, abi::Engine engine,
                                    const ExecutionResult& result, bool last) {
  const bool failed = result.error != abi::Fault::kNone;
  const bool any_failed =
      std::exchange(batch_failed_, !last && (batch_failed_ || failed)) || failed;
  abi::Completion record;
  record.seq = packet.seq;
  record.error = result.error;
  record.opcode = static_cast<std::uint8_t>(packet.opcode);
  record.engine = engine;
  record.fault_addr = result.fault_addr;
  record.checksum = failed ? 0 : result.checksum;
  record.cycles = result.cycles;
  record.start_cycle = result.start_cycle;
  const std::uint32_t tail = cpl_tail_.load(std::memory_order_relaxed);
  const std::size_t slot = tail & (rings_.completion_entries - 1);
  std::memcpy(rings_.completions + slot * abi::kCompletionBytes, &record, sizeof record);

  packets_.store(packets_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (const auto index = static_cast<std::size_t>(engine); index < bytes_read_.size()) {
    bytes_read_[index].fetch_add(result.bytes_read, std::memory_order_relaxed);
    bytes_written_[index].fetch_add(result.bytes_written, std::memory_order_relaxed);
  }
  std::uint32_t irq = (packet.flags & abi::kFlagIrq) != 0 ? reg::kIrqStatusCompletion : 0;
  const std::uint32_t ctrl = ctrl_.load(std::memory_order_acquire);
  const bool halts = last && any_failed && (ctrl & reg::kCtrlHaltOnError) != 0;
  const bool steps = last && (ctrl & reg::kCtrlSingleStep) != 0;
  if (failed || halts || steps) {
    const Lock lock(control_);
    if (failed) {
      capture(result.error, packet.seq, result.fault_addr);
      irq |= reg::kIrqStatusError;
    }
    const bool enabled = (ctrl_.load(std::memory_order_relaxed) & reg::kCtrlEnable) != 0;
    if (enabled && !ring_failed_ && (halts || steps)) {
      halt_.store(halts ? DeviceState::kError : DeviceState::kStep, std::memory_order_release);
      irq |= reg::kIrqStatusHalt;
    }
  }
  // The count comes last but for the interrupt: whoever sees it sees the record, the captured error
  // and the state.
  cpl_tail_.store(tail + 1, std::memory_order_release);
  if (irq != 0) raise(irq);
}

}  // namespace tandem::driver

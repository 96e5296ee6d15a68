// SPDX-License-Identifier: Apache-2.0
// Host side of the command processor: registers, enabling, reset, interrupt.
#include "tandem/driver/command_processor.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "command_processor_impl.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/timeouts.hpp"

namespace tandem::driver {
namespace {

namespace reg = abi::reg;
using abi::DeviceState;

constexpr std::uint32_t kMinEntries = 2;
constexpr std::uint32_t kMaxEntries = 65536;
// wait_for overflows with limits near the end of the clock.
constexpr std::chrono::nanoseconds kLongestWait = std::chrono::hours(24);

}  // namespace

CommandProcessor::Impl::Impl(const DeviceConfig& config, std::shared_ptr<SparseRam> ram,
                             Engine& engine)
    : ram_(std::move(ram)),
      engine_(engine),
      takes_all_(engine.takes_all()),
      regs_(config),
      executor_(*ram_, engine, config.ucode_words),
      observed_(engine.observes()),
      worker_([this] { work(); }) {}

CommandProcessor::Impl::~Impl() {
  {
    const Lock lock(control_);
    stop_ = true;
    executor_.cancelled = true;
    attention_ = true;
  }
  wake_.notify_all();
  worker_.join();
}

std::uint32_t CommandProcessor::Impl::status() const {
  const std::uint32_t busy = executor_.busy.load(std::memory_order_relaxed) << reg::kStatusBusyLsb;
  const DeviceState halt = halt_.load(std::memory_order_acquire);
  if (halt != DeviceState::kDisabled) return busy | static_cast<std::uint32_t>(halt);
  const std::uint32_t done = cpl_tail_.load(std::memory_order_acquire);
  DeviceState state = DeviceState::kRunning;
  if ((ctrl_.load(std::memory_order_acquire) & reg::kCtrlEnable) == 0) {
    if (ring_head_.load(std::memory_order_acquire) == done) state = DeviceState::kDisabled;
  } else if (ring_tail_.load(std::memory_order_acquire) == done) {
    state = DeviceState::kIdle;
  }
  return busy | static_cast<std::uint32_t>(state);
}

std::uint64_t CommandProcessor::Impl::counter(std::uint32_t lo_offset) const {
  if (lo_offset == reg::kPacketsLo) return packets_.load(std::memory_order_relaxed);
  const std::uint32_t in_table = lo_offset - reg::kEngineBase;
  if (in_table >= reg::kEngineCount * reg::kEngineStride) return 0;
  const std::uint32_t engine = in_table / reg::kEngineStride;
  switch (in_table % reg::kEngineStride) {
    case reg::kEngineReadLo:
      return bytes_read_[engine].load(std::memory_order_relaxed);
    case reg::kEngineWriteLo:
      return bytes_written_[engine].load(std::memory_order_relaxed);
    default:
      return 0;
  }
}

std::uint32_t CommandProcessor::Impl::read32(std::uint32_t offset) {
  const RegisterFile::Rule& rule = regs_.rule(offset);
  if (!rule.exists || rule.access == abi::Access::kWriteOnly) return 0;
  switch (offset) {
    case reg::kStatus:
      return status();
    case reg::kCtrl:
      return ctrl_.load(std::memory_order_acquire);
    case reg::kRingHead:
      return ring_head_.load(std::memory_order_acquire);
    case reg::kRingTail:
      return ring_tail_.load(std::memory_order_acquire);
    case reg::kCplHead:
      return cpl_head_.load(std::memory_order_acquire);
    case reg::kCplTail:
      return cpl_tail_.load(std::memory_order_acquire);
    case reg::kIrqStatus:
      return irq_status_.load(std::memory_order_acquire);
    default:
      break;
  }
  if (offset >= reg::kPacketsLo && offset < reg::kRegionBase) {
    const std::uint32_t lo_offset = offset & ~std::uint32_t{4};
    return static_cast<std::uint32_t>(counter(lo_offset) >> (offset == lo_offset ? 0 : 32));
  }
  return regs_.get(offset);
}

void CommandProcessor::Impl::write32(std::uint32_t offset, std::uint32_t value) {
  const RegisterFile::Rule& rule = regs_.rule(offset);
  if (!rule.exists || rule.access == abi::Access::kReadOnly) return;
  switch (offset) {
    case reg::kRingTail:
      doorbell(value);
      return;
    case reg::kCplHead:
      cpl_head_.store(value, std::memory_order_seq_cst);
      wake();
      return;
    case reg::kCtrl:
      write_control(value & rule.mask);
      return;
    case reg::kCommand:
      write_command(value);
      return;
    case reg::kIrqStatus:
      irq_status_.fetch_and(~value, std::memory_order_seq_cst);
      return;
    case reg::kIrqMask:
      regs_.set(offset, value & rule.mask);
      raise(0);
      return;
    default:
      break;
  }
  if (rule.access == abi::Access::kConfig) {
    write_config(offset, value & rule.mask);
  } else {
    regs_.set(offset, value & rule.mask);
  }
}

void CommandProcessor::Impl::write_config(std::uint32_t offset, std::uint32_t value) {
  const Lock lock(control_);
  if ((ctrl_.load(std::memory_order_relaxed) & reg::kCtrlEnable) == 0) regs_.set(offset, value);
}

void CommandProcessor::Impl::wake() {
  // Pairs with the worker, which announces its sleep before it looks at the counts a last time.
  if (!sleeping_.load(std::memory_order_seq_cst)) return;
  { const Lock lock(control_); }
  wake_.notify_one();
}

void CommandProcessor::Impl::doorbell(std::uint32_t tail) {
  const std::uint32_t entries = ring_entries_.load(std::memory_order_acquire);
  if (entries != 0 && tail - ring_head_.load(std::memory_order_acquire) > entries) {
    const Lock lock(control_);
    ring_error(tail);
    return;
  }
  ring_tail_.store(tail, std::memory_order_seq_cst);
  wake();
}

void CommandProcessor::Impl::ring_error(std::uint64_t fault_addr) {
  ring_failed_ = true;
  attention_.store(true, std::memory_order_release);
  capture(abi::Fault::kBadRing, 0, fault_addr);
  halt_.store(DeviceState::kError, std::memory_order_release);
  raise(reg::kIrqStatusError | reg::kIrqStatusHalt);
}

void CommandProcessor::Impl::write_control(std::uint32_t value) {
  Lock lock(control_);
  const std::uint32_t changed = ctrl_.load(std::memory_order_relaxed) ^ value;
  ctrl_.store(value, std::memory_order_release);
  if ((changed & reg::kCtrlEnable) == 0) return;
  attention_.store(true, std::memory_order_release);
  ring_entries_.store(0, std::memory_order_release);
  if ((value & reg::kCtrlEnable) != 0) {
    enable(lock);
  } else if (!ring_failed_) {
    halt_.store(DeviceState::kDisabled, std::memory_order_release);
  }
}

/// Waits until the worker stands still between two packets.
void CommandProcessor::Impl::park(Lock& lock) {
  attention_.store(true, std::memory_order_release);
  if (parked_changed_.wait_for(lock, kCancelTimeout, [this] { return parked_; })) return;
  throw Error(
      ErrorCode::kUnavailable,
      "the device executes a packet and does not stop: its engine ignores the cancellation");
}

void CommandProcessor::Impl::enable(Lock& lock) {
  park(lock);
  if (ring_failed_ || (ctrl_.load(std::memory_order_relaxed) & reg::kCtrlEnable) == 0) return;
  executor_.set_regions(region_table());
  if (!open_rings()) return;
  const std::uint32_t entries = regs_.get(reg::kRingEntries);
  const std::uint32_t tail = ring_tail_.load(std::memory_order_relaxed);
  if (tail - ring_head_.load(std::memory_order_relaxed) > entries) {
    ring_error(tail);
    return;
  }
  ring_entries_.store(entries, std::memory_order_release);
  wake_.notify_one();
}

std::vector<abi::Region> CommandProcessor::Impl::region_table() const {
  std::vector<abi::Region> regions(reg::kRegionCount);
  for (std::uint32_t i = 0; i < reg::kRegionCount; ++i) {
    const std::uint32_t at = reg::kRegionBase + i * reg::kRegionStride;
    const std::uint32_t attr = regs_.get(at + reg::kRegionAttr);
    regions[i] = {regs_.get64(at + reg::kRegionBaseLo), regs_.get64(at + reg::kRegionSizeLo),
                  (attr & reg::kRegionAttrValid) != 0, (attr & reg::kRegionAttrWritable) != 0};
  }
  return regions;
}

const std::byte* CommandProcessor::Impl::ring_memory(std::uint32_t base_lo, std::uint32_t entries,
                                                     std::uint64_t record_bytes,
                                                     bool written) const {
  const std::uint64_t base = regs_.get64(base_lo);
  if (!std::has_single_bit(entries) || entries < kMinEntries || entries > kMaxEntries ||
      base % record_bytes != 0) {
    return nullptr;
  }
  abi::Operand ring;
  ring.role = written ? abi::Role::kWrite : abi::Role::kRead;
  ring.base = base;
  ring.run_bytes = entries * record_bytes;
  if (base > ~ring.run_bytes || abi::check_extents({&ring, 1}, executor_.regions())) return nullptr;
  return ram_->pointer(base, ring.run_bytes);
}

bool CommandProcessor::Impl::open_rings() {
  const std::uint32_t entries = regs_.get(reg::kRingEntries);
  const std::uint32_t records = regs_.get(reg::kCplEntries);
  const std::byte* commands =
      ring_memory(reg::kRingBaseLo, entries, abi::kPacketBytes, /*written=*/false);
  if (commands == nullptr) {
    ring_error(regs_.get64(reg::kRingBaseLo));
    return false;
  }
  const std::byte* completions =
      ring_memory(reg::kCplBaseLo, records, abi::kCompletionBytes, /*written=*/true);
  if (completions == nullptr) {
    ring_error(regs_.get64(reg::kCplBaseLo));
    return false;
  }
  rings_ = {commands, const_cast<std::byte*>(completions), entries - 1, records};
  return true;
}

void CommandProcessor::Impl::write_command(std::uint32_t value) {
  if ((value & reg::kCommandReset) != 0) {
    reset();
    return;
  }
  if ((value & reg::kCommandResume) == 0) return;
  const Lock lock(control_);
  if (ring_failed_) return;
  skip_break_ = halt_.load(std::memory_order_relaxed) == DeviceState::kBreak;
  halt_.store(DeviceState::kDisabled, std::memory_order_release);
  wake_.notify_one();
}

void CommandProcessor::Impl::reset() {
  Lock lock(control_);
  parked_changed_.wait(lock, [this] { return !resetting_; });
  resetting_ = true;
  executor_.cancelled.store(true, std::memory_order_release);
  try {
    park(lock);
  } catch (const Error&) {
    resetting_ = false;
    throw;
  }
  regs_.reset();
  ctrl_ = 0;
  ring_entries_ = 0;
  ring_tail_ = ring_head_ = cpl_head_ = cpl_tail_ = 0;
  irq_status_ = 0;
  packets_ = 0;
  for (auto& bytes : bytes_read_) bytes = 0;
  for (auto& bytes : bytes_written_) bytes = 0;
  ring_failed_ = skip_break_ = false;
  halt_ = DeviceState::kDisabled;
  executor_.set_regions({});
  executor_.reset();
  executor_.cancelled.store(false, std::memory_order_release);
  resetting_ = false;
  parked_changed_.notify_all();
}

bool CommandProcessor::Impl::wait_irq(std::chrono::nanoseconds timeout) {
  if (irq_level()) return true;
  Lock lock(irq_mutex_);
  irq_waiters_.fetch_add(1, std::memory_order_seq_cst);
  const bool level =
      irq_changed_.wait_for(lock, std::min(timeout, kLongestWait), [this] { return irq_level(); });
  irq_waiters_.fetch_sub(1, std::memory_order_relaxed);
  return level;
}

void CommandProcessor::Impl::raise(std::uint32_t irq_bits) {
  irq_status_.fetch_or(irq_bits, std::memory_order_seq_cst);
  // Pairs with wait_irq, which announces itself before it looks at the level a last time.
  if (irq_waiters_.load(std::memory_order_seq_cst) == 0) return;
  { const Lock lock(irq_mutex_); }
  irq_changed_.notify_all();
}

void CommandProcessor::Impl::capture(abi::Fault fault, std::uint64_t seq,
                                     std::uint64_t fault_addr) {
  if (regs_.get(reg::kErrorCode) != 0) return;
  regs_.set64(reg::kErrorSeqLo, seq);
  regs_.set64(reg::kErrorAddrLo, fault_addr);
  regs_.set(reg::kErrorCode, static_cast<std::uint32_t>(fault));
}

std::vector<abi::Packet> CommandProcessor::Impl::pending() const {
  const Lock lock(control_);
  std::vector<abi::Packet> packets;
  if (rings_.commands == nullptr) return packets;
  const std::uint32_t done = cpl_tail_.load(std::memory_order_acquire);
  const std::uint32_t fetched = ring_head_.load(std::memory_order_acquire);
  const std::uint32_t tail = ring_tail_.load(std::memory_order_acquire);
  if (fetched != done && observed_) {
    // The slot of the packet in execution may hold a newer one.
    const Lock current_lock(current_mutex_);
    packets.push_back(current_);
  }
  for (std::uint32_t count = fetched; count != tail; ++count) {
    const std::size_t slot = count & rings_.command_mask;
    std::memcpy(static_cast<void*>(&packets.emplace_back()),
                rings_.commands + slot * abi::kPacketBytes, abi::kPacketBytes);
  }
  return packets;
}

CommandProcessor::CommandProcessor(const DeviceConfig& config, std::shared_ptr<SparseRam> ram,
                                   Engine& engine)
    : impl_(std::make_unique<Impl>(config, std::move(ram), engine)) {}

CommandProcessor::~CommandProcessor() = default;

std::uint32_t CommandProcessor::read32(std::uint32_t offset) { return impl_->read32(offset); }
void CommandProcessor::write32(std::uint32_t offset, std::uint32_t value) {
  impl_->write32(offset, value);
}
bool CommandProcessor::wait_irq(std::chrono::nanoseconds timeout) {
  return impl_->wait_irq(timeout);
}
void CommandProcessor::reset() { impl_->reset(); }
std::vector<abi::Packet> CommandProcessor::pending() const { return impl_->pending(); }

}  // namespace tandem::driver

// SPDX-License-Identifier: Apache-2.0
#include "ring_device.hpp"

#include <fmt/format.h>

#include <span>
#include <thread>

#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/backend.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/driver/timeouts.hpp"

namespace tandem::debug {
namespace {

namespace reg = abi::reg;
using Clock = std::chrono::steady_clock;

/// Reads of STATUS that let a device come to rest: each takes cycles of a clocked one.
constexpr unsigned kRestReads = 32;
/// More do not help: it is not idle.
constexpr unsigned kMostReads = 1024;
/// Looks at CPL_TAIL before the host pauses between them.
constexpr unsigned kSpins = 200;
constexpr std::uint64_t kRecordsAt = std::uint64_t{RingDevice::kEntries} * sizeof(abi::Packet);

constexpr std::uint32_t write_counter(std::uint32_t engine) {
  return reg::kEngineBase + engine * reg::kEngineStride + reg::kEngineWriteLo;
}

}  // namespace

RingDevice::RingDevice(runtime::Device& device, std::chrono::nanoseconds deadline)
    : device_(device),
      backend_(device.driver().backend()),
      memory_(device),
      deadline_(deadline.count() > 0 ? deadline : driver::progress_timeout()) {
  for (const driver::RegionConfig& region : device.config().regions) {
    if (region.name == device.driver().options().ring_region) ring_ = region.base.value;
  }
}

template <class Call>
void RingDevice::guarded(Call&& call) {
  if (!failure_.empty()) return;
  try {
    call();
  } catch (const Error& error) {
    failure_ = error.what();
  }
}

std::uint32_t RingDevice::read32(std::uint32_t offset) { return backend_.read32(offset); }
void RingDevice::write32(std::uint32_t offset, std::uint32_t value) {
  backend_.write32(offset, value);
}
std::uint64_t RingDevice::read64(std::uint32_t low) {
  const std::uint64_t word = read32(low);
  return word | std::uint64_t{read32(low + 4)} << 32;
}
void RingDevice::write64(std::uint32_t low, std::uint64_t value) {
  write32(low, static_cast<std::uint32_t>(value));
  write32(low + 4, static_cast<std::uint32_t>(value >> 32));
}

void RingDevice::start() {
  guarded([this] {
    write32(reg::kCommand, reg::kCommandReset);
    std::uint32_t at = reg::kRegionBase;
    for (const driver::RegionConfig& region : device_.config().regions) {
      write64(at + reg::kRegionBaseLo, region.base.value);
      write64(at + reg::kRegionSizeLo, region.size);
      write32(at + reg::kRegionAttr,
              reg::kRegionAttrValid | (region.writable ? reg::kRegionAttrWritable : 0));
      at += reg::kRegionStride;
    }
    write64(reg::kRingBaseLo, ring_);
    write32(reg::kRingEntries, kEntries);
    write64(reg::kCplBaseLo, ring_ + kRecordsAt);
    write32(reg::kCplEntries, kEntries);
    write32(reg::kCtrl, reg::kCtrlEnable);
    settle();
  });
}

/// Until the device is idle, and for a while if it is: what its last packet left over is gone then,
/// however fast the host is.
void RingDevice::settle() {
  for (unsigned reads = 0; reads < kMostReads; ++reads) {
    const std::uint32_t status = read32(reg::kStatus);
    const auto state = static_cast<abi::DeviceState>(status & reg::kStatusState);
    const bool idle = state != abi::DeviceState::kRunning && (status & reg::kStatusBusy) == 0;
    if (idle && reads >= kRestReads) return;
  }
}

void RingDevice::push(const abi::Packet& packet) {
  guarded([&] {
    const std::uint64_t slot = (tail_ + pushed_.size()) % kEntries;
    const abi::Completion none{};
    backend_.write(PhysAddr(ring_ + slot * sizeof packet), std::as_bytes(std::span(&packet, 1)));
    backend_.write(PhysAddr(ring_ + kRecordsAt + slot * sizeof none),
                   std::as_bytes(std::span(&none, 1)));
    pushed_.push_back(packet.seq);
  });
}

void RingDevice::run() {
  ran_.swap(pushed_);
  pushed_.clear();
  completions_.assign(ran_.size(), std::nullopt);
  guarded([this] {
    settle();
    tail_ += static_cast<std::uint32_t>(ran_.size());
    write32(reg::kRingTail, tail_);
    wait();
  });
  // What completed before a failure counts.
  collect();
  guarded([this] {
    write32(reg::kCplHead, done_);
    settle();
  });
}

void RingDevice::wait() {
  auto progress = Clock::now();
  for (unsigned looks = 0;; ++looks) {
    const std::uint32_t done = read32(reg::kCplTail);
    if (done == tail_) return;
    if (done != done_) {
      done_ = done;
      progress = Clock::now();
    } else if (Clock::now() - progress > deadline_) {
      failure_ = fmt::format("no completion for {:.1f} s: {} of {} packets have completed",
                             std::chrono::duration<double>(deadline_).count(), done, tail_);
      return;
    }
    if (looks > kSpins) std::this_thread::sleep_for(driver::kPollPause);
  }
}

void RingDevice::collect() {
  const std::uint32_t first = tail_ - static_cast<std::uint32_t>(ran_.size());
  for (std::uint32_t i = 0; i < ran_.size(); ++i) {
    abi::Completion record;
    const std::uint64_t slot = (first + i) % kEntries;
    backend_.read(PhysAddr(ring_ + kRecordsAt + slot * sizeof record),
                  std::as_writable_bytes(std::span(&record, 1)));
    if (record.seq == ran_[i]) completions_[i] = record;
  }
  if (failure_.empty()) done_ = tail_;
}

std::optional<abi::Completion> RingDevice::completion(std::uint32_t index) const {
  return index < completions_.size() ? completions_[index] : std::nullopt;
}

std::vector<RegisterValue> RingDevice::look() {
  std::vector<RegisterValue> values;
  guarded([&] {
    values = {{"STATUS", read32(reg::kStatus)},          {"RING_HEAD", read32(reg::kRingHead)},
              {"CPL_TAIL", read32(reg::kCplTail)},       {"PACKETS", read64(reg::kPacketsLo)},
              {"ERROR_CODE", read32(reg::kErrorCode)},   {"ERROR_SEQ", read64(reg::kErrorSeqLo)},
              {"ERROR_ADDR", read64(reg::kErrorAddrLo)}, {"IRQ_STATUS", read32(reg::kIrqStatus)},
              {"WRITE0", read64(write_counter(0))},      {"WRITE1", read64(write_counter(1))},
              {"WRITE2", read64(write_counter(2))}};
    for (const std::uint32_t mask :
         {reg::kIrqStatusCompletion, reg::kIrqStatusError, 0U, reg::kIrqStatusHalt}) {
      write32(reg::kIrqMask, mask);
      read32(reg::kIrqMask);  // The line follows a cycle later.
      const bool level = backend_.wait_irq(std::chrono::nanoseconds(0));
      values.push_back({"irq", level ? 1U : 0U, mask});
    }
    write32(reg::kIrqStatus, ~std::uint32_t{0});
    values.push_back({"IRQ_STATUS cleared", read32(reg::kIrqStatus)});
  });
  return values;
}

}  // namespace tandem::debug

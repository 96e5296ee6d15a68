// SPDX-License-Identifier: Apache-2.0
#include "device_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/timeouts.hpp"

namespace tandem::hybrid {
namespace {

namespace reg = abi::reg;
using abi::DeviceState;
using Clock = std::chrono::steady_clock;

constexpr auto kEntries = static_cast<std::uint32_t>(kLinkPackets);
constexpr std::chrono::microseconds kSpin{20};
// A reset is noticed so soon.
constexpr std::chrono::milliseconds kSlice{2};

DeviceState state_of(driver::Backend& device) {
  return static_cast<DeviceState>(device.read32(reg::kStatus) & reg::kStatusState);
}

bool same(const abi::Region& a, const abi::Region& b) {
  return a.valid == b.valid &&
         (!a.valid || (a.base == b.base && a.size == b.size && a.writable == b.writable));
}

}  // namespace

DeviceLink::DeviceLink(std::unique_ptr<driver::Backend> device, driver::SparseRam& ram,
                       const Window& window, std::uint64_t rings)
    : device_(std::move(device)),
      ram_(ram),
      label_(device_->name()),
      window_(window),
      commands_(rings),
      completions_(rings + kEntries * abi::kPacketBytes) {}

void DeviceLink::write64(std::uint32_t lo_offset, std::uint64_t value) {
  device_->write32(lo_offset, static_cast<std::uint32_t>(value));
  device_->write32(lo_offset + 4, static_cast<std::uint32_t>(value >> 32));
}

void DeviceLink::await_state(bool enabled) {
  const auto start = Clock::now();
  while ((state_of(*device_) != DeviceState::kDisabled) != enabled) {
    if (Clock::now() - start >= driver::kControlTimeout) {
      throw Error(ErrorCode::kDeadlineExceeded,
                  fmt::format("hybrid: {} does not become {}, STATUS is {:#x}", label_,
                              enabled ? "enabled" : "DISABLED", device_->read32(reg::kStatus)));
    }
    std::this_thread::yield();
  }
}

void DeviceLink::write_regions(std::span<const abi::Region> regions) {
  bool placed = false;  // The region of the rings, in the first entry that software does not use.
  for (std::uint32_t i = 0; i < reg::kRegionCount; ++i) {
    abi::Region region = i < regions.size() ? regions[i] : abi::Region{};
    if (!region.valid && !std::exchange(placed, true)) {
      region = {window_.base, window_.num_bytes, true, true};
    }
    const std::uint32_t at = reg::kRegionBase + i * reg::kRegionStride;
    write64(at + reg::kRegionBaseLo, region.base);
    write64(at + reg::kRegionSizeLo, region.size);
    device_->write32(at + reg::kRegionAttr, (region.valid ? reg::kRegionAttrValid : 0) |
                                                (region.writable ? reg::kRegionAttrWritable : 0));
  }
  if (placed) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("hybrid: all {} regions of the memory map are in use; one must be free "
                          "for the rings of the two devices",
                          reg::kRegionCount));
}

void DeviceLink::open(std::span<const abi::Region> regions) {
  device_->write32(reg::kCtrl, 0);
  await_state(false);
  // What a halted device had not begun is taken back.
  count_ = device_->read32(reg::kRingHead);
  device_->write32(reg::kRingTail, count_);
  write_regions(regions);
  write64(reg::kRingBaseLo, commands_);
  device_->write32(reg::kRingEntries, kEntries);
  write64(reg::kCplBaseLo, completions_);
  device_->write32(reg::kCplEntries, kEntries);
  device_->write32(reg::kIrqMask, reg::kIrqStatusCompletion | reg::kIrqStatusError);
  device_->write32(reg::kCtrl, reg::kCtrlEnable);
  halts_ = false;
  await_state(true);
  if (state_of(*device_) == DeviceState::kError) {
    throw Error(ErrorCode::kDeviceFault,
                fmt::format("hybrid: {} does not take its rings at {:#x}: ERROR_CODE {:#x}, "
                            "ERROR_ADDR {:#x}",
                            label_, commands_, device_->read32(reg::kErrorCode),
                            device_->read32(reg::kErrorAddrLo)));
  }
  regions_.assign(regions.begin(), regions.end());
  open_ = true;
}

void DeviceLink::set_halt(bool halt_on_error) {
  if (halts_ == halt_on_error) return;
  device_->write32(reg::kCtrl, reg::kCtrlEnable | (halt_on_error ? reg::kCtrlHaltOnError : 0));
  halts_ = halt_on_error;
}

void DeviceLink::submit(std::span<const abi::Packet> packets) {
  for (abi::Packet copy : packets) {
    copy.flags |= abi::kFlagIrq;  // What `run` sleeps on; the packet's own is the caller's.
    const std::uint64_t slot = count_++ % kEntries;
    ram_.write(commands_ + slot * abi::kPacketBytes, std::as_bytes(std::span(&copy, 1)));
  }
  device_->write32(reg::kRingTail, count_);
}

abi::Completion DeviceLink::record(std::uint32_t count) const {
  abi::Completion found;
  ram_.read(completions_ + count % kEntries * std::uint64_t{abi::kCompletionBytes},
            std::as_writable_bytes(std::span(&found, 1)));
  return found;
}

void DeviceLink::run(std::span<const abi::Packet> packets, std::span<const abi::Region> regions,
                     bool halt_on_error, const std::atomic<bool>& cancelled, const Ended& ended) {
  const bool same_map =
      open_ && std::equal(regions.begin(), regions.end(), regions_.begin(), regions_.end(), same);
  if (!same_map) open(regions);
  set_halt(halt_on_error);
  std::uint32_t next = count_;  // Record to come.
  submit(packets);
  bool failed = false;  // The device halts, or has halted.
  bool drained = false;
  auto progress = Clock::now();
  while (next != count_ && !(failed && drained)) {
    // The state first: what is counted once the device stands still is all.
    drained = failed && state_of(*device_) == DeviceState::kError;
    const std::uint32_t tail = device_->read32(reg::kCplTail);
    if (tail == next && drained) break;
    if (tail == next) {
      if (cancelled.load(std::memory_order_relaxed)) return;
      if (Clock::now() - progress < kSpin) {
        std::this_thread::yield();
      } else if (device_->wait_irq(kSlice)) {
        device_->write32(reg::kIrqStatus, ~std::uint32_t{0});
      }
      continue;
    }
    for (; next != tail; ++next) {
      const abi::Completion found = record(next);
      failed = failed || (halt_on_error && found.error != abi::Fault::kNone);
      packets_.fetch_add(1, std::memory_order_relaxed);
      ended(found);
    }
    device_->write32(reg::kCplHead, next);
    progress = Clock::now();
  }
  if (failed) open_ = false;  // `open` takes back what was not begun.
}

void DeviceLink::reset() {
  open_ = false;
  count_ = 0;
  device_->reset();
}

}  // namespace tandem::hybrid

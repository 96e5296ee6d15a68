// SPDX-License-Identifier: Apache-2.0
#include "soak/device.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/driver/sparse_ram.hpp"
#include "tandem/driver/timeouts.hpp"

namespace tandem::soak {
namespace {

namespace reg = abi::reg;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kEntries = 32;
// Fewer than the command ring has: packets wait for records.
constexpr std::uint32_t kCompletionEntries = 16;

}  // namespace

SoakDevice::SoakDevice(const std::string& uri, driver::DeviceConfig config)
    : config_(std::move(config)), device_(driver::open_backend(uri, config_)) {}

std::uint64_t SoakDevice::ring_base() const { return config_.regions[0].base.value; }
std::uint64_t SoakDevice::completion_base() const {
  return ring_base() + kEntries * std::uint64_t{abi::kPacketBytes};
}

void SoakDevice::write64(std::uint32_t lo, std::uint64_t value) {
  device_->write32(lo, static_cast<std::uint32_t>(value));
  device_->write32(lo + 4, static_cast<std::uint32_t>(value >> 32));
}

std::uint64_t SoakDevice::read64(std::uint32_t lo) {
  const std::uint64_t low = device_->read32(lo);
  return low | std::uint64_t{device_->read32(lo + 4)} << 32;
}

void SoakDevice::start() {
  device_->write32(reg::kCommand, reg::kCommandReset);
  // The result of a sequence is not to depend on those before it.
  if (const auto ram = device_->ram()) ram->clear();
  for (std::uint32_t i = 0; i < config_.regions.size(); ++i) {
    const driver::RegionConfig& region = config_.regions[i];
    const std::uint32_t at = reg::kRegionBase + i * reg::kRegionStride;
    write64(at + reg::kRegionBaseLo, region.base.value);
    write64(at + reg::kRegionSizeLo, region.size);
    device_->write32(at + reg::kRegionAttr,
                     reg::kRegionAttrValid | (region.writable ? reg::kRegionAttrWritable : 0));
  }
  write64(reg::kRingBaseLo, ring_base());
  device_->write32(reg::kRingEntries, kEntries);
  write64(reg::kCplBaseLo, completion_base());
  device_->write32(reg::kCplEntries, kCompletionEntries);
  device_->write32(reg::kCtrl, reg::kCtrlEnable);
}

Outcome SoakDevice::run(const Sequence& sequence, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  start();
  for (const Data& data : sequence.data) write(data.addr, std::as_bytes(std::span(data.bytes)));
  Outcome outcome;
  const auto total = static_cast<std::uint32_t>(sequence.steps.size());
  std::uint32_t sent = 0;
  auto progress = Clock::now();
  while (outcome.completions.size() < total) {
    const auto done = static_cast<std::uint32_t>(outcome.completions.size());
    const std::uint32_t room = std::min(total - sent, kEntries - (sent - done));
    // Mostly everything at once: the more is in flight, the more engines overlap.
    const std::uint32_t piece =
        random() % 3 != 0 ? room : static_cast<std::uint32_t>(random() % (room + 1));
    if (piece != 0) {
      for (std::uint32_t i = 0; i < piece; ++i, ++sent) {
        write(ring_base() + sent % kEntries * std::uint64_t{abi::kPacketBytes},
              std::as_bytes(std::span(&sequence.steps[sent].packet, 1)));
      }
      device_->write32(reg::kRingTail, sent);
    }
    const std::uint32_t tail = device_->read32(reg::kCplTail);
    if (tail == done) {
      const auto waited = Clock::now() - progress;
      if (waited > driver::progress_timeout()) {
        throw Error(ErrorCode::kDeadlineExceeded,
                    fmt::format("{}: packet {} did not complete (STATUS {:#x}): {}", name(),
                                done + 1, device_->read32(reg::kStatus),
                                abi::disassemble(sequence.steps[done].packet)));
      }
      if (waited > std::chrono::milliseconds(1)) std::this_thread::sleep_for(driver::kPollPause);
      continue;
    }
    for (std::uint32_t count = done; count != tail; ++count) {
      abi::Completion& record = outcome.completions.emplace_back();
      read(completion_base() + count % kCompletionEntries * std::uint64_t{abi::kCompletionBytes},
           std::as_writable_bytes(std::span(&record, 1)));
    }
    device_->write32(reg::kCplHead, tail);
    progress = Clock::now();
  }
  outcome.error_code = device_->read32(reg::kErrorCode);
  outcome.error_seq = read64(reg::kErrorSeqLo);
  outcome.error_addr = read64(reg::kErrorAddrLo);
  return outcome;
}

}  // namespace tandem::soak

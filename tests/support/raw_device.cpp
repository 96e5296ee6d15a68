// SPDX-License-Identifier: Apache-2.0
#include "support/raw_device.hpp"

#include <fmt/format.h>

#include <thread>

#include "tandem/base/error.hpp"
#include "tandem/driver/timeouts.hpp"

namespace tandem::tests {
namespace {

namespace reg = abi::reg;

}  // namespace

driver::DeviceConfig test_config() {
  driver::DeviceConfig config;
  config.name = "conformance";
  config.ucode_words = 1024;
  config.regions = {
      {"commands", PhysAddr(map::kCommands), map::kCommandsSize, true},
      {"data", PhysAddr(map::kData), map::kDataSize, true},
      {"low", PhysAddr(map::kLow), map::kLowSize, true},
      {"high", PhysAddr(map::kHigh), map::kHighSize, true},
      {"rom", PhysAddr(map::kRom), map::kRomSize, false},
  };
  return config;
}

void RawDevice::w64(std::uint32_t lo, std::uint64_t value) {
  w(lo, static_cast<std::uint32_t>(value));
  w(lo + 4, static_cast<std::uint32_t>(value >> 32));
}

void RawDevice::reset() {
  w(reg::kCommand, reg::kCommandReset);
  tail_ = head_ = 0;
  seq_ = 0;
  wait_state(abi::DeviceState::kDisabled);
}

void RawDevice::write_regions() {
  const driver::DeviceConfig config = test_config();
  for (std::uint32_t i = 0; i < config.regions.size(); ++i) {
    const driver::RegionConfig& region = config.regions[i];
    const std::uint32_t at = reg::kRegionBase + i * reg::kRegionStride;
    w64(at + reg::kRegionBaseLo, region.base.value);
    w64(at + reg::kRegionSizeLo, region.size);
    w(at + reg::kRegionAttr,
      reg::kRegionAttrValid | (region.writable ? reg::kRegionAttrWritable : 0));
  }
}

void RawDevice::configure(std::uint32_t entries, std::uint32_t completion_entries) {
  entries_ = entries;
  completion_entries_ = completion_entries;
  write_regions();
  w64(reg::kRingBaseLo, kRing);
  w(reg::kRingEntries, entries);
  w64(reg::kCplBaseLo, kCompletions);
  w(reg::kCplEntries, completion_entries);
}

void RawDevice::enable(std::uint32_t ctrl_bits) {
  w(reg::kCtrl, reg::kCtrlEnable | ctrl_bits);
  wait_until([this] { return state() != abi::DeviceState::kDisabled; }, "leaving DISABLED");
}

void RawDevice::start(std::uint32_t ctrl_bits, std::uint32_t entries,
                      std::uint32_t completion_entries) {
  reset();
  configure(entries, completion_entries);
  enable(ctrl_bits);
}

std::uint64_t RawDevice::post_packet(abi::Packet packet) {
  packet.seq = ++seq_;
  write_one(kRing + (tail_ % entries_) * abi::kPacketBytes, packet);
  ++tail_;
  return packet.seq;
}

void RawDevice::wait_records(std::uint32_t count) {
  wait_until([&] { return r(reg::kCplTail) - head_ >= count; }, "completions");
}

abi::Completion RawDevice::next() {
  wait_records(1);
  const auto record = read_one<abi::Completion>(kCompletions + (head_ % completion_entries_) *
                                                                   abi::kCompletionBytes);
  w(reg::kCplHead, ++head_);
  return record;
}

abi::Completion RawDevice::load_program(std::span<const std::uint64_t> words, std::uint32_t first,
                                        std::uint64_t addr) {
  write(addr, words);
  abi::LoadUcodePacket packet;
  packet.words = static_cast<std::uint32_t>(words.size());
  packet.dst_word = first;
  packet.src_addr = addr;
  return run(packet);
}

void RawDevice::wait_state(abi::DeviceState wanted) {
  wait_until([&] { return state() == wanted; },
             fmt::format("state {}", static_cast<int>(wanted)).c_str());
}

void RawDevice::wait_until(const std::function<bool()>& condition, const char* what) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + driver::progress_timeout() / 4;
  for (unsigned polls = 0; !condition(); ++polls) {
    if (Clock::now() > deadline) {
      throw Error(ErrorCode::kDeadlineExceeded,
                  fmt::format("device did not reach {}: STATUS {:#x}, RING_HEAD {}, RING_TAIL {}, "
                              "CPL_HEAD {}, CPL_TAIL {}, ERROR_CODE {}",
                              what, r(reg::kStatus), r(reg::kRingHead), r(reg::kRingTail),
                              r(reg::kCplHead), r(reg::kCplTail), r(reg::kErrorCode)));
    }
    if (polls > 1000) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

}  // namespace tandem::tests

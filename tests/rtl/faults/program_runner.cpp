// SPDX-License-Identifier: Apache-2.0
#include "program_runner.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstring>
#include <span>
#include <thread>
#include <variant>

#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::rtlmodel {
namespace {

namespace reg = abi::reg;

constexpr std::uint32_t kEntries = 64;
constexpr std::uint64_t kCompletionOffset = 0x10'0000;  // In the region of the rings.
constexpr unsigned kQuietSteps = 320;                   // Without a completion: hung.

/// A backend of the registry.
class InProcess final : public Target {
 public:
  InProcess(const std::string& uri, const driver::DeviceConfig& config)
      : backend_(driver::open_backend(uri, config)) {}
  std::uint32_t read32(std::uint32_t offset) override { return backend_->read32(offset); }
  void write32(std::uint32_t offset, std::uint32_t value) override {
    backend_->write32(offset, value);
  }
  void step() override { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }
  bool irq() override { return backend_->wait_irq(std::chrono::nanoseconds(0)); }
  bool timed() const override { return false; }
  driver::SparseRam& ram() override { return *backend_->ram(); }

 private:
  std::unique_ptr<driver::Backend> backend_;
};

class Runner {
 public:
  Runner(Target& target, const driver::DeviceConfig& config, Outcome& outcome)
      : target_(target),
        config_(config),
        outcome_(outcome),
        ring_(config.regions.front().base.value) {}

  void run(const abi::ExecFile& program) {
    start();
    for (const abi::ExecStep& step : program.steps) {
      std::visit([this](const auto& s) { take(s); }, step);
      if (outcome_.hung) return;
    }
    settle();
  }

  /// What software sees of a device that stands.
  void look() {
    const std::uint64_t rings_end = ring_ + config_.regions.front().size;
    target_.ram().for_each_page([&](std::uint64_t addr, std::span<const std::byte> page) {
      if (addr < ring_ || addr >= rings_end) outcome_.pages[addr].assign(page.begin(), page.end());
    });
    if (outcome_.hung) return;
    auto& r = outcome_.registers;
    r["STATUS"] = target_.read32(reg::kStatus) & reg::kStatusState;
    r["RING_HEAD"] = target_.read32(reg::kRingHead);
    r["CPL_TAIL"] = target_.read32(reg::kCplTail);
    r["IRQ_STATUS"] = target_.read32(reg::kIrqStatus);
    r["ERROR_CODE"] = target_.read32(reg::kErrorCode);
    r["ERROR_SEQ"] = target_.read64(reg::kErrorSeqLo);
    r["ERROR_ADDR"] = target_.read64(reg::kErrorAddrLo);
    r["PACKETS"] = target_.read64(reg::kPacketsLo);
    r["irq"] = target_.irq() ? 1 : 0;
    if (!target_.timed()) return;
    for (std::uint32_t e = 0; e < reg::kEngineCount; ++e) {
      const std::uint32_t at = reg::kEngineBase + e * reg::kEngineStride;
      outcome_.counters[fmt::format("READ{}", e)] = target_.read64(at + reg::kEngineReadLo);
      outcome_.counters[fmt::format("WRITE{}", e)] = target_.read64(at + reg::kEngineWriteLo);
    }
  }

 private:
  void start() {
    target_.write32(reg::kCommand, reg::kCommandReset);
    for (std::uint32_t i = 0; i < config_.regions.size(); ++i) {
      const driver::RegionConfig& region = config_.regions[i];
      const std::uint32_t at = reg::kRegionBase + i * reg::kRegionStride;
      target_.write64(at + reg::kRegionBaseLo, region.base.value);
      target_.write64(at + reg::kRegionSizeLo, region.size);
      target_.write32(at + reg::kRegionAttr,
                      reg::kRegionAttrValid | (region.writable ? reg::kRegionAttrWritable : 0));
    }
    target_.write64(reg::kRingBaseLo, ring_);
    target_.write32(reg::kRingEntries, kEntries);
    target_.write64(reg::kCplBaseLo, ring_ + kCompletionOffset);
    target_.write32(reg::kCplEntries, kEntries);
    target_.write32(reg::kIrqMask, reg::kIrqStatusCompletion);
    target_.write32(reg::kCtrl, reg::kCtrlEnable);
  }

  void take(const abi::ExecWrite& write) {
    settle();
    target_.ram().write(write.addr, std::as_bytes(std::span(write.bytes)));
  }
  void take(const abi::ExecFill& fill) {
    settle();
    std::uint64_t at = fill.addr;
    for (std::uint64_t i = 0; i < fill.count; ++i, at += fill.element.size()) {
      target_.ram().write(at, std::as_bytes(std::span(fill.element)));
    }
  }
  void take(const abi::ExecPacket& packet) {
    abi::Packet copy = packet.packet;
    copy.seq = ++seq_;
    target_.ram().write(ring_ + tail_ % kEntries * sizeof copy, std::as_bytes(std::span(&copy, 1)));
    ++tail_;
  }
  void take(const abi::ExecExpect&) { settle(); }

  /// Rings the doorbell and waits for all packets.
  void settle() {
    if (tail_ == done_) return;
    target_.write32(reg::kRingTail, tail_);
    unsigned quiet = 0;
    for (std::uint32_t seen = done_; done_ != tail_; seen = done_) {
      target_.step();
      done_ = target_.read32(reg::kCplTail);
      collect();
      quiet = done_ == seen ? quiet + 1 : 0;
      if (quiet > kQuietSteps) break;
    }
    outcome_.hung = done_ != tail_;
  }

  void collect() {
    if (read_ == done_) return;
    for (; read_ != done_ && read_ != tail_; ++read_) {
      abi::Completion record;
      target_.ram().read(ring_ + kCompletionOffset + read_ % kEntries * sizeof record,
                         std::as_writable_bytes(std::span(&record, 1)));
      record.cycles = record.start_cycle = 0;
      outcome_.completions.push_back(record);
    }
    target_.write32(reg::kCplHead, read_);
  }

  Target& target_;
  const driver::DeviceConfig& config_;
  Outcome& outcome_;
  const std::uint64_t ring_;
  std::uint64_t seq_ = 0;
  std::uint32_t tail_ = 0, done_ = 0, read_ = 0;
};

}  // namespace

abi::ExecFile load_program(const std::string& name, const driver::DeviceConfig& config) {
  std::vector<abi::NamedAddress> regions;
  for (const driver::RegionConfig& region : config.regions)
    regions.push_back({region.name, region.base.value});
  return abi::load_exec_file(TANDEM_SOURCE_DIR "/rtl/fault/programs/" + name + ".exec", regions);
}

std::uint64_t Target::read64(std::uint32_t lo) {
  return read32(lo) | std::uint64_t{read32(lo + 4)} << 32;
}

void Target::write64(std::uint32_t lo, std::uint64_t value) {
  write32(lo, static_cast<std::uint32_t>(value));
  write32(lo + 4, static_cast<std::uint32_t>(value >> 32));
}

void run_program(Target& target, const abi::ExecFile& program, const driver::DeviceConfig& config,
                 Outcome& outcome) {
  Runner runner(target, config, outcome);
  runner.run(program);
  runner.look();
}

Outcome run_on_backend(const abi::ExecFile& program, const driver::DeviceConfig& config,
                       const std::string& uri) {
  Outcome outcome;
  InProcess target(uri, config);
  run_program(target, program, config, outcome);
  return outcome;
}

Difference compare(const Outcome& right, const Outcome& wrong) {
  if (!wrong.failure.empty()) return {"protocol", wrong.failure, wrong.completions.size() + 1};
  // The first completion that differs, if only in its checksum because its bytes do.
  Difference first;
  for (std::size_t i = 0; i < std::min(right.completions.size(), wrong.completions.size()); ++i) {
    const abi::Completion& a = right.completions[i];
    abi::Completion b = wrong.completions[i];
    if (std::memcmp(&a, &b, sizeof a) == 0) continue;
    b.checksum = a.checksum;
    const bool only_sum = std::memcmp(&a, &b, sizeof a) == 0;
    first = {only_sum && right.pages != wrong.pages ? "data" : "completion",
             only_sum ? "checksum" : "record", a.seq};
    break;
  }
  if (wrong.hung) return {"hang", "", wrong.completions.size() + 1};
  if (!first.symptom.empty()) return first;
  if (right.pages != wrong.pages) return {"data", "no checksum differs", 0};
  for (const auto& [name, value] : right.registers) {
    if (wrong.registers.at(name) != value) return {"register", name, 0};
  }
  for (const auto& [name, value] : right.counters) {
    if (wrong.counters.at(name) != value) return {"register", name, 0};
  }
  return {};
}

}  // namespace tandem::rtlmodel

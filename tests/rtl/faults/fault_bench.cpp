// SPDX-License-Identifier: Apache-2.0
#include "fault_bench.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <span>
#include <thread>
#include <variant>

#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/backend_uri.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/driver/sparse_ram.hpp"
#include "tandem/rtlmodel/device_model.hpp"

namespace tandem::rtlmodel {
namespace {

namespace reg = abi::reg;

constexpr std::uint32_t kEntries = 64;
constexpr std::uint64_t kCompletionOffset = 0x10'0000;  // In the region of the rings.
constexpr unsigned kStepCycles = 64;
constexpr unsigned kQuietSteps = 320;  // Without a completion: hung.

/// Registers, memory and time of a device.
class Target {
 public:
  virtual ~Target() = default;
  virtual std::uint32_t read32(std::uint32_t offset) = 0;
  virtual void write32(std::uint32_t offset, std::uint32_t value) = 0;
  virtual void step() = 0;
  virtual bool irq() = 0;
  virtual bool timed() const = 0;
  virtual driver::SparseRam& ram() = 0;

  std::uint64_t read64(std::uint32_t lo) {
    return read32(lo) | std::uint64_t{read32(lo + 4)} << 32;
  }
  void write64(std::uint32_t lo, std::uint64_t value) {
    write32(lo, static_cast<std::uint32_t>(value));
    write32(lo + 4, static_cast<std::uint32_t>(value >> 32));
  }
};

class Cmodel final : public Target {
 public:
  explicit Cmodel(const driver::DeviceConfig& config)
      : backend_(driver::open_backend("cmodel:" + config.name, config)) {}
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

class Rtl final : public Target {
 public:
  Rtl(const driver::DeviceConfig& config, const ModelOptions& options)
      : ram_(banks(config)), model_(find_model(config, true).create(ram_, options)) {
    model_->reset();
  }
  std::uint32_t read32(std::uint32_t offset) override { return model_->read32(offset); }
  void write32(std::uint32_t offset, std::uint32_t value) override {
    model_->write32(offset, value);
  }
  void step() override { model_->run(kStepCycles, never_); }
  bool irq() override { return model_->irq(); }
  bool timed() const override { return true; }
  driver::SparseRam& ram() override { return ram_; }
  DeviceModel& model() { return *model_; }

 private:
  static std::vector<driver::SparseRam::Bank> banks(const driver::DeviceConfig& config) {
    std::vector<driver::SparseRam::Bank> banks;
    for (const driver::RegionConfig& region : config.regions)
      banks.push_back({region.base.value, region.size});
    return banks;
  }

  const std::atomic<unsigned> never_{0};
  driver::SparseRam ram_;
  std::unique_ptr<DeviceModel> model_;
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

ModelOptions parse_options(const std::string& options, const Fault* fault) {
  const driver::BackendUri uri = driver::parse_uri(options.empty() ? "rtl:" : "rtl:?" + options);
  ModelOptions out{.fault = fault};
  if (uri.options.contains("stalls")) {
    out.memory.stall_percent = 30;
    out.memory.seed = uri.get_uint("stalls", 1, ~std::uint64_t{0});
  }
  out.memory.latency = static_cast<std::uint32_t>(uri.get_uint("latency", 1, 1000));
  return out;
}

}  // namespace

abi::ExecFile load_program(const std::string& path, const driver::DeviceConfig& config) {
  std::vector<abi::NamedAddress> regions;
  for (const driver::RegionConfig& region : config.regions)
    regions.push_back({region.name, region.base.value});
  return abi::load_exec_file(path, regions);
}

Outcome run_on_cmodel(const abi::ExecFile& program, const driver::DeviceConfig& config) {
  Outcome outcome;
  Cmodel target(config);
  Runner runner(target, config, outcome);
  runner.run(program);
  runner.look();
  return outcome;
}

Outcome run_on_rtl(const abi::ExecFile& program, const driver::DeviceConfig& config,
                   const Fault* fault, const std::string& options) {
  Outcome outcome;
  Rtl target(config, parse_options(options, fault));
  Runner runner(target, config, outcome);
  try {
    runner.run(program);
    runner.look();
  } catch (const Error& error) {
    outcome.failure = error.what();
  }
  outcome.stamp = target.model().fault_stamp();
  outcome.cycles = target.model().cycle();
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

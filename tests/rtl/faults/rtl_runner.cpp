// SPDX-License-Identifier: Apache-2.0
#include "rtl_runner.hpp"

#include <atomic>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "tandem/base/error.hpp"
#include "tandem/rtlmodel/device_model.hpp"

namespace tandem::rtlmodel {
namespace {

constexpr unsigned kStepCycles = 64;

class Rtl final : public Target, public AxiObserver {
 public:
  Rtl(const driver::DeviceConfig& config, const ModelOptions& options)
      : ram_(banks(config)),
        model_(find_model(config, true).create(ram_, options)),
        rings_(config.regions.front()) {
    model_->set_observer(this);
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

  void read_begins(const AxiBurst&) override {}
  void write_ends(const AxiBurst& burst) override {
    if (burst.addr - rings_.base.value < rings_.size || burst.host == nullptr) return;
    writes.push_back(
        {model_->cycle(), burst.addr, {burst.host, burst.host + (burst.len + 1) * beat_bytes_}});
  }
  std::vector<Write> writes;

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
  const driver::RegionConfig rings_;
  const std::size_t beat_bytes_ = 16;
};

/// Of those of the plug-in: stalls=SEED.
ModelOptions parse_options(const std::string& options, const Fault* fault) {
  constexpr std::string_view kStalls = "stalls=";
  ModelOptions out;
  out.fault = fault;
  if (options.empty()) return out;
  if (!options.starts_with(kStalls)) {
    throw Error(ErrorCode::kInvalidArgument,
                "options of a fault are stalls=SEED, found " + options);
  }
  out.memory.stall_percent = 30;
  out.memory.seed = std::stoul(options.substr(kStalls.size()));
  return out;
}

}  // namespace

Outcome run_on_rtl(const abi::ExecFile& program, const driver::DeviceConfig& config,
                   const Fault* fault, const std::string& options) {
  Outcome outcome;
  Rtl target(config, parse_options(options, fault));
  try {
    run_program(target, program, config, outcome);
  } catch (const Error& error) {
    outcome.failure = error.what();
  }
  outcome.stamp = target.model().fault_stamp();
  outcome.writes = std::move(target.writes);
  outcome.cycles = target.model().cycle();
  return outcome;
}

}  // namespace tandem::rtlmodel

// SPDX-License-Identifier: Apache-2.0
// DeviceModel around a Verilated npu_top of any configuration.
#pragma once

#include <fmt/format.h>
#include <verilated.h>
#include <verilated_fst_c.h>
#include <verilated_save.h>

#include <algorithm>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "state_file.hpp"
#include "tandem/base/error.hpp"
#include "tandem/rtlmodel/axi_memory.hpp"
#include "tandem/rtlmodel/coverage.hpp"
#include "tandem/rtlmodel/device_model.hpp"

namespace tandem::rtlmodel {

/// Context: VerilatedContext, or FaultContext for a model with faults.
template <class Top, class Context = VerilatedContext>
class VerilatedDevice final : public DeviceModel {
 public:
  VerilatedDevice(driver::SparseRam& ram, const ModelOptions& options)
      : options_(options),
        context_(make_context(options)),
        top_(context_.get(), "npu_top"),
        memory_(top_, ram, options.memory) {
    top_.s_axil_arvalid = top_.s_axil_awvalid = top_.s_axil_wvalid = 0;
    top_.s_axil_rready = top_.s_axil_bready = 1;
    top_.rst_ni = 0;
    top_.clk_i = 0;
    top_.eval();
  }
  ~VerilatedDevice() override {
    if (trace_) trace_->close();
    write_coverage(*context_);
  }

  void reset() override {
    top_.s_axil_arvalid = top_.s_axil_awvalid = top_.s_axil_wvalid = 0;
    top_.rst_ni = 0;
    for (unsigned i = 0; i < kResetCycles; ++i) {
      half_cycle(1);
      memory_.reset();  // Before the first edges its pins show anything.
      half_cycle(0);
    }
    if (top_.m_axi_arvalid | top_.m_axi_awvalid | top_.m_axi_wvalid) {
      throw_axi_violation(memory_.cycle(), "a valid is high in reset", "AXI4 A3.1.2");
    }
    top_.rst_ni = 1;
    if constexpr (kHasFaults) {
      if (context_->now == nullptr) context_->now = &time_;
    }
    cycle_once();
  }

  std::uint32_t read32(std::uint32_t offset) override {
    top_.s_axil_araddr = static_cast<std::uint16_t>(offset);
    top_.s_axil_arvalid = 1;
    top_.eval();
    for (unsigned i = 0; i < kRegisterCycles; ++i) {
      const bool taken = top_.s_axil_arvalid & top_.s_axil_arready;
      const bool answered = top_.s_axil_rvalid;
      const std::uint32_t value = top_.s_axil_rdata;
      cycle_with([&] {
        if (taken) top_.s_axil_arvalid = 0;
      });
      if (answered) return value;
    }
    throw_unanswered("read", offset);
  }

  void write32(std::uint32_t offset, std::uint32_t value) override {
    top_.s_axil_awaddr = static_cast<std::uint16_t>(offset);
    top_.s_axil_wdata = value;
    top_.s_axil_wstrb = 0xf;
    top_.s_axil_awvalid = top_.s_axil_wvalid = 1;
    top_.eval();
    for (unsigned i = 0; i < kRegisterCycles; ++i) {
      const bool address = top_.s_axil_awvalid & top_.s_axil_awready;
      const bool data = top_.s_axil_wvalid & top_.s_axil_wready;
      const bool answered = top_.s_axil_bvalid;
      cycle_with([&] {
        if (address) top_.s_axil_awvalid = 0;
        if (data) top_.s_axil_wvalid = 0;
      });
      if (answered) return;
    }
    throw_unanswered("write", offset);
  }

  void run(std::uint64_t cycles, const std::atomic<unsigned>& stop) override {
    const auto irq = top_.irq_o;
    for (; cycles > 0; --cycles) {
      cycle_once();
      if (top_.irq_o != irq || stop.load(std::memory_order_relaxed) != 0) return;
    }
  }

  bool irq() const override { return top_.irq_o; }
  std::uint64_t cycle() const override { return memory_.cycle(); }
  bool memory_idle() const override { return memory_.idle(); }
  const AxiCounts& counts() const override { return memory_.counts(); }
  std::string describe() const override { return memory_.describe(); }
  void set_observer(AxiObserver* observer) override { memory_.set_observer(observer); }

  void set_tracing(bool on) override {
    if (on && !trace_) open_trace();
    dumps_left_ = on ? kForever : std::min<std::uint64_t>(dumps_left_, 2 * options_.trace_margin);
    if (!on && trace_) trace_->flush();
  }

  void save([[maybe_unused]] const std::filesystem::path& file) override {
    if (!memory_.idle()) {
      throw Error(ErrorCode::kUnavailable,
                  "rtl: the state can be saved only while nothing is in flight on the memory port; "
                  "found\n" +
                      memory_.describe());
    }
#if VM_COVERAGE
    throw_not_savable();
#else
    VerilatedSave os;
    os.open(file.string());
    if (!os.isOpen()) throw_file("written", file);
    os << top_;
    os.close();
    seal_state(file, top_.modelName());
#endif
  }

  void restore(const std::filesystem::path& file) override {
    check_state(file, top_.modelName());
#if VM_COVERAGE
    throw_not_savable();
#else
    memory_.reset();
    VerilatedRestore is;
    is.open(file.string());
    is >> top_;
    is.close();
    top_.eval();
#endif
  }

  std::optional<FaultStamp> fault_stamp() const override { return stamp_; }

 private:
  static constexpr bool kHasFaults = !std::is_same_v<Context, VerilatedContext>;

#if VM_COVERAGE
  [[noreturn]] static void throw_not_savable() {
    throw Error(ErrorCode::kUnimplemented,
                "rtl: models with coverage can neither save nor restore their state; build without "
                "TANDEM_RTL_COVERAGE");
  }
#endif
  static constexpr unsigned kResetCycles = 8;
  /// A reset by register waits until the memory port is quiet; nothing else takes long.
  static constexpr unsigned kRegisterCycles = 1'000'000;

  static std::unique_ptr<Context> make_context(const ModelOptions& options) {
    auto context = std::make_unique<Context>();
    context->threads(1);
    context->randReset(2);
    context->randSeed(static_cast<int>(options.seed % 0x7fff'ffff + 1));
    context->traceEverOn(true);
    context->assertOn(options.assertions);
    if constexpr (kHasFaults) context->select(options.fault);
    return context;
  }

  void cycle_once() {
    cycle_with([] {});
  }

  /// One clock cycle; `change` sets inputs after the rising edge.
  template <class Change>
  void cycle_with(Change&& change) {
    memory_.sample();
    half_cycle(1);
    memory_.drive();
    change();
    half_cycle(0);
    if constexpr (kHasFaults) {
      if (context_->stamped() && !stamp_) stamp_ = context_->stamp(memory_.cycle());
    }
  }

  void half_cycle(unsigned level) {
    top_.clk_i = level;
    evaluate(top_);
    if (dumps_left_ != 0) [[unlikely]] {
      trace_->dump(time_);
      --dumps_left_;
    }
    ++time_;
  }

  void open_trace() {
    if (options_.trace_file.empty()) {
      throw Error(ErrorCode::kInvalidArgument, "rtl: waves need a file; give option trace=FILE");
    }
    if constexpr (!requires(Top& top) { top.trace(trace_.get(), 1); }) {
      throw Error(ErrorCode::kUnimplemented,
                  "rtl: the model was built without waves: configure with -DTANDEM_RTL_WAVES=ON");
    } else {
      start_trace();
    }
  }

  void start_trace() {
    trace_ = std::make_unique<VerilatedFstC>();
    // Verilator ignores the levels given to trace(). Those of dumpvars() count from the scope of
    // the pins, which npu_top lies in.
    const int depth = static_cast<int>(options_.trace_depth);
    if (depth < static_cast<int>(ModelOptions{}.trace_depth)) {
      trace_->dumpvars(depth + 1, top_.name());
    }
    top_.trace(trace_.get(), depth);
    trace_->open(options_.trace_file.c_str());
    if (!trace_->isOpen()) {
      trace_.reset();
      throw_file("written", options_.trace_file);
    }
  }

  [[noreturn]] static void throw_file(const char* verb, const std::filesystem::path& file) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("rtl: {} cannot be {}; check directory and rights", file.string(), verb));
  }
  [[noreturn]] void throw_unanswered(const char* verb, std::uint32_t offset) {
    throw Error(ErrorCode::kDeadlineExceeded,
                fmt::format("rtl: {} of the register at {:#05x} was not answered in {} cycles\n{}",
                            verb, offset, kRegisterCycles, memory_.describe()));
  }

  ModelOptions options_;
  std::unique_ptr<Context> context_;
  Top top_;
  AxiMemory<Top> memory_;
  std::unique_ptr<VerilatedFstC> trace_;
  static constexpr std::uint64_t kForever = ~std::uint64_t{0};
  std::uint64_t dumps_left_ = 0;  // Half cycles to be written.
  std::uint64_t time_ = 0;  // Half cycles: of waves.
  std::optional<FaultStamp> stamp_;
};

}  // namespace tandem::rtlmodel

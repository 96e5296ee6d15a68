// SPDX-License-Identifier: Apache-2.0
// A Verilated npu_top with its memory: clock, reset, registers, waves. Hides Verilator's types.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "tandem/driver/device_config.hpp"
#include "tandem/driver/sparse_ram.hpp"
#include "tandem/rtlmodel/axi_bursts.hpp"
#include "tandem/rtlmodel/axi_settings.hpp"
#include "tandem/rtlmodel/faults.hpp"

namespace tandem::rtlmodel {

struct ModelOptions {
  AxiSettings memory;
  std::uint64_t seed = 1;        ///< Of the state of all registers and memories before reset.
  bool assertions = true;        ///< Those in the RTL; failing ones throw kInternal.
  std::string trace_file;        ///< FST file, opened by the first `set_tracing(true)`.
  unsigned trace_depth = 99;     ///< Levels of the hierarchy in it, from npu_top down.
  unsigned trace_margin = 0;     ///< Cycles that are written after `set_tracing(false)`.
  const Fault* fault = nullptr;  ///< One of faults(), for models built with them.
};

/// One device. Time passes only inside these calls. Any of them throws kInternal when an assertion
/// of the RTL fails or the memory port is misused; the model is unusable then.
///
/// Thread-safety: one thread at a time.
class DeviceModel {
 public:
  virtual ~DeviceModel() = default;

  /// Pulls rst_ni low for a few cycles. Memory keeps its contents.
  virtual void reset() = 0;

  /// Register accesses through s_axil_*. Throw kDeadlineExceeded if the device does not answer.
  virtual std::uint32_t read32(std::uint32_t offset) = 0;
  virtual void write32(std::uint32_t offset, std::uint32_t value) = 0;

  /// Runs `cycles`, or fewer: ends when irq_o changes or `stop` is not 0.
  virtual void run(std::uint64_t cycles, const std::atomic<unsigned>& stop) = 0;

  virtual bool irq() const = 0;
  virtual std::uint64_t cycle() const = 0;
  /// Nothing is in flight on the memory port.
  virtual bool memory_idle() const = 0;
  virtual const AxiCounts& counts() const = 0;
  /// Handshakes that wait and transactions in flight, one on a line.
  virtual std::string describe() const = 0;

  /// Sees what the device does on its memory port; null: nobody. Outlives the model.
  virtual void set_observer(AxiObserver* observer) = 0;
  /// Writes waves from now on, or stops. Throws kInvalidArgument if there is no file or it cannot
  /// be written.
  virtual void set_tracing(bool on) = 0;

  /// Stores the state of all registers and memories of the RTL; nothing may be in flight on the
  /// memory port. Throws kUnavailable if something is, kInvalidArgument naming a file that cannot
  /// be written or that another model has written.
  virtual void save(const std::filesystem::path& file) = 0;
  virtual void restore(const std::filesystem::path& file) = 0;

  /// When the fault that the model was built with first made a difference; none so far, or no
  /// fault.
  virtual std::optional<FaultStamp> fault_stamp() const { return std::nullopt; }
};

/// What a model was built from.
struct ModelParameters {
  const char* name = "";
  std::uint32_t array_rows = 0;
  std::uint32_t array_cols = 0;
  std::uint32_t vector_lanes = 0;
  std::uint32_t vector_length = 0;
  std::uint32_t ucode_words = 0;
  std::uint32_t axi_data_bits = 0;
};

/// A configuration that is part of this build.
struct BuiltModel {
  ModelParameters parameters;
  bool has_faults = false;  ///< Any of faults() can be chosen.
  std::unique_ptr<DeviceModel> (*create)(driver::SparseRam& ram, const ModelOptions& options);
};

std::span<const BuiltModel> built_models();

/// The model for a configuration. Throws kNotFound if none of this name is built and
/// kMismatch if it was built from other values; both name the command that builds it.
/// `with_faults`: the model that has them.
const BuiltModel& find_model(const driver::DeviceConfig& config, bool with_faults = false);

}  // namespace tandem::rtlmodel

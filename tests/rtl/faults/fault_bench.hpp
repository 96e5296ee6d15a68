// SPDX-License-Identifier: Apache-2.0
// Runs an exec file on a device by register accesses alone, and keeps everything that software can
// see of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tandem/abi/exec_file.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/driver/device_config.hpp"
#include "tandem/rtlmodel/faults.hpp"

namespace tandem::rtlmodel {

/// What a run left.
struct Outcome {
  std::vector<abi::Completion> completions;               ///< Times are 0.
  std::map<std::uint64_t, std::vector<std::byte>> pages;  ///< Of memory but for the rings.
  /// DEFINED registers of a drained device, and "irq"; and of timed devices the bytes counters of
  /// the engines.
  std::map<std::string, std::uint64_t> registers, counters;
  bool hung = false;
  std::string failure;  ///< What ended the simulation, if anything did.
  std::optional<FaultStamp> stamp;
  std::uint64_t cycles = 0;
};

/// The first thing in which two runs differ.
struct Difference {
  std::string symptom;  ///< As in the list of faults; empty: none.
  std::string where;    ///< Register, field or address.
  std::uint64_t seq = 0;
};

abi::ExecFile load_program(const std::string& path, const driver::DeviceConfig& config);

/// The program on the cmodel.
Outcome run_on_cmodel(const abi::ExecFile& program, const driver::DeviceConfig& config);
/// On the model with faults; null: with none of them. `options` as in the list.
Outcome run_on_rtl(const abi::ExecFile& program, const driver::DeviceConfig& config,
                   const Fault* fault, const std::string& options);

/// Counters are compared where both have them.
Difference compare(const Outcome& right, const Outcome& wrong);

}  // namespace tandem::rtlmodel

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
#include "tandem/driver/sparse_ram.hpp"
#include "tandem/rtlmodel/faults.hpp"

namespace tandem::rtlmodel {

/// A write burst, when its data were in memory.
struct Write {
  std::uint64_t cycle = 0;
  std::uint64_t addr = 0;
  std::vector<std::byte> bytes;  ///< What memory holds then, in whole beats.
};

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
  std::vector<Write> writes;  ///< Outside the rings, on models.
  std::uint64_t cycles = 0;
};

/// The first thing in which two runs differ.
struct Difference {
  std::string symptom;  ///< As in the list of faults; empty: none.
  std::string where;    ///< Register, field or address.
  std::uint64_t seq = 0;
};

/// Registers, memory and time of a device.
class Target {
 public:
  virtual ~Target() = default;
  virtual std::uint32_t read32(std::uint32_t offset) = 0;
  virtual void write32(std::uint32_t offset, std::uint32_t value) = 0;
  /// Lets the device run a little.
  virtual void step() = 0;
  virtual bool irq() = 0;
  virtual bool timed() const = 0;
  virtual driver::SparseRam& ram() = 0;

  std::uint64_t read64(std::uint32_t lo);
  void write64(std::uint32_t lo, std::uint64_t value);
};

/// rtl/fault/programs/NAME.exec.
abi::ExecFile load_program(const std::string& name, const driver::DeviceConfig& config);

void run_program(Target& target, const abi::ExecFile& program, const driver::DeviceConfig& config,
                 Outcome& outcome);
Outcome run_on_backend(const abi::ExecFile& program, const driver::DeviceConfig& config,
                       const std::string& uri);

/// Counters are compared where both have them.
Difference compare(const Outcome& right, const Outcome& wrong);

}  // namespace tandem::rtlmodel

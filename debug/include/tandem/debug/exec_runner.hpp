// SPDX-License-Identifier: Apache-2.0
// Exec files (docs/reference/exec.md) on a driver, recorded if wanted.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tandem/abi/exec_file.hpp"
#include "tandem/driver/device_config.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::debug {

/// Names of the regions, as exec files use them.
std::vector<abi::NamedAddress> region_names(const driver::DeviceConfig& config);

/// Runs the steps of a file on a bare driver: nothing but the file decides what lies in memory. An
/// error completion is an outcome like any other: what stands behind the failed packet runs, on a
/// driver with DriverOptions::OnFault::kHold.
class ExecRunner {
 public:
  /// All must outlive it. `trace`: where to record, or null. Takes the driver's completion hook.
  ExecRunner(const abi::ExecFile& file, driver::Driver& driver,
             runtime::TraceWriter* trace = nullptr);
  ~ExecRunner();
  ExecRunner(const ExecRunner&) = delete;
  ExecRunner& operator=(const ExecRunner&) = delete;

  /// Throws as driver::Driver, but for kDeviceFault.
  void run();

  std::uint64_t packets() const { return packets_; }
  std::uint64_t checks() const { return checks_; }
  /// One text for each check that failed.
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  void take(const abi::ExecWrite& write);
  void take(const abi::ExecFill& fill);
  void take(const abi::ExecPacket& packet);
  void take(const abi::ExecExpect& expect);
  void put(std::uint64_t addr, std::span<const std::uint8_t> bytes);
  std::uint64_t submit(abi::Packet& packet);
  void settle();
  template <class Call>
  void past_faults(Call&& call);
  void record(std::string failure);

  const abi::ExecFile& file_;
  driver::Driver& driver_;
  runtime::TraceWriter* trace_;
  std::map<std::uint64_t, abi::Completion> completions_;
  std::vector<std::pair<std::uint64_t, const abi::ExecPacket*>> pending_;
  std::vector<std::string> failures_;
  std::uint64_t packets_ = 0;
  std::uint64_t checks_ = 0;
};

}  // namespace tandem::debug

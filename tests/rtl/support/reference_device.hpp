// SPDX-License-Identifier: Apache-2.0
// What a packet does on the cmodel, over its own copy of the memory.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/driver/command_processor.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::driver {
class PacketExecutor;
}

namespace tandem::rtltest {

/// The memory of a bench: one writable region a bank, small enough to be compared after each
/// packet.
inline std::vector<driver::SparseRam::Bank> default_banks() {
  return {{0x1000'0000, 0x10'0000}, {0x12'3456'0000, 0x10'0000}};
}

/// Thread-safety: none.
class ReferenceDevice {
 public:
  ReferenceDevice(std::vector<driver::SparseRam::Bank> banks, std::uint32_t ucode_words);
  ~ReferenceDevice();

  driver::SparseRam& ram() { return ram_; }
  /// Runs a packet with all checks of the contract; LOAD_UCODE too.
  driver::ExecutionResult execute(const abi::Packet& packet);
  /// Result of the extent check alone, as the command processor hands it to npu_vector.
  abi::CheckResult extent_check(const abi::Packet& packet) const;
  /// Micro-program memory and tables unloaded.
  void reset();

 private:
  driver::SparseRam ram_;
  std::vector<abi::Region> regions_;
  std::unique_ptr<driver::Engine> engine_;
  std::unique_ptr<driver::PacketExecutor> executor_;
};

/// Compares all banks; the failure names the first differing address, both bytes, and how many
/// differ.
testing::AssertionResult same_memory(const driver::SparseRam& expected,
                                     const driver::SparseRam& found);
/// Makes `to` equal to `from`; both have the same banks.
void copy_memory(const driver::SparseRam& from, driver::SparseRam& to);
/// Bytes that look random, the same for a seed in every run.
void scramble(driver::SparseRam& ram, std::uint64_t seed);

}  // namespace tandem::rtltest

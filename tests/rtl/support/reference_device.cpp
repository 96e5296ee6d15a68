// SPDX-License-Identifier: Apache-2.0
#include "rtl/support/reference_device.hpp"

#include <fmt/format.h>

#include <cstring>
#include <random>
#include <utility>

#include "packet_executor.hpp"
#include "tandem/cmodel/engine.hpp"

namespace tandem::rtltest {

ReferenceDevice::ReferenceDevice(std::vector<driver::SparseRam::Bank> banks,
                                 std::uint32_t ucode_words)
    : ram_(std::move(banks)),
      engine_(std::make_unique<cmodel::NpuEngine>(cmodel::Options{.threads = 1})),
      executor_(std::make_unique<driver::PacketExecutor>(ram_, *engine_, ucode_words)) {
  for (const driver::SparseRam::Bank& bank : ram_.banks()) {
    regions_.push_back({bank.base, bank.size, true, true});
  }
  executor_->set_regions(regions_);
}

ReferenceDevice::~ReferenceDevice() = default;

driver::ExecutionResult ReferenceDevice::execute(const abi::Packet& packet) {
  driver::ExecutionResult result;
  executor_->execute(packet, result);
  return result;
}

abi::CheckResult ReferenceDevice::extent_check(const abi::Packet& packet) const {
  return abi::check_extents(abi::operands(packet).view(), regions_);
}

void ReferenceDevice::reset() { executor_->reset(); }

testing::AssertionResult same_memory(const driver::SparseRam& expected,
                                     const driver::SparseRam& found) {
  for (const driver::SparseRam::Bank& bank : expected.banks()) {
    const std::byte* a = expected.pointer(bank.base, bank.size);
    const std::byte* b = found.pointer(bank.base, bank.size);
    if (std::memcmp(a, b, bank.size) == 0) continue;
    std::uint64_t first = bank.size;
    std::uint64_t count = 0;
    for (std::uint64_t i = 0; i < bank.size; ++i) {
      if (a[i] == b[i]) continue;
      if (count++ == 0) first = i;
    }
    return testing::AssertionFailure()
           << fmt::format("{} bytes differ, the first at {:#x}: expected {:#04x}, found {:#04x}",
                          count, bank.base + first, unsigned(a[first]), unsigned(b[first]));
  }
  return testing::AssertionSuccess();
}

void copy_memory(const driver::SparseRam& from, driver::SparseRam& to) {
  for (const driver::SparseRam::Bank& bank : from.banks()) {
    std::memcpy(to.pointer(bank.base, bank.size), from.pointer(bank.base, bank.size), bank.size);
  }
}

void scramble(driver::SparseRam& ram, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const driver::SparseRam::Bank& bank : ram.banks()) {
    std::byte* host = ram.pointer(bank.base, bank.size);
    for (std::uint64_t i = 0; i < bank.size; i += 8) {
      const std::uint64_t value = random();
      std::memcpy(host + i, &value, sizeof value);
    }
  }
}

}  // namespace tandem::rtltest

// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "tandem/abi/regs.hpp"
#include "tandem/debug/bisect.hpp"
#include "tandem/driver/backend.hpp"
#include "tandem/driver/driver.hpp"

namespace tandem::debug {

namespace {

namespace reg = abi::reg;

struct Observed {
  const char* name;
  std::uint32_t low;
  bool wide;  ///< Two words.
};

constexpr std::uint32_t write_counter(std::uint32_t engine) {
  return reg::kEngineBase + engine * reg::kEngineStride + reg::kEngineWriteLo;
}

// Those that neither time nor the driver's own accesses change while nothing is in flight.
constexpr std::array kObserved{
    Observed{"PACKETS", reg::kPacketsLo, true},    Observed{"ERROR_CODE", reg::kErrorCode, false},
    Observed{"ERROR_SEQ", reg::kErrorSeqLo, true}, Observed{"ERROR_ADDR", reg::kErrorAddrLo, true},
    Observed{"STATUS", reg::kStatus, false},
};

constexpr std::array kWritten{
    Observed{"WRITE0", write_counter(0), true},
    Observed{"WRITE1", write_counter(1), true},
    Observed{"WRITE2", write_counter(2), true},
};

std::uint64_t value_of(runtime::Device& device, const Observed& observed) {
  driver::Backend& backend = device.driver().backend();
  const std::uint64_t low = backend.read32(observed.low);
  if (observed.low == reg::kStatus) return low & reg::kStatusState;
  return observed.wide ? low | std::uint64_t{backend.read32(observed.low + 4)} << 32 : low;
}

}  // namespace

RegisterComparison::RegisterComparison(runtime::Device& a, runtime::Device& b) : a_(a), b_(b) {
  for (std::size_t i = 0; i < kWritten.size(); ++i) {
    extra_[i] = value_of(b_, kWritten[i]) - value_of(a_, kWritten[i]);
  }
}

std::optional<RegisterDifference> RegisterComparison::after(const abi::Packet& packet) {
  for (const Observed& observed : kObserved) {
    const std::uint64_t of_a = value_of(a_, observed);
    const std::uint64_t of_b = value_of(b_, observed);
    if (of_a != of_b) return RegisterDifference{observed.name, of_a, of_b};
  }
  const bool counted = packet.opcode != abi::Opcode::kScatterAdd;
  for (std::size_t i = 0; i < kWritten.size(); ++i) {
    const std::uint64_t of_a = value_of(a_, kWritten[i]);
    const std::uint64_t of_b = value_of(b_, kWritten[i]);
    if (!counted) extra_[i] = of_b - of_a;
    if (of_b - of_a != extra_[i])
      return RegisterDifference{kWritten[i].name, of_a + extra_[i], of_b};
  }
  return std::nullopt;
}

}  // namespace tandem::debug

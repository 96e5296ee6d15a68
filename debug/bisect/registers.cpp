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

// Those that neither time nor the driver's own accesses change while nothing is in flight.
constexpr std::array kObserved{
    Observed{"PACKETS", reg::kPacketsLo, true},    Observed{"ERROR_CODE", reg::kErrorCode, false},
    Observed{"ERROR_SEQ", reg::kErrorSeqLo, true}, Observed{"ERROR_ADDR", reg::kErrorAddrLo, true},
    Observed{"STATUS", reg::kStatus, false},
};

std::uint64_t value_of(runtime::Device& device, const Observed& observed) {
  driver::Backend& backend = device.driver().backend();
  const std::uint64_t low = backend.read32(observed.low);
  if (observed.low == reg::kStatus) return low & reg::kStatusState;
  return observed.wide ? low | std::uint64_t{backend.read32(observed.low + 4)} << 32 : low;
}

}  // namespace

std::optional<RegisterDifference> compare_registers(runtime::Device& a, runtime::Device& b) {
  for (const Observed& observed : kObserved) {
    const std::uint64_t of_a = value_of(a, observed);
    const std::uint64_t of_b = value_of(b, observed);
    if (of_a != of_b) return RegisterDifference{observed.name, of_a, of_b};
  }
  return std::nullopt;
}

}  // namespace tandem::debug

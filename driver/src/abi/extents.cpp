// SPDX-License-Identifier: Apache-2.0
// Hulls of operands and the check of hulls against the memory map.
#include <algorithm>
#include <limits>

#include "checks.hpp"
#include "tandem/abi/regs.hpp"

namespace tandem::abi {
namespace {

using Wide = unsigned __int128;

constexpr std::uint64_t kMaxAddress = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kAddressEnd = std::uint64_t{1} << kAddressBits;

/// Address of the last byte without wrapping: six terms below 2^96 and the base fit 128 bits.
Wide last_byte(const Operand& operand) {
  Wide last = Wide{operand.base} + operand.run_bytes - 1;
  for (int d = 0; d < operand.num_dims; ++d) {
    const Operand::Dim& dim = operand.dims[static_cast<std::size_t>(d)];
    last += Wide{dim.extent - 1} * dim.stride;
  }
  return last;
}

struct Step {
  Fault fault = Fault::kNone;
  std::uint64_t next = 0;  ///< First byte that the region found does not hold.
};

/// What the memory map says of the byte at `addr`.
Step step(std::span<const Region> regions, std::uint64_t addr, bool written) {
  Step out{Fault::kUnmapped, addr};
  if (addr >= kAddressEnd) return out;
  for (const Region& region : regions) {
    if (!region.valid || addr < region.base || addr - region.base >= region.size) continue;
    if (written && !region.writable) {
      out.fault = Fault::kReadOnly;
      continue;
    }
    return {Fault::kNone, region.base + std::min(region.size, kAddressEnd - region.base)};
  }
  return out;
}

}  // namespace

namespace detail {

bool overflows(const Operand& operand) { return last_byte(operand) > kMaxAddress; }

}  // namespace detail

std::uint64_t Operand::total_bytes() const {
  Wide total = run_bytes;
  for (int d = 0; d < num_dims; ++d) {
    total *= dims[static_cast<std::size_t>(d)].extent;
    if (total > kMaxAddress) return kMaxAddress;
  }
  return static_cast<std::uint64_t>(total);
}

std::uint64_t Operand::hull_end() const { return static_cast<std::uint64_t>(last_byte(*this) + 1); }

CheckResult check_extents(std::span<const Operand> operands, std::span<const Region> regions) {
  for (const Operand& operand : operands) {
    const std::uint64_t last = operand.hull_end() - 1;
    const bool written = operand.role != Role::kRead;
    for (std::uint64_t addr = operand.base; addr <= last;) {
      const Step found = step(regions, addr, written);
      if (found.fault != Fault::kNone) return {found.fault, addr};
      addr = found.next;
    }
  }
  return {};
}

}  // namespace tandem::abi

// SPDX-License-Identifier: Apache-2.0
// Typed device addresses.
#pragma once

#include <compare>
#include <cstdint>

namespace tandem {

/// A physical byte address of the device. Never a host pointer. Address 0 is never mapped and means "none".
struct PhysAddr {
  std::uint64_t value = 0;

  constexpr PhysAddr() = default;
  constexpr explicit PhysAddr(std::uint64_t address) : value(address) {}

  constexpr explicit operator bool() const { return value != 0; }
  constexpr auto operator<=>(const PhysAddr&) const = default;

  friend constexpr PhysAddr operator+(PhysAddr base, std::uint64_t bytes) {
    return PhysAddr(base.value + bytes);
  }
  /// Distance in bytes; `end` must not lie below `begin`.
  friend constexpr std::uint64_t operator-(PhysAddr end, PhysAddr begin) {
    return end.value - begin.value;
  }
};

}  // namespace tandem

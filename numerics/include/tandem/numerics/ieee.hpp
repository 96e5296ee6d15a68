// SPDX-License-Identifier: Apache-2.0
// Minimum, maximum, ordered compares (IEEE 754-2019 9.6 and 5.11) and the argmin/argmax rules.
#pragma once

#include <cstdint>

#include "tandem/numerics/bits.hpp"

namespace tandem::numerics {

namespace detail {

/// Maps a pattern that is not NaN to an integer of the same order, -0 just below +0.
TANDEM_HD_INLINE constexpr std::int32_t ordered_key(std::uint32_t bits) {
  const auto value = static_cast<std::int32_t>(bits);
  return value ^ static_cast<std::int32_t>(static_cast<std::uint32_t>(value >> 31) & kF32AbsMask);
}

}  // namespace detail

/// IEEE 754-2019 minimum on patterns: any NaN gives 7FC00000, and -0 < +0.
TANDEM_HD_INLINE constexpr std::uint32_t minimum_bits(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t smaller = detail::ordered_key(a) < detail::ordered_key(b) ? a : b;
  return is_nan_bits(a) || is_nan_bits(b) ? kF32Nan : smaller;
}

/// IEEE 754-2019 maximum on patterns: any NaN gives 7FC00000, and +0 > -0.
TANDEM_HD_INLINE constexpr std::uint32_t maximum_bits(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t larger = detail::ordered_key(a) > detail::ordered_key(b) ? a : b;
  return is_nan_bits(a) || is_nan_bits(b) ? kF32Nan : larger;
}

TANDEM_HD_INLINE constexpr float minimum(float a, float b) {
  return float_of(minimum_bits(bits_of(a), bits_of(b)));
}
TANDEM_HD_INLINE constexpr float maximum(float a, float b) {
  return float_of(maximum_bits(bits_of(a), bits_of(b)));
}

/// Ordered compares as masks FFFFFFFF / 0: false when either side is NaN; -0 equals +0.
TANDEM_HD_INLINE constexpr std::uint32_t less_mask(float a, float b) {
  return a < b ? kMaskTrue : 0u;
}
TANDEM_HD_INLINE constexpr std::uint32_t less_equal_mask(float a, float b) {
  return a <= b ? kMaskTrue : 0u;
}
TANDEM_HD_INLINE constexpr std::uint32_t equal_mask(float a, float b) {
  return a == b ? kMaskTrue : 0u;
}

/// A candidate of argmax or argmin: a value's pattern and its index on the reduced axis.
struct IndexedValue {
  std::uint32_t bits;
  std::uint32_t index;
};

/// True if `a` comes before `b` as the answer of argmax: the first NaN wins, else the larger
/// value, else (equal, +0 = -0) the lower index. A total order, so partials merge in any order.
TANDEM_HD_INLINE constexpr bool argmax_before(IndexedValue a, IndexedValue b) {
  const bool a_nan = is_nan_bits(a.bits);
  const bool b_nan = is_nan_bits(b.bits);
  if (a_nan != b_nan) return a_nan;
  const float x = float_of(a.bits);
  const float y = float_of(b.bits);
  if (!a_nan && x != y) return x > y;
  return a.index < b.index;
}

/// As argmax_before for argmin.
TANDEM_HD_INLINE constexpr bool argmin_before(IndexedValue a, IndexedValue b) {
  const bool a_nan = is_nan_bits(a.bits);
  const bool b_nan = is_nan_bits(b.bits);
  if (a_nan != b_nan) return a_nan;
  const float x = float_of(a.bits);
  const float y = float_of(b.bits);
  if (!a_nan && x != y) return x < y;
  return a.index < b.index;
}

TANDEM_HD_INLINE constexpr IndexedValue argmax_of(IndexedValue a, IndexedValue b) {
  return argmax_before(a, b) ? a : b;
}
TANDEM_HD_INLINE constexpr IndexedValue argmin_of(IndexedValue a, IndexedValue b) {
  return argmin_before(a, b) ? a : b;
}

}  // namespace tandem::numerics

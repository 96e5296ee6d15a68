// SPDX-License-Identifier: Apache-2.0
// The architectural reductions: 64 partials, then a fixed tree.
//
// Element i (row-major, ascending over the reduced axes) goes into partial i mod 64, in ascending
// order of i; then p[j] = op(p[j], p[j + w]) for w = 32, 16, 8, 4, 2, 1. Absent elements are
// skipped. Skipping needs no masks: partials start at the operation's identity, which leaves every
// operand's bits as they are (NaN becomes canonical, as in any arithmetic). The identity of fp32
// addition is -0: x + -0 is x for every x, -0 included, where x + +0 would turn -0 into +0. So a
// sum of zero elements is -0; callers that want +0 for an empty axis say so themselves.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tandem/numerics/bits.hpp"
#include "tandem/numerics/fma.hpp"
#include "tandem/numerics/ieee.hpp"

namespace tandem::numerics {

/// Number of partials of every reduction, on every device.
inline constexpr std::size_t kPartials = 64;

/// Reduction operators on 32-bit patterns: an identity and op(partial, element). Each is a
/// function object so that reduce() and devices with their own loops share the definition.
struct SumF32 {
  static constexpr std::uint32_t kIdentity = kF32NegZero;
  TANDEM_HD_INLINE std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const {
    return bits_of(add32(float_of(a), float_of(b)));
  }
};
struct MinF32 {
  static constexpr std::uint32_t kIdentity = kF32Inf;
  TANDEM_HD_INLINE std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const {
    return minimum_bits(a, b);
  }
};
struct MaxF32 {
  static constexpr std::uint32_t kIdentity = kF32Inf | kF32SignBit;
  TANDEM_HD_INLINE std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const {
    return maximum_bits(a, b);
  }
};
struct SumI32 {  // modulo 2^32
  static constexpr std::uint32_t kIdentity = 0;
  TANDEM_HD_INLINE std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const {
    return a + b;
  }
};
struct MinI32 {
  static constexpr std::uint32_t kIdentity = 0x7FFFFFFFu;
  TANDEM_HD_INLINE std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const {
    return static_cast<std::int32_t>(b) < static_cast<std::int32_t>(a) ? b : a;
  }
};
struct MaxI32 {
  static constexpr std::uint32_t kIdentity = 0x80000000u;
  TANDEM_HD_INLINE std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const {
    return static_cast<std::int32_t>(b) > static_cast<std::int32_t>(a) ? b : a;
  }
};

/// Folds 64 partials into partial[0] by the fixed tree and returns it; the array is overwritten.
template <class Op>
TANDEM_HD_INLINE std::uint32_t fold_partials(std::uint32_t (&partial)[kPartials], Op op = {}) {
  for (std::size_t width = kPartials / 2; width != 0; width /= 2) {
    for (std::size_t j = 0; j < width; ++j) partial[j] = op(partial[j], partial[j + width]);
  }
  return partial[0];
}

/// Sets all partials to the operator's identity.
template <class Op>
TANDEM_HD_INLINE void clear_partials(std::uint32_t (&partial)[kPartials]) {
  for (std::size_t j = 0; j < kPartials; ++j) partial[j] = Op::kIdentity;
}

/// Adds `count` elements whose first has index `first` on the reduced axis (the chunked form).
template <class Op>
TANDEM_HD_INLINE void accumulate(std::uint32_t (&partial)[kPartials], const std::uint32_t* element,
                                 std::size_t first, std::size_t count, Op op = {}) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t& p = partial[(first + i) % kPartials];
    p = op(p, element[i]);
  }
}

/// The reduction of `count` contiguous 32-bit patterns; the identity when `count` is 0.
template <class Op>
TANDEM_HD_INLINE std::uint32_t reduce(const std::uint32_t* element, std::size_t count, Op op = {}) {
  std::uint32_t partial[kPartials];
  clear_partials<Op>(partial);
  accumulate<Op>(partial, element, 0, count, op);
  return fold_partials<Op>(partial, op);
}

}  // namespace tandem::numerics

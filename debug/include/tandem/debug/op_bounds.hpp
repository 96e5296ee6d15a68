// SPDX-License-Identifier: Apache-2.0
// What a packet's results may differ by on a device of another arithmetic: bounds by opcode, length
// of sums, types and magnitude of the operands. docs/reference/op_bounds.md derives them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tandem/abi/elements.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::debug {

/// Coefficients for one written type of a packet. An element may differ by
/// terms * sum|a b| + sum * (sum|a b| + |initial|) + value * |element| + least,
/// and a row, in the root mean square, by four times what independent roundings of that size give.
/// Of packets that are no products, sum|a b| is the root mean square of the row.
struct OpBound {
  bool exact = false;  ///< Integers and moved bits: nothing.
  double terms = 0;    ///< Roundings of operands.
  double terms_rms = 0;
  double sum = 0;      ///< Roundings of sums, in any order.
  double sum_rms = 0;  ///< Of the root of the sum of (a b)^2.
  double value = 0;    ///< Roundings of the result.
  double least = 0;    ///< Smallest value of the type.
};

OpBound op_bound(const abi::Packet& packet, abi::Dtype written);

/// Differences of a packet's results relative to what they may be: above 1 is out of bounds.
struct BoundCheck {
  double element = 0;  ///< The worst element.
  double row = 0;      ///< The worst row, in the root mean square.
  bool within() const { return element <= 1 && row <= 1; }
};

/// Compares what the packet wrote on two devices that had the same inputs. Inputs are read from A's
/// memory, after the packet. An element that is NaN or infinite on one side only is infinitely far.
BoundCheck check_bounds(const abi::Packet& packet, const abi::ReadMemory& a,
                        const abi::ReadMemory& b);

/// Elements of a row of a written operand: what row figures are over.
std::uint64_t row_elements(const abi::Packet& packet, const abi::Operand& operand);

}  // namespace tandem::debug

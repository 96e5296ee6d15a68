// SPDX-License-Identifier: Apache-2.0
// How far a packet's results may be from the reference on a device of another arithmetic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/debug/difference.hpp"

namespace tandem::debug {

/// Bounds of the packets that match. The figures are those of reference data
/// (docs/reference/reference_data.md), over all elements that a packet writes.
struct Bound {
  std::string op = "*";  ///< Name with `*` as wildcard.
  std::string opcode;    ///< "MATMUL"; empty: any.
  std::string type;      ///< Of the written elements, "f16"; empty: any.
  ErrorBound figures;
};

/// The first bound that matches a packet counts; without one, and for integers and moved bits,
/// results must be equal.
class Bounds {
 public:
  /// Those of each op (op_bounds.hpp). They hold for packets with the same inputs, so they decide
  /// in the isolated pass.
  static Bounds standard() { return Bounds({}, true); }
  /// A JSON list of objects with members of Bound. Throws kInvalidArgument naming the file.
  static Bounds load(const std::string& path);

  explicit Bounds(std::vector<Bound> bounds) : Bounds(std::move(bounds), false) {}

  bool are_standard() const { return standard_; }

  /// Whether the difference is within bounds of a file.
  bool allow(const abi::Packet& packet, std::string_view op,
             const PacketDifference& difference) const;

 private:
  Bounds(std::vector<Bound> bounds, bool standard)
      : bounds_(std::move(bounds)), standard_(standard) {}
  const Bound* find(std::string_view op, std::string_view opcode, std::string_view type) const;

  std::vector<Bound> bounds_;
  bool standard_;
};

}  // namespace tandem::debug

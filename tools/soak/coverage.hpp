// SPDX-License-Identifier: Apache-2.0
// Which packets a soak has seen.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "tandem/abi/isa.hpp"

namespace tandem::soak {

/// One operand of a packet that succeeded.
struct CoverPoint {
  std::string_view opcode;
  std::string_view operand;
  std::string type;             ///< "bf16"; "8 bytes" where a packet only moves elements.
  std::uint32_t alignment = 0;  ///< Largest power of two, at most 64, that divides its address.
  std::string stalls;           ///< How the memory behaves, from the URI.
  auto operator<=>(const CoverPoint&) const = default;
};

class Coverage {
 public:
  /// `stalls`: see CoverPoint.
  void add(const abi::Packet& packet, const abi::Completion& completion, const std::string& stalls);

  const std::map<CoverPoint, std::uint64_t>& points() const { return points_; }
  /// Packets by opcode and error; opcode "unknown" for those that do not exist.
  const std::map<std::string_view, std::map<abi::Fault, std::uint64_t>>& outcomes() const {
    return outcomes_;
  }
  /// Packets that succeeded by opcode and type of an operand: a packet counts once for each type
  /// that it has.
  const std::map<std::string_view, std::map<std::string, std::uint64_t>>& types() const {
    return types_;
  }
  /// Two tables for people: outcomes, and opcodes by types.
  std::string text() const;

 private:
  std::map<CoverPoint, std::uint64_t> points_;
  std::map<std::string_view, std::map<abi::Fault, std::uint64_t>> outcomes_;
  std::map<std::string_view, std::map<std::string, std::uint64_t>> types_;
};

}  // namespace tandem::soak

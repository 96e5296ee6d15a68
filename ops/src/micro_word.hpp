// SPDX-License-Identifier: Apache-2.0
// Micro-program words and registers while a program is being put together.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "tandem/abi/isa.hpp"
#include "tandem/ops/expr.hpp"

namespace tandem::ops {

/// A word before it is encoded; sources are selectors.
struct Word {
  abi::MicroOp op = abi::MicroOp{};
  unsigned dst = 0;
  std::array<unsigned, 3> source{};
  std::uint32_t imm = 0;
};

inline std::uint64_t encode(const Word& word) {
  return static_cast<std::uint64_t>(word.op) << abi::kUcodeOpLsb |
         static_cast<std::uint64_t>(word.dst) << abi::kUcodeDstLsb |
         static_cast<std::uint64_t>(word.source[0]) << abi::kUcodeALsb |
         static_cast<std::uint64_t>(word.source[1]) << abi::kUcodeBLsb |
         static_cast<std::uint64_t>(word.source[2]) << abi::kUcodeCLsb |
         static_cast<std::uint64_t>(word.imm) << abi::kUcodeImmLsb;
}

/// Copies the bits that a selector names; the destination is still to be set.
inline Word move_bits(unsigned selector, std::uint32_t imm) {
  return {.op = abi::MicroOp::kOr, .source = {selector, selector, 0}, .imm = imm};
}

/// A set of numbered registers; counts how many would have been needed.
class Registers {
 public:
  Registers(unsigned first_selector, unsigned count)
      : first_(first_selector), count_(count), free_((1u << count) - 1) {}

  /// Selector of a free register, or nullopt.
  std::optional<unsigned> take() {
    ++in_use_;
    most_ = std::max(most_, in_use_);
    if (free_ == 0) return std::nullopt;
    const auto number = static_cast<unsigned>(__builtin_ctz(free_));
    free_ &= free_ - 1;
    return first_ + number;
  }
  /// Also takes back what `take` refused, for the count.
  void give(unsigned selector) {
    --in_use_;
    if (selector - first_ < count_) free_ |= 1u << (selector - first_);
  }
  unsigned most() const { return most_; }

 private:
  unsigned first_;
  unsigned count_;
  std::uint32_t free_;
  unsigned in_use_ = 0;
  unsigned most_ = 0;
};

/// Where values that are in no V register can be read.
struct Selectors {
  const Graph& graph;
  std::map<std::uint32_t, unsigned> scalar;     ///< S registers of row values and constants.
  std::map<std::uint32_t, unsigned> reduction;  ///< S registers of reductions.

  const Graph::Node& node(std::uint32_t at) const { return graph.nodes()[at]; }
  bool is_constant(std::uint32_t at) const { return node(at).kind == Graph::Kind::kConstant; }
  /// Selector of a value; for a constant the immediate, whose bits go to `imm`.
  unsigned of(std::uint32_t at, std::uint32_t& imm) const;
};

}  // namespace tandem::ops

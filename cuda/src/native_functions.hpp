// SPDX-License-Identifier: Apache-2.0
// Finds the functions of numerics/functions.hpp in a micro-program, so that native mode can call
// CUDA's own instead.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "program_phases.hpp"

namespace tandem::gpu {

/// What native mode computes of one micro-operation: float arithmetic as the compiler likes it;
/// empty where the contract's definition stays (integers, comparisons, minimum, maximum,
/// conversions).
std::string native_operation(abi::MicroOp op, const std::array<std::string, 3>& sources);

/// Micro-programs have no calls: a function is the operations that it was traced to. This traces
/// every function once more and looks for the same graph of operations.
class NativeFunctions {
 public:
  explicit NativeFunctions(std::span<const ProgramPhase> phases);

  /// C++ of the value that a word computes, if it is the last operation of a function; else empty.
  /// `index` counts scalar words, then vector words of the phase; the result of word n of the same
  /// part of the phase is `value_name(n)`.
  const std::string& text(std::size_t phase, std::size_t index) const {
    return texts_[phase][index];
  }
  /// Functions that were found.
  unsigned found() const { return found_; }

 private:
  std::vector<std::vector<std::string>> texts_;
  unsigned found_ = 0;
};

/// "w7"
std::string value_name(std::size_t index);

}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
// Compiler from traced expressions to micro-programs of the vector engine.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/ops/expr.hpp"

namespace tandem::ops {

/// A micro-program and what a VECTOR packet that uses it must provide.
struct Program {
  std::vector<std::uint64_t> words;
  std::uint8_t inputs = 0;  ///< Bit i: input i is read.
  std::uint8_t early_inputs =
      0;  ///< Bit i: input i is read before the last phase, so no output may replace it.
  std::uint8_t outputs = 0;  ///< Number of outputs.
  std::uint8_t scalar_outputs =
      0;  ///< Bit i: output i has one element a row (out_scalar of the packet).
  std::uint8_t phases = 0;
  bool uses_rows = false;  ///< Reads a row index, so rows cannot be rearranged.
  bool uses_col = false;
  bool reduces = false;  ///< Columns are one row: they cannot be split or rearranged.
};

/// One output of a program.
struct ProgramOutput {
  Expr value;
  bool per_row =
      false;  ///< True: one element a row (`sts`); the value must not vary within the row.
};

/// Compiles the outputs of a graph. Phases follow from reductions; values needed in a later phase
/// are recomputed there from the inputs. Constants go into the words' immediates; further ones,
/// like everything that does not vary within a row, are computed once a row.
///
/// Errors (kInvalidArgument, starting with `name`): more outputs or phases than the device has, a
/// per-row output that varies, or more live values than registers (says how many are needed).
Program compile(Graph& graph, std::span<const ProgramOutput> outputs, std::string_view name);

}  // namespace tandem::ops

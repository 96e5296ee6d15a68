// SPDX-License-Identifier: Apache-2.0
// A plain interpreter of micro-programs for one row in host memory: the contract's text as a loop.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace tandem::tests {

/// One row: what the program reads and leaves. Everything as 32-bit words, already widened.
struct MicroRow {
  std::array<std::vector<std::uint32_t>, 4> inputs;
  std::array<std::uint32_t, 4> params{};
  std::uint32_t row0 = 0;
  std::uint32_t row1 = 0;
  std::uint32_t cols = 0;
  std::array<std::vector<std::uint32_t>, 3> outputs;  ///< `cols` words, or one that `sts` wrote.
};

/// Runs a program in chunks of `chunk` columns. V registers start every chunk, S registers the row,
/// as a poison value, so a program that reads what it did not write gives wrong results. Throws
/// std::logic_error for an unknown operation.
void run_micro_program(std::span<const std::uint64_t> words, MicroRow& row,
                       std::uint32_t chunk = 64);

}  // namespace tandem::tests

// SPDX-License-Identifier: Apache-2.0
// The function table of one instruction set; the last of the *_inl.hpp headers.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/memory_inl.hpp"
#include "kernels/pack_inl.hpp"
#include "kernels/vector_inl.hpp"

namespace tandem::cmodel::TANDEM_CM_ISA {

constexpr std::array<int, kMaxTileRows + 1> panel_counts() {
  std::array<int, kMaxTileRows + 1> table{};
  for (int rows = 1; rows <= kTileRows; ++rows) table[rows] = panels_by_rows(rows);
  return table;
}

constexpr Kernels make_table(const char* name) {
  return {
      .name = name,
      .max_rows = kTileRows,
      .panels = panel_counts(),
      .tiles = all_tiles<false>(),
      .keeping_tiles = all_tiles<true>(),
      .widen_rows = widen_rows,
      .widen_columns = widen_columns,
      .pair_rows = pair_rows,
      .pair_columns = pair_columns,
      .pack_rows = pack_rows,
      .pack_columns = pack_columns,
      .pack_row_pairs = pack_row_pairs,
      .pack_column_pairs = pack_column_pairs,
      .dequantise_columns = dequantise_columns,
      .store_row = store_row,
      .ops = make_ops(),
      .accumulate = accumulate,
      .widen = widen_elements,
      .narrow = narrow_elements,
      .checksum = checksum,
      .checksum_rows = checksum_rows,
      .copy = copy,
  };
}

}  // namespace tandem::cmodel::TANDEM_CM_ISA

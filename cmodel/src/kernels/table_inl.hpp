// SPDX-License-Identifier: Apache-2.0
// The function table of one instruction set; the last of the *_inl.hpp headers.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/matmul_inl.hpp"
#include "kernels/memory_inl.hpp"
#include "kernels/vector_inl.hpp"

namespace tandem::cmodel::TANDEM_CM_ISA {

constexpr std::array<int, kMaxTileRows + 1> panels_by_rows() {
  std::array<int, kMaxTileRows + 1> table{};
  for (int rows = 1; rows <= kTileRows; ++rows) table[rows] = direct_panels(rows);
  return table;
}

constexpr Kernels make_table(const char* name) {
  return {
      .name = name,
      .max_rows = kTileRows,
      .tile = tiles<FmaStep, WordLoad, false>(),
      .tile_pairs = tiles<PairStep, WordLoad, false>(),
      .direct_panels = panels_by_rows(),
      .direct_many = direct_tiles<true>(),
      .direct_one = direct_tiles<false>(),
      .widen_rows = widen_rows,
      .widen_columns = widen_columns,
      .pair_rows = pair_rows,
      .pair_columns = pair_columns,
      .pack_rows = pack_rows,
      .pack_columns = pack_columns,
      .dequant_i8_columns = dequant_i8_columns,
      .dequant_u4_columns = dequant_u4_columns,
      .dequant_i8_rows = dequant_i8_rows,
      .dequant_u4_rows = dequant_u4_rows,
      .store_row = store_row,
      .ops = make_ops(),
      .accumulate = accumulate,
      .widen = widen_elements,
      .narrow = narrow_elements,
      .checksum = checksum,
      .copy = copy,
  };
}

}  // namespace tandem::cmodel::TANDEM_CM_ISA

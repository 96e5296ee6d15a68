// SPDX-License-Identifier: Apache-2.0
// Operands of MATMUL from device memory to what tiles multiply.
#include <cstring>

#include "fault.hpp"
#include "matmul/matmul_run.hpp"

namespace tandem::cmodel {

using abi::Dtype;

/// Tile after tile, each [steps][rows of the tile].
void MatmulRun::pack_a(const Block& block, std::int64_t step, std::int64_t steps,
                       std::uint32_t* out) const {
  const std::byte* base =
      a_ + block.batch0 * p_.a_batch0_stride + block.batch1 * p_.a_batch1_stride;
  const std::int64_t element = matmul_type_bytes(p_.a_type);
  const std::int64_t k = integer_ ? 2 * step : step;
  const auto count = int(integer_ ? std::min(2 * steps, k_ - k) : steps);
  const auto stride = TANDEM_CMODEL_FAULT(cmodel_a_stride, std::ptrdiff_t(p_.a_row_stride),
                                          std::ptrdiff_t(p_.a_row_stride) + element);
  for (std::int64_t first = 0; first < block.rows; first += tile_rows_) {
    const auto rows = int(std::min(tile_rows_, block.rows - first));
    const std::int64_t row = block.row + first;
    if (p_.a_layout == abi::ALayout::kRows) {
      const std::byte* src = base + row * stride + k * element;
      if (integer_) {
        kernels_.pack_row_pairs(src, stride, rows, count, out);
      } else {
        kernels_.pack_rows(p_.a_type, src, stride, rows, count, out);
      }
    } else {
      const std::byte* src = base + k * stride + row * element;
      if (integer_) {
        kernels_.pack_column_pairs(src, stride, rows, count, out);
      } else {
        kernels_.pack_columns(p_.a_type, src, stride, rows, count, out);
      }
    }
    out += steps * rows;
  }
}

/// Steps of one panel of B to [steps][32] words; `next` is needed next.
void MatmulRun::fill_b(const Block& block, std::int64_t panel, std::int64_t step,
                       std::int64_t steps, const std::byte* next, std::uint32_t* out) const {
  const std::byte* base = b_matrix(block);
  const std::int64_t element = matmul_type_bytes(p_.b_type);
  const std::int64_t k = integer_ ? 2 * step : step;
  const auto count = int(integer_ ? std::min(2 * steps, k_ - k) : steps);
  auto columns = int(columns_of(panel));
  auto stride = std::ptrdiff_t(p_.b_row_stride);
  if (p_.b_layout == abi::BLayout::kNk) {
    const bool nibbles = p_.b_type == Dtype::kU4;
    const std::byte* src = base + panel * kPanel * stride + (nibbles ? k / 2 : k * element);
    const std::ptrdiff_t ahead = next - src;
    if (group_scaled_) {
      std::uint32_t scale[kMaxGroupsAtOnce * kPanel];
      std::uint32_t minimum[kMaxGroupsAtOnce * kPanel];
      load_scales(block, panel, step, steps, scale, minimum);
      kernels_.dequantise_columns(p_.b_type, src, stride, columns, count, ahead, p_.group_size,
                                  scale, minimum, out);
    } else if (integer_) {
      kernels_.pair_columns(src, stride, columns, count, ahead, out);
    } else {
      kernels_.widen_columns(p_.b_type, src, stride, columns, count, ahead, out);
    }
    return;
  }
  const std::byte* src = base + k * stride + panel * kPanel * element;
  if (p_.b_layout == abi::BLayout::kPanels) {
    columns = kPanel;
    src = base + panel * stride + k * kPanel * element;
    stride = kPanel * element;
  }
  if (integer_) return kernels_.pair_rows(src, stride, columns, count, out);
  kernels_.widen_rows(p_.b_type, src, stride, columns, count, out);
}

/// Scales and minima of one panel for steps [step, step + steps) to [groups][32] fp32 patterns.
void MatmulRun::load_scales(const Block& block, std::int64_t panel, std::int64_t step,
                            std::int64_t steps, std::uint32_t* scale,
                            std::uint32_t* minimum) const {
  const std::int64_t first = step / p_.group_size;
  const std::int64_t groups = ceil_div(step + steps, p_.group_size) - first;
  const std::int64_t bytes = matmul_type_bytes(p_.scale_type);
  const auto stride = std::int64_t(p_.b_scale_row_stride);
  const std::int64_t batch = block.batch0 * std::int64_t(p_.b_scale_batch0_stride) +
                             block.batch1 * std::int64_t(p_.b_scale_batch1_stride);
  if (p_.b_layout == abi::BLayout::kPanels) {
    const std::int64_t at = batch + panel * stride + first * kPanel * bytes;
    kernels_.widen(p_.scale_type, scale_ + at, int(groups * kPanel), scale);
    kernels_.widen(p_.scale_type, minimum_ + at, int(groups * kPanel), minimum);
    return;
  }
  std::uint32_t one[kMaxGroupsAtOnce];
  const std::int64_t columns = columns_of(panel);
  std::memset(scale, 0, std::size_t(groups * kPanel) * 4);
  std::memset(minimum, 0, std::size_t(groups * kPanel) * 4);
  for (std::int64_t c = 0; c < columns; ++c) {
    const std::int64_t at = batch + (panel * kPanel + c) * stride + first * bytes;
    kernels_.widen(p_.scale_type, scale_ + at, int(groups), one);
    for (std::int64_t g = 0; g < groups; ++g) scale[g * kPanel + c] = one[g];
    kernels_.widen(p_.scale_type, minimum_ + at, int(groups), one);
    for (std::int64_t g = 0; g < groups; ++g) minimum[g * kPanel + c] = one[g];
  }
}

MatmulRun::Ahead MatmulRun::ahead_of(const Group& group, std::int64_t q, std::int64_t step) const {
  const std::int64_t panel = std::min(group.panel + q, panels_ - 1);
  const auto stride = std::ptrdiff_t(p_.b_row_stride);
  const std::int64_t bits = p_.b_type == Dtype::kU4 ? 4 : 8 * matmul_type_bytes(p_.b_type);
  const std::int64_t k = integer_ ? 2 * step : step;
  const std::byte* base = b_matrix(group.block);
  if (p_.b_layout == abi::BLayout::kNk) {
    return {base + panel * kPanel * stride + k * bits / 8, stride, 64};
  }
  const bool panels = p_.b_layout == abi::BLayout::kPanels;
  const std::ptrdiff_t row = (panels ? kPanel * bits / 8 : stride) * (integer_ ? 2 : 1);
  const std::byte* at = panels ? base + panel * stride + k * kPanel * bits / 8
                               : base + k * stride + panel * kPanel * bits / 8;
  return {at, row, 32 * row};
}

}  // namespace tandem::cmodel

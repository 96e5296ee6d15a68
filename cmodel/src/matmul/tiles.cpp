// SPDX-License-Identifier: Apache-2.0
// The order in which the tiles of a block go over the steps of B.
#include "matmul/matmul_run.hpp"

namespace tandem::cmodel {

using abi::Dtype;

/// All tiles of the block times `panels` panels from q on, whose steps from `first_step` (within
/// the packed part of A) are at args.b. If args.keep is set, B comes from device memory for the
/// first tile only, which leaves it as words for the others.
void MatmulRun::run_tiles(const Group& group, BForm form, TileArgs args, std::int64_t q,
                          std::int64_t panels, std::int64_t first_step, std::int64_t packed_steps,
                          Scratch& scratch) const {
  const Block& block = group.block;
  if (block.rows <= tile_rows_) args.keep = nullptr;
  const std::uint32_t* a = scratch.a;
  const auto* table = args.keep != nullptr ? &kernels_.keeping_tiles : &kernels_.tiles;
  const std::byte* b = args.b;
  std::uint32_t* keep = args.keep;
  const std::uint32_t* scale = args.scale;
  const std::uint32_t* minimum = args.minimum;
  for (std::int64_t first = 0; first < block.rows; first += tile_rows_) {
    const std::int64_t rows = std::min(tile_rows_, block.rows - first);
    args.a = a + first_step * rows;
    a += packed_steps * rows;
    const auto& by_panels = (*table)[std::size_t(form)][std::size_t(rows)];
    const std::int64_t width = by_panels[std::size_t(panels)] != nullptr ? panels : 1;
    for (std::int64_t i = 0; i < panels; i += width) {
      args.b = b + i * args.panel_bytes;
      args.keep = keep + i * args.keep_steps * kPanel;
      args.scale = scale + i * args.scale_groups * kPanel;
      args.minimum = minimum + i * args.scale_groups * kPanel;
      args.acc = scratch.acc + acc_offset(group, q + i, first);
      by_panels[std::size_t(width)](args);
    }
    if (keep == nullptr) continue;
    table = &kernels_.tiles;
    form = integer_ ? BForm::kPairs : BForm::kWords;
    b = reinterpret_cast<const std::byte*>(keep);
    args.step_bytes = kPanel * 4;
    args.panel_bytes = args.keep_steps * kPanel * 4;
    args.group = args.steps;
    keep = nullptr;
  }
}

/// B through a buffer, a block of steps at a time.
void MatmulRun::multiply(const Group& group, const Span& span, Scratch& scratch) const {
  const BForm form = integer_ ? BForm::kPairs : BForm::kWords;
  const std::int64_t width = tile_panels_;
  for (std::int64_t q = 0; q < group.panels; q += width) {
    const std::int64_t panels = std::min(width, group.panels - q);
    for (std::int64_t done = span.begin; done < span.end; done += buffer_steps_) {
      const std::int64_t here = std::min(buffer_steps_, span.end - done);
      const bool last = done + here == span.end;
      const Ahead ahead = last ? ahead_of(group, q + width, span.first)
                               : ahead_of(group, q, span.first + done + buffer_steps_);
      for (std::int64_t i = 0; i < panels; ++i) {
        const std::byte* next =
            i + 1 < panels ? ahead_of(group, q + i + 1, span.first + done).address : ahead.address;
        fill_b(group.block, group.panel + q + i, span.first + done, here, next,
               scratch.b + i * buffer_steps_ * kPanel);
      }
      run_tiles(group, form,
                {.b = reinterpret_cast<const std::byte*>(scratch.b),
                 .step_bytes = kPanel * 4,
                 .panel_bytes = buffer_steps_ * kPanel * 4,
                 .steps = here,
                 .ahead = ahead.address,
                 .ahead_inner = ahead.inner,
                 .ahead_outer = ahead.outer,
                 .group = here},
                q, panels, done, span.packed, scratch);
    }
  }
}

BForm MatmulRun::direct_form() const {
  if (group_scaled_) return p_.b_type == Dtype::kU4 ? BForm::kGroupU4 : BForm::kGroupI8;
  if (integer_) return BForm::kI8;
  return BForm(std::size_t(BForm::kF32) + std::size_t(p_.b_type) - 1);
}

/// B straight from device memory.
void MatmulRun::multiply_direct(const Group& group, const Span& span, Scratch& scratch) const {
  const std::int64_t at_once = along_rows_ ? kStepsAlongRows : span.end - span.begin;
  for (std::int64_t begin = span.begin; begin < span.end; begin += at_once) {
    const Span part{span.first, span.packed, begin, std::min(span.end, begin + at_once)};
    for (std::int64_t q = 0; q < group.panels; q += tile_panels_) {
      multiply_panels(group, part, q, scratch);
    }
  }
}

/// The panels of one tile from q on.
void MatmulRun::multiply_panels(const Group& group, const Span& span, std::int64_t q,
                                Scratch& scratch) const {
  const std::int64_t row_bits =
      kPanel * (p_.b_type == Dtype::kU4 ? 4 : 8 * matmul_type_bytes(p_.b_type));
  const bool panels = p_.b_layout == abi::BLayout::kPanels;
  const auto row_stride = std::int64_t(p_.b_row_stride);
  std::uint32_t scale[kMaxTilePanels * kMaxGroupsAtOnce * kPanel];
  std::uint32_t minimum[kMaxTilePanels * kMaxGroupsAtOnce * kPanel];
  const std::int64_t direct_steps = panels ? kStepsDirect : kStepsDirectRows;
  const std::int64_t at_once = keep_ ? buffer_steps_ : direct_steps;
  const std::int64_t row = panels ? row_bits / 8 : row_stride;
  TileArgs args{.step_bytes = integer_ ? 2 * row : row,
                .panel_bytes = panels ? row_stride : row_bits / 8,
                .pair_bytes = row,
                .scale = scale,
                .minimum = minimum,
                .scale_groups = kMaxGroupsAtOnce,
                .keep = keep_ ? scratch.b : nullptr,
                .keep_steps = at_once};
  const std::byte* base = b_matrix(group.block) + (group.panel + q) * args.panel_bytes;
  const std::int64_t count = std::min(tile_panels_, group.panels - q);
  for (std::int64_t done = span.begin; done < span.end; done += at_once) {
    args.steps = std::min(at_once, span.end - done);
    args.group = group_scaled_ ? p_.group_size : args.steps;
    for (std::int64_t i = 0; group_scaled_ && i < count; ++i) {
      const std::int64_t at = i * kMaxGroupsAtOnce * kPanel;
      load_scales(group.block, group.panel + q + i, span.first + done, args.steps, scale + at,
                  minimum + at);
    }
    const bool last = done + at_once >= span.end;
    const Ahead ahead = last ? ahead_of(group, q + tile_panels_, span.first)
                             : ahead_of(group, q, span.first + done + at_once);
    args.ahead = ahead.address;
    args.ahead_inner = ahead.inner;
    args.ahead_outer = ahead.outer;
    args.b = base + (span.first + done) * args.step_bytes;
    run_tiles(group, direct_form(), args, q, count, done, span.packed, scratch);
  }
}

}  // namespace tandem::cmodel

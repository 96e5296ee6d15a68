// SPDX-License-Identifier: Apache-2.0
// MATMUL: blocks of rows and panels of 32 columns, spread over threads. No sum is ever split, so
// neither the blocks nor the threads show in the result.
#include <algorithm>
#include <cstring>

#include "cmd/command.hpp"

namespace tandem::cmodel {
namespace {

using abi::Dtype;
using abi::MatmulPacket;

constexpr std::int64_t kStepsPerBlock = 512;  // of B between two tiles, in the second-level cache
constexpr std::int64_t kStepsFewTiles = 128;  // the same, in the first-level cache
constexpr std::int64_t kStepsDirect = 1024;   // the same if B is not widened in between
constexpr std::int64_t kMaxGroupsAtOnce = kStepsDirect / 16;
constexpr std::int64_t kMaxBlockRows = 240;
constexpr std::int64_t kLongBlockRows = 48;  // when the rows of A do not fit the scratch memory
constexpr std::int64_t kMaxGroup = 8;        // panels whose accumulators are live at once
constexpr std::int64_t kLoneThreadMacs = 1 << 17;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t type_bytes(Dtype type) {
  switch (type) {
    case Dtype::kF32:
    case Dtype::kI32:
      return 4;
    case Dtype::kBF16:
    case Dtype::kF16:
      return 2;
    default:
      return 1;
  }
}

/// One packet in execution.
class MatmulRun {
 public:
  MatmulRun(const MatmulPacket& packet, const CommandContext& context);
  std::uint64_t run();

 private:
  /// What one thread works on: some panels of a block of rows of one matrix of the batch.
  struct Block {
    std::int64_t batch0, batch1;
    std::int64_t row, rows;
    std::int64_t panel, panels;
  };
  /// The group of panels in hand.
  struct Group {
    const Block& block;
    std::int64_t panel, panels;
  };

  /// Where the next block of B lies, as TileArgs says it.
  struct Ahead {
    const std::byte* address;
    std::ptrdiff_t inner, outer;
  };

  /// Steps [begin, end) of the `packed` ones from step `first` on that are in scratch memory.
  struct Span {
    std::int64_t first, packed;
    std::int64_t begin, end;
  };

  void choose_blocks();
  Block block_of(std::uint64_t task) const;
  std::uint64_t run_block(const Block& block, int thread);
  void pack_a(const Block& block, std::int64_t step, std::int64_t steps, std::uint32_t* out) const;
  void fill_b(const Block& block, std::int64_t panel, std::int64_t step, std::int64_t steps,
              const std::byte* next, std::uint32_t* out) const;
  void load_scales(const Block& block, std::int64_t panel, std::int64_t step, std::int64_t steps,
                   std::uint32_t* scale, std::uint32_t* minimum) const;
  void initialise(const Group& group, std::uint32_t* acc) const;
  void multiply(const Group& group, const Span& span, Scratch& scratch) const;
  void multiply_direct(const Group& group, const Span& span, Scratch& scratch) const;
  void run_tiles(const Group& group, BForm form, TileArgs args, std::int64_t q, std::int64_t panels,
                 std::int64_t first_step, std::int64_t packed_steps, Scratch& scratch) const;
  BForm direct_form() const;
  Ahead ahead_of(const Group& group, std::int64_t q, std::int64_t step) const;
  const std::byte* b_matrix(const Block& block) const {
    return b_ + block.batch0 * p_.b_batch0_stride + block.batch1 * p_.b_batch1_stride;
  }
  std::uint64_t store(const Group& group, const std::uint32_t* acc) const;

  /// First row of tile t of a block, and the accumulators of (panel of group, row of block).
  std::int64_t tile_row(const Block& block, std::int64_t tile) const {
    return std::min(tile * tile_rows_, block.rows);
  }
  std::int64_t acc_offset(const Group& group, std::int64_t q, std::int64_t row) const {
    const std::int64_t first = row / tile_rows_ * tile_rows_;
    const std::int64_t rows = std::min(tile_rows_, group.block.rows - first);
    return (first * group.panels + q * rows + (row - first)) * kPanel;
  }
  std::int64_t columns_of(std::int64_t panel) const {
    return std::min<std::int64_t>(kPanel, n_ - panel * kPanel);
  }

  const MatmulPacket& p_;
  const CommandContext& context_;
  const Kernels& kernels_;
  std::int64_t m_, n_, k_, panels_;
  bool integer_;  // int8 x int8
  bool group_scaled_;
  std::int64_t steps_;             // of a chain: k, or pairs of k for integers
  bool direct_ = false;            // tiles read B from device memory
  bool keep_ = false;              // only the first tile does
  std::int64_t buffer_steps_ = 1;  // of B in the buffer
  std::int64_t tile_rows_ = 1, tile_panels_ = 1, block_rows_ = 1, blocks_ = 1, group_ = 1,
               chunk_ = 1, chunks_ = 1;
  std::int64_t chunk_steps_ = 1;  // of A in scratch memory
  const std::byte *a_, *b_, *bias_, *scale_, *minimum_, *a_scale_;
  std::byte* c_;
};

MatmulRun::MatmulRun(const MatmulPacket& packet, const CommandContext& context)
    : p_(packet),
      context_(context),
      kernels_(context.kernels),
      m_(packet.m),
      n_(packet.n),
      k_(packet.k),
      panels_(ceil_div(n_, kPanel)),
      integer_(packet.a_type == Dtype::kI8),
      group_scaled_(packet.scale_mode == abi::ScaleMode::kGroup),
      steps_(integer_ ? ceil_div(k_, 2) : k_),
      a_(context.pointer("a")),
      b_(context.pointer("b")),
      bias_(context.pointer("bias")),
      scale_(context.pointer("b_scale")),
      minimum_(context.pointer("b_min")),
      a_scale_(context.pointer("a_scale")),
      c_(context.pointer("c")) {
  choose_blocks();
}

void MatmulRun::choose_blocks() {
  const std::int64_t tile = kernels_.max_rows;
  const std::int64_t words = std::int64_t(Scratch::kPackedA);
  // Tiles of nearly equal height waste the fewest rows.
  const std::int64_t tiles = ceil_div(m_, tile);
  tile_rows_ = ceil_div(m_, tiles);
  tile_panels_ = kernels_.panels[std::size_t(tile_rows_)];
  group_ = tile_panels_;
  const bool panels = p_.b_layout == abi::BLayout::kPanels;
  direct_ = (panels || (p_.b_layout == abi::BLayout::kKn && !group_scaled_));
  // Widening B anew for each of a few tiles is cheaper than a detour through the buffer.
  const bool cheap =
      p_.b_type == Dtype::kF16 || p_.b_type == Dtype::kBF16 || p_.b_type == Dtype::kE5M2;
  keep_ = direct_ && tiles > (cheap ? 4 : 1);
  buffer_steps_ = tiles <= 4 ? kStepsFewTiles : kStepsPerBlock;
  if (steps_ * tile <= words) {
    const std::int64_t fit = std::min(kMaxBlockRows, words / steps_) / tile_rows_ * tile_rows_;
    block_rows_ = std::min(m_, std::max(tile_rows_, fit));
    chunk_steps_ = steps_;
  } else {
    block_rows_ = std::min(m_, kLongBlockRows / tile_rows_ * tile_rows_);
    chunk_steps_ = words / block_rows_ / kStepsPerBlock * kStepsPerBlock;
    group_ = kMaxGroup;
  }
  blocks_ = ceil_div(m_, block_rows_);
  block_rows_ = ceil_div(ceil_div(m_, blocks_), tile_rows_) * tile_rows_;
  blocks_ = ceil_div(m_, block_rows_);

  constexpr std::uint64_t kMany = 1 << 20;
  const auto batches = std::int64_t(std::min(kMany, std::uint64_t(p_.batch0) * p_.batch1));
  const std::int64_t threads = context_.pool.size();
  const std::int64_t wanted = threads == 1 ? 1 : 4 * threads;
  const std::int64_t split = std::max<std::int64_t>(1, ceil_div(wanted, batches * blocks_));
  chunk_ = ceil_div(ceil_div(panels_, split), group_) * group_;
  chunks_ = ceil_div(panels_, chunk_);
}

MatmulRun::Block MatmulRun::block_of(std::uint64_t task) const {
  const auto chunk = std::int64_t(task % std::uint64_t(chunks_));
  task /= std::uint64_t(chunks_);
  const auto block = std::int64_t(task % std::uint64_t(blocks_));
  task /= std::uint64_t(blocks_);
  Block out;
  out.batch0 = std::int64_t(task / p_.batch1);
  out.batch1 = std::int64_t(task % p_.batch1);
  out.row = block * block_rows_;
  out.rows = std::min(block_rows_, m_ - out.row);
  out.panel = chunk * chunk_;
  out.panels = std::min(chunk_, panels_ - out.panel);
  return out;
}

std::uint64_t MatmulRun::run() {
  const std::uint64_t tasks =
      std::uint64_t(p_.batch0) * p_.batch1 * std::uint64_t(blocks_) * std::uint64_t(chunks_);
  std::atomic<std::uint64_t> sum{0};
  const auto body = [&](std::uint64_t task, int thread) {
    if (context_.cancelled()) return;
    sum.fetch_add(run_block(block_of(task), thread), std::memory_order_relaxed);
  };
  const double macs = double(p_.batch0) * p_.batch1 * double(m_) * double(n_) * double(k_);
  if (macs < kLoneThreadMacs) {
    for (std::uint64_t task = 0; task < tasks; ++task) body(task, 0);
  } else {
    context_.pool.run(tasks, body);
  }
  return sum;
}

std::uint64_t MatmulRun::run_block(const Block& block, int thread) {
  Scratch& scratch = context_.pool.scratch(thread);
  const bool keep_a = chunk_steps_ == steps_;
  if (keep_a) pack_a(block, 0, steps_, scratch.a);
  std::uint64_t sum = 0;
  for (std::int64_t done = 0; done < block.panels; done += group_) {
    if (context_.cancelled()) return 0;
    const Group group{block, block.panel + done, std::min(group_, block.panels - done)};
    initialise(group, scratch.acc);
    for (std::int64_t step = 0; step < steps_; step += chunk_steps_) {
      const std::int64_t here = std::min(chunk_steps_, steps_ - step);
      if (!keep_a) pack_a(block, step, here, scratch.a);
      // The last columns of [K, N] may end before the panel does.
      const bool whole =
          p_.b_layout == abi::BLayout::kPanels || (group.panel + group.panels) * kPanel <= n_;
      // So may the second element of the last pair.
      const bool odd = integer_ && step + here == steps_ && k_ % 2 != 0;
      const std::int64_t direct = direct_ && whole ? here - (odd ? 1 : 0) : 0;
      multiply_direct(group, {step, here, 0, direct}, scratch);
      multiply(group, {step, here, direct, here}, scratch);
    }
    sum += store(group, scratch.acc);
  }
  return sum;
}

/// Tile after tile, each [steps][rows of the tile].
void MatmulRun::pack_a(const Block& block, std::int64_t step, std::int64_t steps,
                       std::uint32_t* out) const {
  const std::byte* base =
      a_ + block.batch0 * p_.a_batch0_stride + block.batch1 * p_.a_batch1_stride;
  const std::int64_t element = type_bytes(p_.a_type);
  const std::int64_t k = integer_ ? 2 * step : step;
  const auto count = int(integer_ ? std::min(2 * steps, k_ - k) : steps);
  const auto stride = std::ptrdiff_t(p_.a_row_stride);
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
  const std::int64_t element = type_bytes(p_.b_type);
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
  const std::int64_t bytes = type_bytes(p_.scale_type);
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

void MatmulRun::initialise(const Group& group, std::uint32_t* acc) const {
  const Block& block = group.block;
  if (p_.init_mode == abi::InitMode::kZero) {
    std::memset(acc, 0, std::size_t(group.panels * block.rows * kPanel) * 4);
    return;
  }
  const std::int64_t element = type_bytes(p_.c_type);
  for (std::int64_t q = 0; q < group.panels; ++q) {
    const std::int64_t panel = group.panel + q;
    const auto columns = int(columns_of(panel));
    for (std::int64_t r = 0; r < block.rows; ++r) {
      std::uint32_t* out = acc + acc_offset(group, q, r);
      if (p_.init_mode == abi::InitMode::kBias) {
        kernels_.widen(Dtype::kI32, bias_ + panel * kPanel * 4, columns, out);
      } else {
        const std::byte* old = c_ + block.batch0 * p_.c_batch0_stride +
                               block.batch1 * p_.c_batch1_stride +
                               (block.row + r) * p_.c_row_stride + panel * kPanel * element;
        kernels_.widen(p_.c_type, old, columns, out);
      }
    }
  }
}

/// All tiles of the block times `panels` panels from q on, whose steps from `first_step` (within
/// the packed part of A) are at args.b. If args.keep is set, B comes from device memory for the
/// first tile only, which leaves it as words for the others.
void MatmulRun::run_tiles(const Group& group, BForm form, TileArgs args, std::int64_t q,
                          std::int64_t panels, std::int64_t first_step, std::int64_t packed_steps,
                          Scratch& scratch) const {
  const Block& block = group.block;
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

MatmulRun::Ahead MatmulRun::ahead_of(const Group& group, std::int64_t q, std::int64_t step) const {
  const std::int64_t panel = std::min(group.panel + q, panels_ - 1);
  const auto stride = std::ptrdiff_t(p_.b_row_stride);
  const std::int64_t bits = p_.b_type == Dtype::kU4 ? 4 : 8 * type_bytes(p_.b_type);
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
  const std::int64_t row_bits = kPanel * (p_.b_type == Dtype::kU4 ? 4 : 8 * type_bytes(p_.b_type));
  const bool panels = p_.b_layout == abi::BLayout::kPanels;
  const auto row_stride = std::int64_t(p_.b_row_stride);
  std::uint32_t scale[kMaxTilePanels * kMaxGroupsAtOnce * kPanel];
  std::uint32_t minimum[kMaxTilePanels * kMaxGroupsAtOnce * kPanel];
  const std::int64_t at_once = keep_ ? buffer_steps_ : kStepsDirect;
  const std::int64_t row = panels ? row_bits / 8 : row_stride;
  TileArgs args{.step_bytes = integer_ ? 2 * row : row,
                .panel_bytes = panels ? row_stride : row_bits / 8,
                .pair_bytes = row,
                .scale = scale,
                .minimum = minimum,
                .scale_groups = kMaxGroupsAtOnce,
                .keep = keep_ ? scratch.b : nullptr,
                .keep_steps = at_once};
  const std::byte* base = b_matrix(group.block);
  for (std::int64_t q = 0; q < group.panels; q += tile_panels_) {
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
      args.b = base + (group.panel + q) * args.panel_bytes + (span.first + done) * args.step_bytes;
      run_tiles(group, direct_form(), args, q, count, done, span.packed, scratch);
    }
  }
}

std::uint64_t MatmulRun::store(const Group& group, const std::uint32_t* acc) const {
  const Block& block = group.block;
  const std::int64_t element = type_bytes(p_.c_type);
  const bool scaled = p_.scale_mode == abi::ScaleMode::kRowCol;
  const std::int64_t batch = block.batch0 * std::int64_t(p_.c_batch0_stride) +
                             block.batch1 * std::int64_t(p_.c_batch1_stride);
  const std::byte* a_scale = nullptr;
  const std::byte* b_scale = nullptr;
  if (scaled) {
    a_scale = a_scale_ + block.batch0 * p_.a_scale_batch0_stride +
              block.batch1 * p_.a_scale_batch1_stride + block.row * 4;
    b_scale =
        scale_ + block.batch0 * p_.b_scale_batch0_stride + block.batch1 * p_.b_scale_batch1_stride;
  }
  std::uint64_t sum = 0;
  for (std::int64_t q = 0; q < group.panels; ++q) {
    const std::int64_t panel = group.panel + q;
    std::uint32_t column_scale[kPanel] = {};
    StoreArgs args{.count = int(columns_of(panel)), .type = p_.c_type, .scale = scaled};
    if (scaled) {
      std::memcpy(column_scale, b_scale + panel * kPanel * 4, std::size_t(args.count) * 4);
      args.column_scale = column_scale;
    }
    for (std::int64_t r = 0; r < block.rows; ++r) {
      const std::int64_t offset =
          batch + (block.row + r) * std::int64_t(p_.c_row_stride) + panel * kPanel * element;
      args.acc = acc + acc_offset(group, q, r);
      args.dst = c_ + offset;
      if (scaled) std::memcpy(&args.row_scale, a_scale + r * 4, 4);
      kernels_.store_row(args);
    }
    const std::int64_t first =
        batch + block.row * std::int64_t(p_.c_row_stride) + panel * kPanel * element;
    sum += kernels_.checksum_rows(p_.c_addr + std::uint64_t(first), c_ + first,
                                  std::size_t(args.count * element),
                                  std::ptrdiff_t(p_.c_row_stride), int(block.rows));
  }
  return sum;
}

}  // namespace

void run_matmul(const MatmulPacket& packet, const CommandContext& context,
                driver::ExecutionResult& result) {
  MatmulRun run(packet, context);
  result.checksum = run.run();
}

}  // namespace tandem::cmodel

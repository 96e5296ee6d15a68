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

constexpr std::int64_t kStepsPerBlock = 128;  // of B, converted into the first-level cache
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

  void choose_blocks();
  Block block_of(std::uint64_t task) const;
  std::uint64_t run_block(const Block& block, int thread);
  void pack_a(const Block& block, std::int64_t step, std::int64_t steps, std::uint32_t* out) const;
  void fill_b(const Block& block, std::int64_t panel, std::int64_t step, std::int64_t steps,
              std::uint32_t* out) const;
  void dequantise(const Block& block, std::int64_t panel, std::int64_t step, std::int64_t steps,
                  std::uint32_t* out) const;
  void initialise(const Group& group, std::uint32_t* acc) const;
  void multiply(const Group& group, std::int64_t step, std::int64_t steps, Scratch& scratch) const;
  void multiply_direct(const Group& group, std::int64_t step, std::int64_t steps,
                       Scratch& scratch) const;
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
  std::int64_t steps_;  // of a chain: k, or pairs of k for integers
  bool direct_ = false;
  std::int64_t tile_rows_ = 1, block_rows_ = 1, blocks_ = 1, group_ = 1, chunk_ = 1, chunks_ = 1;
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
  tile_rows_ = ceil_div(m_, ceil_div(m_, tile));
  direct_ = m_ <= tile && !integer_ && !group_scaled_ && p_.b_layout != abi::BLayout::kNk;
  group_ = direct_ ? kernels_.direct_panels[std::size_t(m_)] : 1;
  if (steps_ * tile <= words) {
    const std::int64_t fit = std::min(kMaxBlockRows, words / steps_) / tile_rows_ * tile_rows_;
    block_rows_ = std::min(m_, std::max(tile_rows_, fit));
    chunk_steps_ = steps_;
  } else {
    block_rows_ = std::min(m_, kLongBlockRows / tile_rows_ * tile_rows_);
    chunk_steps_ = words / block_rows_ / kStepsPerBlock * kStepsPerBlock;
    group_ = std::max(group_, std::min(kMaxGroup, panels_));
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
      if (direct_) {
        multiply_direct(group, step, here, scratch);
      } else {
        multiply(group, step, here, scratch);
      }
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
        kernels_.pair_columns(src, stride, rows, count, rows, out);
      } else {
        kernels_.pack_rows(p_.a_type, src, stride, rows, count, out);
      }
    } else {
      const std::byte* src = base + k * stride + row * element;
      if (integer_) {
        kernels_.pair_rows(src, stride, rows, count, rows, out);
      } else {
        kernels_.pack_columns(p_.a_type, src, stride, rows, count, out);
      }
    }
    out += steps * rows;
  }
}

/// Steps of one panel of B to [steps][32] words.
void MatmulRun::fill_b(const Block& block, std::int64_t panel, std::int64_t step,
                       std::int64_t steps, std::uint32_t* out) const {
  if (group_scaled_) return dequantise(block, panel, step, steps, out);
  const std::byte* base =
      b_ + block.batch0 * p_.b_batch0_stride + block.batch1 * p_.b_batch1_stride;
  const std::int64_t element = type_bytes(p_.b_type);
  const std::int64_t k = integer_ ? 2 * step : step;
  const auto count = int(integer_ ? std::min(2 * steps, k_ - k) : steps);
  auto columns = int(columns_of(panel));
  std::ptrdiff_t stride = std::ptrdiff_t(p_.b_row_stride);
  const std::byte* src = nullptr;
  if (p_.b_layout == abi::BLayout::kNk) {
    src = base + panel * kPanel * stride + k * element;
    if (integer_) return kernels_.pair_columns(src, stride, columns, count, kPanel, out);
    return kernels_.widen_columns(p_.b_type, src, stride, columns, count, out);
  }
  if (p_.b_layout == abi::BLayout::kPanels) {
    columns = kPanel;
    src = base + panel * stride + k * kPanel * element;
    stride = kPanel * element;
  } else {
    src = base + k * stride + panel * kPanel * element;
  }
  if (integer_) return kernels_.pair_rows(src, stride, columns, count, kPanel, out);
  kernels_.widen_rows(p_.b_type, src, stride, columns, count, out);
}

void MatmulRun::dequantise(const Block& block, std::int64_t panel, std::int64_t step,
                           std::int64_t steps, std::uint32_t* out) const {
  constexpr std::int64_t kGroups = kStepsPerBlock / 16;
  std::uint32_t scale[kGroups * kPanel] = {};
  std::uint32_t minimum[kGroups * kPanel] = {};
  const std::int64_t group = p_.group_size;
  const std::int64_t groups = ceil_div(steps, group);
  const std::int64_t batch = block.batch0 * std::int64_t(p_.b_scale_batch0_stride) +
                             block.batch1 * std::int64_t(p_.b_scale_batch1_stride);
  const std::int64_t bytes = type_bytes(p_.scale_type);
  const std::byte* b = b_ + block.batch0 * p_.b_batch0_stride + block.batch1 * p_.b_batch1_stride;
  const auto b_stride = std::int64_t(p_.b_row_stride);
  const auto scale_stride = std::int64_t(p_.b_scale_row_stride);
  const bool nibbles = p_.b_type == Dtype::kU4;
  const auto columns = int(columns_of(panel));
  DequantArgs args{.columns = columns,
                   .steps = int(steps),
                   .group = int(group),
                   .scale = scale,
                   .minimum = minimum,
                   .out = out};
  if (p_.b_layout == abi::BLayout::kPanels) {
    const std::int64_t offset = batch + panel * scale_stride + step / group * kPanel * bytes;
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::int64_t at = offset + g * kPanel * bytes;
      kernels_.widen(p_.scale_type, scale_ + at, kPanel, scale + g * kPanel);
      kernels_.widen(p_.scale_type, minimum_ + at, kPanel, minimum + g * kPanel);
    }
    args.stride = nibbles ? kPanel / 2 : kPanel;
    args.q = b + panel * b_stride + step * args.stride;
    return nibbles ? kernels_.dequant_u4_rows(args) : kernels_.dequant_i8_rows(args);
  }
  std::uint32_t one[kGroups];
  for (int c = 0; c < columns; ++c) {
    const std::int64_t at = batch + (panel * kPanel + c) * scale_stride + step / group * bytes;
    kernels_.widen(p_.scale_type, scale_ + at, int(groups), one);
    for (std::int64_t g = 0; g < groups; ++g) scale[g * kPanel + c] = one[g];
    kernels_.widen(p_.scale_type, minimum_ + at, int(groups), one);
    for (std::int64_t g = 0; g < groups; ++g) minimum[g * kPanel + c] = one[g];
  }
  args.stride = b_stride;
  args.q = b + panel * kPanel * b_stride + (nibbles ? step / 2 : step);
  return nibbles ? kernels_.dequant_u4_columns(args) : kernels_.dequant_i8_columns(args);
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

void MatmulRun::multiply(const Group& group, std::int64_t step, std::int64_t steps,
                         Scratch& scratch) const {
  const Block& block = group.block;
  const auto& table = integer_ ? kernels_.tile_pairs : kernels_.tile;
  for (std::int64_t q = 0; q < group.panels; ++q) {
    for (std::int64_t done = 0; done < steps; done += kStepsPerBlock) {
      const std::int64_t here = std::min(kStepsPerBlock, steps - done);
      fill_b(block, group.panel + q, step + done, here, scratch.b);
      const std::uint32_t* a = scratch.a;
      for (std::int64_t first = 0; first < block.rows; first += tile_rows_) {
        const std::int64_t rows = std::min(tile_rows_, block.rows - first);
        table[std::size_t(rows)]({.a = a + done * rows,
                                  .b = reinterpret_cast<const std::byte*>(scratch.b),
                                  .step_bytes = kPanel * 4,
                                  .steps = here,
                                  .acc = scratch.acc + acc_offset(group, q, first)});
        a += steps * rows;
      }
    }
  }
}

/// B straight from device memory; the block is a single tile.
void MatmulRun::multiply_direct(const Group& group, std::int64_t step, std::int64_t steps,
                                Scratch& scratch) const {
  const Block& block = group.block;
  const auto rows = std::size_t(block.rows);
  const auto type = std::size_t(p_.b_type) - 1;
  const std::int64_t element = type_bytes(p_.b_type);
  const bool panels = p_.b_layout == abi::BLayout::kPanels;
  const auto row_stride = std::int64_t(p_.b_row_stride);
  const std::byte* base =
      b_ + block.batch0 * p_.b_batch0_stride + block.batch1 * p_.b_batch1_stride;
  TileArgs args{.a = scratch.a,
                .step_bytes = panels ? kPanel * element : row_stride,
                .panel_bytes = panels ? row_stride : kPanel * element,
                .steps = steps};
  const int many = kernels_.direct_panels[rows];
  for (std::int64_t q = 0; q < group.panels;) {
    const std::int64_t panel = group.panel + q;
    args.acc = scratch.acc + acc_offset(group, q, 0);
    args.b = base + panel * args.panel_bytes + step * args.step_bytes;
    const bool full = panels || (panel + many) * kPanel <= n_;
    if (q + many <= group.panels && full) {
      kernels_.direct_many[type][rows](args);
      q += many;
      continue;
    }
    if (panels || columns_of(panel) == kPanel) {
      kernels_.direct_one[type][rows](args);
    } else {
      for (std::int64_t done = 0; done < steps; done += kStepsPerBlock) {
        const std::int64_t here = std::min(kStepsPerBlock, steps - done);
        fill_b(block, panel, step + done, here, scratch.b);
        kernels_.tile[rows]({.a = scratch.a + done * block.rows,
                             .b = reinterpret_cast<const std::byte*>(scratch.b),
                             .step_bytes = kPanel * 4,
                             .steps = here,
                             .acc = args.acc});
      }
    }
    ++q;
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
      sum += kernels_.checksum(p_.c_addr + std::uint64_t(offset), args.dst,
                               std::size_t(args.count * element));
    }
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

// SPDX-License-Identifier: Apache-2.0
// MATMUL: blocks of rows and panels of 32 columns, spread over threads. No sum is ever split, so
// neither the blocks nor the threads show in the result.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "cmd/command.hpp"
#include "fault.hpp"
#include "matmul/matmul_run.hpp"

namespace tandem::cmodel {

using abi::Dtype;

namespace {

constexpr std::int64_t kMaxBlockRows = 240;
constexpr std::int64_t kLongBlockRows = 48;  // when the rows of A do not fit the scratch memory
constexpr std::int64_t kMaxGroup = 8;        // panels whose accumulators are live at once
constexpr double kLoneThreadMacs = 1 << 17;

}  // namespace

MatmulRun::MatmulRun(const abi::MatmulPacket& packet, const CommandContext& context)
    : p_(packet),
      context_(context),
      kernels_(context.kernels),
      m_(packet.m),
      n_(packet.n),
      k_(TANDEM_CMODEL_FAULT(cmodel_k_tail, packet.k, packet.k - (packet.k % 8 > 1 ? 1 : 0))),
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
    packed_steps_ = steps_;
  } else {
    block_rows_ = std::min(m_, kLongBlockRows / tile_rows_ * tile_rows_);
    packed_steps_ = words / block_rows_ / kStepsPerBlock * kStepsPerBlock;
    group_ = kMaxGroup;
  }
  constexpr std::uint64_t kMany = 1 << 20;
  const auto batches = std::int64_t(std::min(kMany, std::uint64_t(p_.batch0) * p_.batch1));
  const std::int64_t threads = context_.pool.size();
  const std::int64_t wanted = threads == 1 ? 1 : 4 * threads;
  blocks_ = ceil_div(m_, block_rows_);
  // Rows are split further only where there are too few panels to share: every block reads all of
  // B.
  const std::int64_t most = batches * ceil_div(panels_, group_);
  if (most * blocks_ < threads) blocks_ = std::min(tiles, ceil_div(wanted, most));
  block_rows_ = ceil_div(ceil_div(m_, blocks_), tile_rows_) * tile_rows_;
  blocks_ = ceil_div(m_, block_rows_);
  const std::int64_t split = std::max<std::int64_t>(1, ceil_div(wanted, batches * blocks_));
  const std::int64_t share = ceil_div(panels_, split);
  if (direct_ && !panels && tiles == 1 && share > tile_panels_) {
    // Rows of [K, N] are read along: as many panels at once as accumulators fit.
    const auto fit = std::int64_t(Scratch::kAccumulators) / (kPanel * m_);
    group_ = std::max(tile_panels_, std::min(share, fit) / tile_panels_ * tile_panels_);
    along_rows_ = true;
  }
  chunk_ = ceil_div(share, group_) * group_;
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
  const bool keep_a = packed_steps_ == steps_;
  if (keep_a) pack_a(block, 0, steps_, scratch.a);
  std::uint64_t sum = 0;
  for (std::int64_t done = 0; done < block.panels; done += group_) {
    if (context_.cancelled()) return 0;
    const Group group{block, block.panel + done, std::min(group_, block.panels - done)};
    initialise(group, scratch.acc);
    for (std::int64_t step = 0; step < steps_; step += packed_steps_) {
      const std::int64_t here = std::min(packed_steps_, steps_ - step);
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

void MatmulRun::initialise(const Group& group, std::uint32_t* acc) const {
  const Block& block = group.block;
  if (p_.init_mode == abi::InitMode::kZero) {
    std::memset(acc, 0, std::size_t(group.panels * block.rows * kPanel) * 4);
    return;
  }
  const std::int64_t element = matmul_type_bytes(p_.c_type);
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

std::uint64_t MatmulRun::store(const Group& group, const std::uint32_t* acc) const {
  const Block& block = group.block;
  const std::int64_t element = matmul_type_bytes(p_.c_type);
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

void run_matmul(const abi::MatmulPacket& packet, const CommandContext& context,
                driver::ExecutionResult& result) {
  MatmulRun run(packet, context);
  result.checksum = run.run();
}

}  // namespace tandem::cmodel

// SPDX-License-Identifier: Apache-2.0
// One MATMUL in execution: how it is cut into blocks, tiles and steps, and where its operands lie.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cmd/command.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::cmodel {

/// Steps of B that a tile works on before the next one does: in the second-level cache, in the
/// first for a few tiles, and where B is not widened in between.
inline constexpr std::int64_t kStepsPerBlock = 512;
inline constexpr std::int64_t kStepsFewTiles = 128;
inline constexpr std::int64_t kStepsDirect = 1024;
/// The same for rows of [K, N], which may be a power of two apart and then share few cache sets.
inline constexpr std::int64_t kStepsDirectRows = 128;
inline constexpr std::int64_t kStepsAlongRows = 16;
inline constexpr std::int64_t kMaxGroupsAtOnce = kStepsDirect / 16;

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Bytes of an element of a type of MATMUL; 1 for U4.
inline std::int64_t matmul_type_bytes(abi::Dtype type) {
  return type == abi::Dtype::kU4 ? 1 : std::int64_t(abi::dtype_bits(type) / 8);
}

/// One packet in execution.
class MatmulRun {
 public:
  MatmulRun(const abi::MatmulPacket& packet, const CommandContext& context);
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
  void multiply_panels(const Group& group, const Span& span, std::int64_t q,
                       Scratch& scratch) const;
  void run_tiles(const Group& group, BForm form, TileArgs args, std::int64_t q, std::int64_t panels,
                 std::int64_t first_step, std::int64_t packed_steps, Scratch& scratch) const;
  BForm direct_form() const;
  Ahead ahead_of(const Group& group, std::int64_t q, std::int64_t step) const;
  const std::byte* b_matrix(const Block& block) const {
    return b_ + block.batch0 * p_.b_batch0_stride + block.batch1 * p_.b_batch1_stride;
  }
  std::uint64_t store(const Group& group, const std::uint32_t* acc) const;

  /// Where the accumulators of a row of the block and a panel of the group start.
  std::int64_t acc_offset(const Group& group, std::int64_t q, std::int64_t row) const {
    const std::int64_t first = row / tile_rows_ * tile_rows_;
    const std::int64_t rows = std::min(tile_rows_, group.block.rows - first);
    return (first * group.panels + q * rows + (row - first)) * kPanel;
  }
  std::int64_t columns_of(std::int64_t panel) const {
    return std::min<std::int64_t>(kPanel, n_ - panel * kPanel);
  }

  const abi::MatmulPacket& p_;
  const CommandContext& context_;
  const Kernels& kernels_;
  std::int64_t m_, n_, k_, panels_;
  bool integer_;  // int8 x int8
  bool group_scaled_;
  std::int64_t steps_;             // of a chain: k, or pairs of k for integers
  bool direct_ = false;            // tiles read B from device memory
  bool keep_ = false;              // only the first tile does
  bool along_rows_ = false;        // all panels of a group before the next few steps
  std::int64_t buffer_steps_ = 1;  // of B in the buffer
  std::int64_t tile_rows_ = 1;     // of all tiles but the last of a block
  std::int64_t tile_panels_ = 1;
  std::int64_t block_rows_ = 1, blocks_ = 1;  // rows of a block, and blocks of a matrix
  std::int64_t group_ = 1;                    // panels whose accumulators are live at once
  std::int64_t chunk_ = 1, chunks_ = 1;       // panels of a task, and tasks of a block of rows
  std::int64_t packed_steps_ = 1;             // of A at once in scratch memory
  const std::byte *a_, *b_, *bias_, *scale_, *minimum_, *a_scale_;
  std::byte* c_;
};

}  // namespace tandem::cmodel

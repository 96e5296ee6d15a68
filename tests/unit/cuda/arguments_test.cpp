// SPDX-License-Identifier: Apache-2.0
// How packets become arguments of launches: divisions, widths, owners, tiles, grids.
#include "arguments.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "engine.hpp"
#include "host_kernels.hpp"
#include "kernels/checksum.hpp"
#include "kernels/matmul.hpp"
#include "kernels/scatter_add.hpp"
#include "tandem/abi/ucode.hpp"
#include "tandem/numerics/checksum.hpp"

namespace tandem::gpu {
namespace {

TEST(Divisor, IsExactBelow2To32) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t value = 1 + (random() >> 32 >> random() % 32);
    const std::uint64_t n = random() >> 32 >> random() % 32;
    ASSERT_EQ(divide(n, make_divisor(value)), n / value) << n << " / " << value;
  }
  for (const std::uint64_t value :
       {1ull, 2ull, 3ull, 0xffffffffull, 0x80000000ull, 0x80000001ull}) {
    for (const std::uint64_t n : {0ull, 1ull, 0xfffffffeull, 0xffffffffull, 0x80000000ull}) {
      EXPECT_EQ(divide(n, make_divisor(value)), n / value) << n << " / " << value;
    }
  }
}

TEST(Grid, StaysBelowItsLimitForAnyShape) {
  EXPECT_EQ(grid_for(0), 1u);
  EXPECT_EQ(grid_for(5), 5u);
  EXPECT_EQ(grid_for(kMaxGrid + 1), kMaxGrid);
  EXPECT_EQ(grid_for(~std::uint64_t{0}), kMaxGrid);
  const std::uint64_t extents[4] = {1ull << 32, 1ull << 32, 2, 1};
  EXPECT_EQ(product(extents), ~std::uint64_t{0});
}

CopyArgs loops(std::array<LoopDim, 4> dims, std::uint64_t bytes, std::uint64_t alignment) {
  CopyArgs args;
  args.src.at = 1;
  set_loops(args, dims, bytes, alignment);
  return args;
}

TEST(CopyLoops, MergeAndWiden) {
  // A contiguous block of 2 x 3 x 4 x 8 bytes: one run of 16-byte elements.
  const CopyArgs whole = loops({{{2, 96, 96}, {3, 32, 32}, {4, 8, 8}, {8, 1, 1}}}, 1, 0x1000);
  EXPECT_EQ(whole.element, 16u);
  EXPECT_EQ(whole.elements, 12u);
  EXPECT_EQ(whole.extent[3], 12u);
  // Odd start: nothing wider.
  EXPECT_EQ(loops({{{1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {64, 1, 1}}}, 1, 0x1001).element, 1u);
  // Rows at odd distances, of even length.
  EXPECT_EQ(loops({{{1, 0, 0}, {1, 0, 0}, {5, 66, 64}, {64, 1, 1}}}, 1, 0x1000).element, 2u);
  // A transpose keeps its elements.
  EXPECT_EQ(loops({{{1, 0, 0}, {1, 0, 0}, {8, 4, 32}, {8, 32, 4}}}, 4, 0x1000).element, 4u);
  // A broadcast source is not merged with what continues on the other side only.
  const CopyArgs broadcast = loops({{{1, 0, 0}, {1, 0, 0}, {4, 0, 16}, {4, 4, 4}}}, 4, 0x1000);
  EXPECT_EQ(broadcast.element, 16u);
  EXPECT_EQ(broadcast.extent[3], 1u);
  EXPECT_EQ(broadcast.extent[2], 4u);
  EXPECT_EQ(broadcast.src_stride[2], 0u);
  EXPECT_EQ(broadcast.dst_stride[2], 16u);
}

TEST(CopyLoops, HugeShapesAreWide) {
  const std::uint64_t extent = 0xffff'ffff;
  const CopyArgs args =
      loops({{{extent, 0, 0}, {extent, 0, 0}, {extent, 0, 0}, {extent, 0, 0}}}, 1, 0x1000);
  EXPECT_EQ(args.narrow, 0u);
  EXPECT_EQ(args.elements, ~std::uint64_t{0});
}

abi::ScatterAddPacket scatter(std::uint32_t i, std::uint32_t j, std::uint32_t l,
                              std::uint32_t limit, std::uint64_t s0, std::uint64_t s1,
                              std::uint64_t s2) {
  abi::ScatterAddPacket p;
  p.extent0 = i;
  p.extent1 = j;
  p.extent2 = l;
  p.limit = limit;
  p.dst_stride0 = s0;
  p.dst_index_stride = s1;
  p.dst_stride2 = s2;
  p.elem_type = abi::Dtype::kF32;
  return p;
}

TEST(ScatterArgs, ColumnsAreSplitOnlyWhereTheyAreApart) {
  // Dense [i][row][l].
  const ScatterArgs dense = scatter_args(scatter(4, 9, 8, 16, 512, 32, 4), 1);
  EXPECT_EQ(dense.split_i, 1u);
  EXPECT_EQ(dense.split_l, 1u);
  // All i add to the same rows.
  const ScatterArgs summed = scatter_args(scatter(4, 9, 8, 16, 0, 32, 4), 1);
  EXPECT_EQ(summed.split_i, 0u);
  EXPECT_EQ(summed.split_l, 1u);
  // All l add to the same word.
  const ScatterArgs folded = scatter_args(scatter(4, 9, 8, 16, 64, 4, 0), 1);
  EXPECT_EQ(folded.split_i, 1u);
  EXPECT_EQ(folded.split_l, 0u);
  // Rows that overlap.
  const ScatterArgs mixed = scatter_args(scatter(4, 9, 8, 16, 4, 4, 4), 1);
  EXPECT_EQ(mixed.split_i, 0u);
  EXPECT_EQ(mixed.split_l, 0u);
}

/// Every addition has exactly one thread, and a word always the same one, by brute force.
TEST(ScatterArgs, EveryWordHasOneOwner) {
  std::mt19937 random(5);
  for (int n = 0; n < 300; ++n) {
    const auto below = [&](unsigned bound) { return std::uint32_t(random() % bound); };
    abi::ScatterAddPacket p = scatter(1 + below(4), 1 + below(40), 1 + below(5), 1 + below(6),
                                      4 * below(40), 4 * below(12), 4 * below(12));
    const ScatterArgs a = scatter_args(p, 1 << below(8));
    const std::uint64_t columns =
        (a.split_i != 0 ? a.extent[0] : 1) * (a.split_l != 0 ? a.extent[2] : 1);
    std::map<std::uint64_t, std::set<std::uint64_t>> owners;  // by offset
    std::map<std::array<std::uint64_t, 3>, int> taken;        // by i, row, l
    for (std::uint64_t thread = 0; thread < columns << a.parts_log2; ++thread) {
      const ScatterShare share = scatter_share(a, thread);
      for (std::uint64_t i = share.i_begin; i < share.i_end; ++i) {
        for (std::uint64_t row = 0; row < a.limit; ++row) {
          for (std::uint64_t l = share.l_begin; l < share.l_end; ++l) {
            const std::uint64_t to =
                i * a.dst_stride[0] + row * a.dst_stride[1] + l * a.dst_stride[2];
            if (owner_of(to, a.parts_log2) != share.part) continue;
            owners[to].insert(thread);
            ++taken[{i, row, l}];
          }
        }
      }
    }
    ASSERT_EQ(taken.size(), a.extent[0] * a.limit * a.extent[2]);
    for (const auto& [place, count] : taken) ASSERT_EQ(count, 1);
    for (const auto& [offset, threads] : owners) ASSERT_EQ(threads.size(), 1u) << "packet " << n;
  }
}

template <class T>
void expect_cover() {
  std::set<std::pair<unsigned, unsigned>> outputs;
  for (unsigned t = 0; t < kBlockThreads; ++t) {
    const ThreadPlace<T> place(t);
    for (int i = 0; i < T::kT; ++i) {
      for (int j = 0; j < T::kT; ++j) outputs.emplace(place.row(i), place.column(j));
    }
  }
  EXPECT_EQ(outputs.size(), std::size_t(T::kBm * T::kBn));
  EXPECT_EQ(outputs.rbegin()->first, unsigned(T::kBm - 1));
  for (const bool along : {false, true}) {
    std::set<std::pair<unsigned, unsigned>> fetched;
    for (unsigned t = 0; t < kBlockThreads; ++t) {
      for (int i = 0; i < T::kQuadsB; ++i) {
        const QuadPlace<T::kBk, T::kBn> at(t, i, along);
        for (unsigned e = 0; e < 4; ++e) {
          fetched.emplace(at.k + (along ? e : 0), at.across + (along ? 0 : e));
        }
      }
    }
    EXPECT_EQ(fetched.size(), std::size_t(T::kBk * T::kBn)) << "along k: " << along;
    EXPECT_LT(fetched.rbegin()->first, unsigned(T::kBk));
  }
}

TEST(MatmulTiles, ThreadsCoverTileAndOperandsOnce) {
  expect_cover<SkinnyTile>();
  expect_cover<MidTile>();
  expect_cover<BigTile>();
}

TEST(MatmulTiles, BandsVisitEveryTileOnce) {
  MatmulArgs p;
  p.tiles_m = 19;
  p.tiles_n = 5;
  p.m = 19 * 128 - 3;
  p.n = 5 * 128 - 100;
  std::set<std::array<std::uint64_t, 3>> tiles;
  for (std::uint64_t tile = 0; tile < 3u * 19 * 5; ++tile) {
    const TilePlace place = tile_place<BigTile>(p, tile);
    tiles.insert({place.batch, place.m, place.n});
    EXPECT_LT(place.m, p.m);
    EXPECT_LT(place.n, p.n);
    EXPECT_EQ(place.rows, p.m - place.m);
  }
  EXPECT_EQ(tiles.size(), 3u * 19 * 5);
}

TEST(VectorArgs, PhasesAndUnits) {
  using abi::MicroOp;
  const auto word = [](MicroOp op, unsigned d = 0, unsigned a = 0) {
    return abi::encode({op, std::uint8_t(d), std::uint8_t(a), 0, 0, 0});
  };
  const std::uint64_t reducing[] = {word(MicroOp::kPhase),       word(MicroOp::kLd, 0, 0),
                                    word(MicroOp::kRsum, 17, 0), word(MicroOp::kPhase),
                                    word(MicroOp::kClz, 16, 17), word(MicroOp::kLd, 0, 0),
                                    word(MicroOp::kSt, 0, 0)};
  abi::VectorPacket p;
  p.cols = 1000;
  p.rows0 = 2;
  p.rows1 = 3;
  const VectorArgs reduces = vector_args(p, reducing, 1024);
  EXPECT_EQ(reduces.phases, 2u);
  EXPECT_EQ(reduces.scalar_begin[0], 1u);
  EXPECT_EQ(reduces.vector_begin[0], 1u);
  EXPECT_EQ(reduces.phase_end[0], 3u);
  EXPECT_EQ(reduces.scalar_begin[1], 4u);
  EXPECT_EQ(reduces.vector_begin[1], 5u);
  EXPECT_EQ(reduces.phase_end[1], 7u);
  EXPECT_EQ(reduces.reduces[0], 2u);
  EXPECT_EQ(reduces.reduce_op[0][1], std::uint8_t(MicroOp::kRsum));
  EXPECT_EQ(reduces.reduces[1], 0u);
  EXPECT_EQ(reduces.lanes, 64u);  // partial i mod 64
  EXPECT_EQ(reduces.units, 6u);
  EXPECT_EQ(reduces.part_cols, 1000u);

  const std::uint64_t alike[] = {word(MicroOp::kPhase), word(MicroOp::kLd, 0, 0),
                                 word(MicroOp::kSt, 0, 0)};
  const VectorArgs cut = vector_args(p, alike, 1);
  EXPECT_EQ(cut.part_cols, 512u);
  EXPECT_EQ(cut.parts, 2u);
  EXPECT_EQ(cut.units, 12u);
  p.cols = 5;
  EXPECT_EQ(vector_args(p, alike, 1).lanes, 8u);
  p.cols = 0xffff'ffff;
  EXPECT_EQ(vector_args(p, alike, 1).parts, (0xffff'ffffull + 511) / 512);
}

TEST(ChecksumKernel, IsTheChecksumOfRows) {
  std::mt19937 random(9);
  std::vector<std::uint8_t> memory(4096);
  for (auto& byte : memory) byte = std::uint8_t(random());
  for (int n = 0; n < 200; ++n) {
    DeviceStatus status;
    ChecksumArgs a;
    a.status = reinterpret_cast<std::uint64_t>(&status);
    const std::uint64_t start = random() % 64;
    a.data.at = reinterpret_cast<std::uint64_t>(memory.data()) + start;
    a.data.addr = (a.data.at & 3) + 0x1234'0000;  // equal modulo 4, as mappings are
    a.extent[0] = 1 + random() % 3;
    a.extent[1] = 1 + random() % 3;
    a.extent[2] = 1 + random() % 5;
    a.row_bytes = 1 + random() % 40;
    a.stride[2] = a.row_bytes + random() % 3;
    a.stride[1] = a.stride[2] * a.extent[2];
    a.stride[0] = a.stride[1] * a.extent[1];
    std::uint64_t expected = 0;
    for (std::uint64_t row = 0; row < a.extent[0] * a.extent[1] * a.extent[2]; ++row) {
      expected += numerics::checksum_bytes(a.data.addr + row * a.stride[2],
                                           memory.data() + start + row * a.stride[2], a.row_bytes);
    }
    run_on_host(Kernel::kChecksum, {2, kBlockThreads, kSumBytes}, &a, nullptr,
                {.reversed = n % 2 == 0});
    ASSERT_EQ(status.checksum, expected) << n;
  }
}

/// Shapes of 2^32 elements and more divide by 64-bit numbers.
TEST(CopyKernel, WideIndicesGiveTheSame) {
  std::vector<std::uint32_t> src(3 * 5 * 7 * 4);
  for (std::uint32_t& word : src) word = std::uint32_t(&word - src.data()) * 0x9e3779b9u;
  std::vector<std::uint32_t> results[2];
  std::uint64_t checksums[2] = {};
  for (const std::uint32_t narrow : {0u, 1u}) {
    std::vector<std::uint32_t>& dst = results[narrow];
    dst.resize(src.size());
    DeviceStatus status;
    CopyArgs a;
    a.status = reinterpret_cast<std::uint64_t>(&status);
    a.src = {reinterpret_cast<std::uint64_t>(src.data()), 0x1000};
    a.dst = {reinterpret_cast<std::uint64_t>(dst.data()), 0x2000};
    set_loops(a, {{{3, 560, 4}, {5, 112, 12}, {7, 16, 60}, {4, 4, 420}}}, 4, 4);
    EXPECT_EQ(a.narrow, 1u);
    a.narrow = narrow;
    run_on_host(Kernel::kCopy, {1, kBlockThreads, kSumBytes}, &a, nullptr);
    checksums[narrow] = status.checksum;
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(checksums[0], checksums[1]);
  EXPECT_EQ(results[0][1], src[140]);  // transposed: i0 is innermost there
  EXPECT_NE(checksums[0], 0u);
}

TEST(Launches, AskForNoMoreSharedMemoryThanEveryGpuHas) {
  for (unsigned k = 0; k < kKernels; ++k) {
    EXPECT_LE(shared_bytes_of(static_cast<Kernel>(k)), 48u * 1024) << kernel_name(Kernel(k));
  }
}

}  // namespace
}  // namespace tandem::gpu

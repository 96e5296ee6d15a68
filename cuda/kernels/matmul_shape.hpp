// SPDX-License-Identifier: Apache-2.0
// Tiles of the matrix kernels: sizes that host and device must agree on.
#pragma once

#include <cstdint>

#include "kernels/context.hpp"
#include "kernels/launch.hpp"

namespace tandem::gpu {

/// A block computes kBm x kBn outputs, kBk steps of k at a time; a thread kT x kT of them.
template <int kBm_, int kBn_, int kBk_, int kT_>
struct Tile {
  static constexpr int kBm = kBm_, kBn = kBn_, kBk = kBk_, kT = kT_;
  static constexpr int kThreads = int(kBlockThreads);
  static constexpr int kVec = kT >= 4 ? 4 : 1;  ///< Neighbours that a thread owns.
  static constexpr int kGroups = kT / kVec;     ///< Such groups, kBm / kGroups rows apart.
  /// A warp is 4 x 8 threads.
  static constexpr int kWarpM = 4 * kT, kWarpN = 8 * kT;
  static constexpr int kWarpsN = kBn / kWarpN;
  static_assert((kBm / kWarpM) * kWarpsN * 32 == kThreads);
  /// Rows of the shared tiles [k][m] and [k][n]: padded, so that columns written together lie in
  /// different banks; a multiple of 4 where groups of 4 are read at once.
  static constexpr int kPad = kVec == 4 ? 4 : 1;
  static constexpr int kStrideA = kBm + kPad, kStrideB = kBn + kPad;
  /// Groups of four elements that a thread fetches for each step.
  static constexpr int kQuadsA = kBm * kBk / 4 / kThreads, kQuadsB = kBn * kBk / 4 / kThreads;
  static_assert(kQuadsA * 4 * kThreads == kBm * kBk && kQuadsB * 4 * kThreads == kBn * kBk);

  static constexpr std::uint32_t kSharedA = shared_size(2 * kBk * kStrideA, 4);
  static constexpr std::uint32_t kSharedB = shared_size(2 * kBk * kStrideB, 4);
  static constexpr std::uint32_t kSharedBytes = kSharedA + kSharedB + kSumBytes;
  static_assert(kSharedBytes <= 48 * 1024, "what a launch may ask for without further calls");
};

/// Few rows of A, the matrix-vector products of decoding: B is what has to be fetched, so steps are
/// long. A warp's chains run side by side; no more can be gained, as a chain is never split.
using SkinnyTile = Tile<8, 32, 128, 1>;
using MidTile = Tile<64, 64, 16, 4>;
/// 64 FMAs for every 16 values read from shared memory.
using BigTile = Tile<128, 128, 16, 8>;

}  // namespace tandem::gpu

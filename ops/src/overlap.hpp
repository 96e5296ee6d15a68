// SPDX-License-Identifier: Apache-2.0
// Whether two strided operands touch the same bytes.
#pragma once

#include <array>
#include <cstdint>

namespace tandem::ops {

/// Bytes base + sum(i_d * stride_d) + [0, elem_bytes), 0 <= i_d < extent_d.
struct Footprint {
  static constexpr int kMaxDims = 8;
  struct Dim {
    std::uint64_t extent = 1;
    std::uint64_t stride = 0;
  };
  std::uint64_t base = 0;
  std::uint64_t elem_bytes = 1;
  int num_dims = 0;
  std::array<Dim, kMaxDims> dims{};

  void add(std::uint64_t extent, std::uint64_t stride) {
    if (extent > 1) dims[static_cast<std::size_t>(num_dims++)] = {extent, stride};
  }
  std::uint64_t end() const;
};

/// False only if the footprints provably share no byte: hulls apart, or interleaved with a common
/// period.
bool may_overlap(const Footprint& a, const Footprint& b);

}  // namespace tandem::ops

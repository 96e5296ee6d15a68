// SPDX-License-Identifier: Apache-2.0
// Axes of operands that move together: merged where the layout allows, walked where a packet has
// too few extents.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "checks.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

/// Axes shared by kCount operands, outermost first.
template <std::size_t kCount>
class Loops {
 public:
  static constexpr std::uint64_t kMaxExtent = std::uint64_t{1} << 31;
  struct Dim {
    std::uint64_t extent = 1;
    std::array<std::uint64_t, kCount> stride{};
  };
  using Offsets = std::array<std::uint64_t, kCount>;

  int count() const { return count_; }
  const Dim& operator[](int at) const { return dims_[static_cast<std::size_t>(at)]; }
  bool empty() const { return empty_; }

  /// Adds an axis inside the others; merges it with the last one where no operand minds.
  void add(std::uint64_t extent, const std::array<std::uint64_t, kCount>& stride) {
    if (extent == 0) empty_ = true;
    if (extent <= 1) return;
    if (extent > 0xFFFFFFFFu) {
      fail_argument("tensor", "shape", "less than 2^32 elements on an axis",
                    std::to_string(extent));
    }
    if (count_ > 0) {
      Dim& outer = dims_[static_cast<std::size_t>(count_ - 1)];
      bool merges = outer.extent * extent <= kMaxExtent;
      for (std::size_t i = 0; i < kCount; ++i) {
        merges = merges && outer.stride[i] == stride[i] * extent;
      }
      if (merges) {
        outer.extent *= extent;
        outer.stride = stride;
        return;
      }
    }
    dims_[static_cast<std::size_t>(count_++)] = {extent, stride};
  }

  /// Dim `at` counted from the innermost; extent 1 where there is none.
  Dim inner(int at) const { return at < count_ ? (*this)[count_ - 1 - at] : Dim{}; }

  /// Calls visit(offsets in bytes) for every index of the dims beyond the `kept` innermost.
  template <class Visit>
  void for_each_outer(int kept, Visit&& visit) const {
    if (empty_) return;
    const int outer = std::max(0, count_ - kept);
    std::array<std::uint64_t, kMaxDims> index{};
    Offsets offset{};
    while (true) {
      visit(offset);
      int at = outer - 1;
      for (; at >= 0; --at) {
        const Dim& dim = (*this)[at];
        const bool wraps = ++index[static_cast<std::size_t>(at)] == dim.extent;
        if (wraps) index[static_cast<std::size_t>(at)] = 0;
        for (std::size_t i = 0; i < kCount; ++i) {
          offset[i] += wraps ? -(dim.extent - 1) * dim.stride[i] : dim.stride[i];
        }
        if (!wraps) break;
      }
      if (at < 0) return;
    }
  }

 private:
  static constexpr int kMaxDims = kMaxRank + 2;
  std::array<Dim, kMaxDims> dims_{};
  int count_ = 0;
  bool empty_ = false;
};

}  // namespace tandem::ops

// SPDX-License-Identifier: Apache-2.0
// Four nested loops over a source and a destination, cut into planes that threads share.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "cmd/command.hpp"

namespace tandem::cmodel {

/// One loop: its extent and the byte strides of source and destination.
struct LoopDim {
  std::uint64_t extent = 1;
  std::uint64_t src = 0;
  std::uint64_t dst = 0;
};

/// The two innermost loops at some position of the outer ones; offsets in bytes.
struct Plane {
  std::uint64_t src = 0;
  std::uint64_t dst = 0;
  LoopDim rows;
  LoopDim columns;
};

/// Loops, outermost first, without those of extent 1, and with those joined that continue each
/// other on both sides.
class Loops {
 public:
  explicit Loops(std::span<const LoopDim> all) {
    for (const LoopDim& dim : all) {
      if (dim.extent != 1) add(dim);
    }
  }

  /// Calls body(plane), which returns a checksum, for planes of roughly `kPlaneBytes` that together
  /// cover all loops once; returns the sum. `elem_bytes`: of an element.
  template <class Body>
  std::uint64_t run(const CommandContext& context, std::uint64_t elem_bytes, Body&& body) const {
    const LoopDim columns = from_inside(0);
    const LoopDim rows = from_inside(1);
    const LoopDim outer1 = from_inside(2);
    const LoopDim outer0 = from_inside(3);
    const std::uint64_t plane_elements = kPlaneBytes / elem_bytes;
    const bool runs = columns.src == elem_bytes && columns.dst == elem_bytes;
    // Planes of a transpose need rows as well as columns.
    const std::uint64_t plane_columns =
        std::min(columns.extent, runs || rows.extent == 1 ? plane_elements : kPlaneSide);
    const std::uint64_t plane_rows = std::max<std::uint64_t>(1, plane_elements / plane_columns);
    const std::uint64_t across = (columns.extent + plane_columns - 1) / plane_columns;
    const std::uint64_t down = (rows.extent + plane_rows - 1) / plane_rows;
    std::atomic<std::uint64_t> sum{0};
    context.pool.run(outer0.extent * outer1.extent * down * across, [&](std::uint64_t task, int) {
      if (context.cancelled()) return;
      const std::uint64_t column = task % across * plane_columns;
      task /= across;
      const std::uint64_t row = task % down * plane_rows;
      task /= down;
      const std::uint64_t i1 = task % outer1.extent;
      const std::uint64_t i0 = task / outer1.extent;
      Plane plane;
      plane.src = i0 * outer0.src + i1 * outer1.src + row * rows.src + column * columns.src;
      plane.dst = i0 * outer0.dst + i1 * outer1.dst + row * rows.dst + column * columns.dst;
      plane.rows = {std::min(plane_rows, rows.extent - row), rows.src, rows.dst};
      plane.columns = {std::min(plane_columns, columns.extent - column), columns.src, columns.dst};
      sum.fetch_add(body(plane), std::memory_order_relaxed);
    });
    return sum;
  }

 private:
  static constexpr std::uint64_t kPlaneBytes = 1 << 18;
  static constexpr std::uint64_t kPlaneSide = 512;

  void add(const LoopDim& dim) {
    if (count_ != 0) {
      LoopDim& outer = dims_[std::size_t(count_) - 1];
      const bool small = (outer.extent >> 31) == 0 && (dim.extent >> 31) == 0;
      if (small && outer.src == dim.src * dim.extent && outer.dst == dim.dst * dim.extent) {
        outer = {outer.extent * dim.extent, dim.src, dim.dst};
        return;
      }
    }
    dims_[std::size_t(count_++)] = dim;
  }
  LoopDim from_inside(int n) const {
    return n < count_ ? dims_[std::size_t(count_ - 1 - n)] : LoopDim{};
  }

  std::array<LoopDim, 4> dims_{};
  int count_ = 0;
};

}  // namespace tandem::cmodel

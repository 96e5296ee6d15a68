// SPDX-License-Identifier: Apache-2.0
// COPY: contiguous runs as such, transposes in tiles, everything else element by element.
#include <cstring>

#include "cmd/command.hpp"
#include "cmd/elements.hpp"
#include "cmd/planes.hpp"

namespace tandem::cmodel {
namespace {

/// Elements one by one, along the destination's shorter stride.
template <class T>
std::uint64_t copy_elements(const Plane& plane, const std::byte* src, std::byte* dst,
                            std::uint64_t dst_addr) {
  const bool by_column = plane.rows.extent != 1 && plane.rows.dst < plane.columns.dst;
  const LoopDim& outer = by_column ? plane.columns : plane.rows;
  const LoopDim& inner = by_column ? plane.rows : plane.columns;
  std::uint64_t sum = 0;
  for (std::uint64_t o = 0; o < outer.extent; ++o) {
    for (std::uint64_t i = 0; i < inner.extent; ++i) {
      T value;
      std::memcpy(&value, src + plane.src + o * outer.src + i * inner.src, sizeof value);
      const std::uint64_t to = plane.dst + o * outer.dst + i * inner.dst;
      std::memcpy(dst + to, &value, sizeof value);
      sum += element_checksum(dst_addr + to, value);
    }
  }
  return sum;
}

/// A transpose: the source is contiguous along `outer`, the destination along `inner`. Tiles of
/// whole cache lines of the source, because lines a power of two apart would push each other out.
template <class T>
std::uint64_t transpose_elements(const Plane& plane, const LoopDim& outer, const LoopDim& inner,
                                 const CommandContext& context, const std::byte* src,
                                 std::byte* dst, std::uint64_t dst_addr) {
  constexpr std::uint64_t kLine = 64 / sizeof(T);
  constexpr std::uint64_t kLines = 64;
  T tile[kLines][kLine];
  T run[kLines];
  std::uint64_t sum = 0;
  for (std::uint64_t o = 0; o < outer.extent; o += kLine) {
    const std::uint64_t across = std::min(kLine, outer.extent - o);
    for (std::uint64_t i = 0; i < inner.extent; i += kLines) {
      const std::uint64_t down = std::min(kLines, inner.extent - i);
      const std::byte* from = src + plane.src + o * outer.src + i * inner.src;
      for (std::uint64_t k = 0; k < down; ++k) {
        std::memcpy(tile[k], from + k * inner.src, across * sizeof(T));
      }
      for (std::uint64_t c = 0; c < across; ++c) {
        for (std::uint64_t k = 0; k < down; ++k) run[k] = tile[k][c];
        const std::uint64_t to = plane.dst + (o + c) * outer.dst + i * inner.dst;
        sum += context.kernels.copy(dst + to, dst_addr + to, reinterpret_cast<std::byte*>(run),
                                    down * sizeof(T));
      }
    }
  }
  return sum;
}

/// A plane whose columns are not contiguous on both sides.
template <class T>
std::uint64_t copy_plane(const Plane& plane, const CommandContext& context, const std::byte* src,
                         std::byte* dst, std::uint64_t dst_addr) {
  const LoopDim& rows = plane.rows;
  const LoopDim& columns = plane.columns;
  if (rows.dst == sizeof(T) && columns.src == sizeof(T)) {
    return transpose_elements<T>(plane, columns, rows, context, src, dst, dst_addr);
  }
  if (columns.dst == sizeof(T) && rows.src == sizeof(T)) {
    return transpose_elements<T>(plane, rows, columns, context, src, dst, dst_addr);
  }
  return copy_elements<T>(plane, src, dst, dst_addr);
}

}  // namespace

void run_copy(const abi::CopyPacket& p, const CommandContext& context,
              driver::ExecutionResult& result) {
  const LoopDim dims[] = {{p.extent0, p.src_stride0, p.dst_stride0},
                          {p.extent1, p.src_stride1, p.dst_stride1},
                          {p.extent2, p.src_stride2, p.dst_stride2},
                          {p.extent3, p.src_stride3, p.dst_stride3}};
  const std::byte* src = context.pointer("src");
  std::byte* dst = context.pointer("dst");
  const std::uint64_t bytes = p.elem_bytes;
  result.checksum = Loops(dims).run(context, bytes, [&](const Plane& plane) {
    const LoopDim& columns = plane.columns;
    if (columns.extent != 1 && (columns.src != bytes || columns.dst != bytes)) {
      return for_element_size(unsigned(bytes), [&]<class T>() {
        return copy_plane<T>(plane, context, src, dst, p.dst_addr);
      });
    }
    std::uint64_t sum = 0;
    for (std::uint64_t r = 0; r < plane.rows.extent; ++r) {
      const std::uint64_t to = plane.dst + r * plane.rows.dst;
      sum += context.kernels.copy(dst + to, p.dst_addr + to, src + plane.src + r * plane.rows.src,
                                  columns.extent * bytes);
    }
    return sum;
  });
}

}  // namespace tandem::cmodel

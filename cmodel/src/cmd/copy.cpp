// SPDX-License-Identifier: Apache-2.0
// COPY: contiguous runs as such, everything else in blocks of elements.
#include <cstring>

#include "cmd/command.hpp"
#include "cmd/elements.hpp"
#include "cmd/planes.hpp"

namespace tandem::cmodel {
namespace {

/// Blocks small enough that neither side leaves the first-level cache, whatever its stride; within
/// a block the destination is written along its shorter stride.
template <class T>
std::uint64_t copy_elements(const Plane& plane, const std::byte* src, std::byte* dst,
                            std::uint64_t dst_addr) {
  constexpr std::uint64_t kBlock = 32;
  const bool by_column = plane.rows.extent != 1 && plane.rows.dst < plane.columns.dst;
  const LoopDim& outer = by_column ? plane.columns : plane.rows;
  const LoopDim& inner = by_column ? plane.rows : plane.columns;
  std::uint64_t sum = 0;
  for (std::uint64_t first = 0; first < outer.extent; first += kBlock) {
    const std::uint64_t last = std::min(outer.extent, first + kBlock);
    for (std::uint64_t begin = 0; begin < inner.extent; begin += kBlock) {
      const std::uint64_t end = std::min(inner.extent, begin + kBlock);
      for (std::uint64_t o = first; o < last; ++o) {
        for (std::uint64_t i = begin; i < end; ++i) {
          T value;
          std::memcpy(&value, src + plane.src + o * outer.src + i * inner.src, sizeof value);
          const std::uint64_t to = plane.dst + o * outer.dst + i * inner.dst;
          std::memcpy(dst + to, &value, sizeof value);
          sum += element_checksum(dst_addr + to, value);
        }
      }
    }
  }
  return sum;
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
        return copy_elements<T>(plane, src, dst, p.dst_addr);
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

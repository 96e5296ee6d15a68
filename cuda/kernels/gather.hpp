// SPDX-License-Identifier: Apache-2.0
// GATHER: a thread an element. An index out of range is noted by its number in the packet's order,
// the least one wins; the other elements may be written.
#pragma once

#include "kernels/context.hpp"

namespace tandem::gpu {

/// i, j and l of an element.
struct GatherIndex {
  std::uint64_t i = 0, j = 0, l = 0;
};

TANDEM_GPU_FN GatherIndex gather_index(const GatherArgs& a, std::uint64_t element) {
  const std::uint64_t row = a.narrow ? divide(element, a.divisor[2]) : element / a.extent[2];
  const std::uint64_t i = a.narrow ? divide(row, a.divisor[1]) : row / a.extent[1];
  return {i, row - i * a.extent[1], element - row * a.extent[2]};
}

template <class T, class Context>
TANDEM_GPU_FN void gather_elements(Context& ctx, const GatherArgs& a) {
  auto sum = ctx.template locals<std::uint64_t>();
  auto* sums = ctx.template shared<std::uint64_t>(kBlockThreads);
  const std::uint64_t step = std::uint64_t{ctx.grid()} * kBlockThreads;
  ctx.for_each_thread([&](unsigned t) {
    std::uint64_t part = 0;
    std::uint64_t element = std::uint64_t{ctx.block()} * kBlockThreads + t;
    while (element < a.elements && !ctx.cancelled()) {
      const GatherIndex at = gather_index(a, element);
      const std::uint64_t row = load_index(
          a.index + at.i * a.index_stride[0] + at.j * a.index_stride[1] + at.l * a.index_stride[2],
          a.wide_index != 0);
      if (row < a.limit) {
        const T value = load<T>(a.src.at + at.i * a.src_stride[0] + row * a.src_stride[1] +
                                at.l * a.src_stride[2]);
        const std::uint64_t to =
            at.i * a.dst_stride[0] + at.j * a.dst_stride[1] + at.l * a.dst_stride[2];
        store<T>(a.dst.at + to, value);
        part += element_checksum(a.dst.addr + to, value);
      } else {
        ctx.least(a.status + offsetof(DeviceStatus, first_bad), element);
      }
      if (a.elements - element <= step) break;
      element += step;
    }
    sum[t] = part;
  });
  finish_sum(ctx, sum, sums, a.status);
}

template <class Context>
TANDEM_GPU_FN void gather_body(Context& ctx, const GatherArgs& a) {
  switch (a.element) {
    case 1:
      return gather_elements<std::uint8_t>(ctx, a);
    case 2:
      return gather_elements<std::uint16_t>(ctx, a);
    case 4:
      return gather_elements<std::uint32_t>(ctx, a);
    case 8:
      return gather_elements<std::uint64_t>(ctx, a);
    default:
      return gather_elements<Wide>(ctx, a);
  }
}

}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
// COPY and FILL: a thread an element, neighbours in neighbouring threads. The engine has merged
// loops and widened elements to up to 16 bytes where both sides are contiguous, so long runs move
// in full lines; indices come from multiplications where there are fewer than 2^32 elements.
#pragma once

#include "kernels/context.hpp"

namespace tandem::gpu {

/// Byte offsets of an element on both sides.
struct CopyOffsets {
  std::uint64_t src = 0;
  std::uint64_t dst = 0;
};

TANDEM_GPU_FN CopyOffsets copy_offsets(const CopyArgs& a, std::uint64_t element) {
  CopyOffsets out;
  TANDEM_GPU_UNROLL
  for (int d = 3; d >= 0; --d) {
    const std::uint64_t whole = d == 0     ? 0
                                : a.narrow ? divide(element, a.divisor[d])
                                           : element / a.extent[d];
    const std::uint64_t index = element - whole * a.extent[d];
    out.src += index * a.src_stride[d];
    out.dst += index * a.dst_stride[d];
    element = whole;
  }
  return out;
}

/// `make(offsets)` gives the element's value.
template <class T, class Context, class Make>
TANDEM_GPU_FN void write_elements(Context& ctx, const CopyArgs& a, Make make) {
  auto sum = ctx.template locals<std::uint64_t>();
  auto* sums = ctx.template shared<std::uint64_t>(kBlockThreads);
  const std::uint64_t step = std::uint64_t{ctx.grid()} * kBlockThreads;
  ctx.for_each_thread([&](unsigned t) {
    std::uint64_t part = 0;
    std::uint64_t element = std::uint64_t{ctx.block()} * kBlockThreads + t;
    while (element < a.elements && !ctx.cancelled()) {
      const CopyOffsets at = copy_offsets(a, element);
      const T value = make(at);
      store<T>(a.dst.at + at.dst, value);
      part += element_checksum(a.dst.addr + at.dst, value);
      if (a.elements - element <= step) break;
      element += step;
    }
    sum[t] = part;
  });
  finish_sum(ctx, sum, sums, a.status);
}

template <class T, class Context>
TANDEM_GPU_FN void copy_elements(Context& ctx, const CopyArgs& a) {
  write_elements<T>(ctx, a, [&](const CopyOffsets& at) { return load<T>(a.src.at + at.src); });
}

template <class Context>
TANDEM_GPU_FN void copy_body(Context& ctx, const CopyArgs& a) {
  switch (a.element) {
    case 1:
      return copy_elements<std::uint8_t>(ctx, a);
    case 2:
      return copy_elements<std::uint16_t>(ctx, a);
    case 4:
      return copy_elements<std::uint32_t>(ctx, a);
    case 8:
      return copy_elements<std::uint64_t>(ctx, a);
    default:
      return copy_elements<Wide>(ctx, a);
  }
}

template <class T, class Context>
TANDEM_GPU_FN void fill_elements(Context& ctx, const CopyArgs& a) {
  write_elements<T>(ctx, a, [&](const CopyOffsets&) { return static_cast<T>(a.value); });
}

template <class Context>
TANDEM_GPU_FN void fill_body(Context& ctx, const CopyArgs& a) {
  switch (a.element) {
    case 1:
      return fill_elements<std::uint8_t>(ctx, a);
    case 2:
      return fill_elements<std::uint16_t>(ctx, a);
    case 4:
      return fill_elements<std::uint32_t>(ctx, a);
    case 8:
      return fill_elements<std::uint64_t>(ctx, a);
    default: {
      const auto low = static_cast<std::uint32_t>(a.value);
      const auto high = static_cast<std::uint32_t>(a.value >> 32);
      const Wide wide = {{low, high, low, high}};
      return write_elements<Wide>(ctx, a, [&](const CopyOffsets&) { return wide; });
    }
  }
}

}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
// Native mode: fp32 matrices as the sum of two bf16 matrices, dense, so that a library can multiply
// them with bf16 weights and 16 bits of each element count.
#pragma once

#include "kernels/context.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::gpu {

/// high[i0, i1, row, col] + low[i0, i1, row, col] = src[i0, i1, row, col] to 2^-16 of it; both
/// contiguous. Strides in bytes.
struct NarrowArgs {
  std::uint64_t src = 0;
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint64_t extent[4] = {1, 1, 1, 1};
  std::uint64_t stride[3] = {};  ///< Of all but the last, which is contiguous.
};

struct Halves {
  std::uint16_t high;
  std::uint16_t low;
};
TANDEM_GPU_FN Halves split(std::uint32_t bits) {
  const std::uint16_t high = numerics::f32_to_bf16(bits);
  // Of infinity and NaN there is no rest.
  if ((high & 0x7F80u) == 0x7F80u) return {high, 0};
  const float rest = numerics::float_of(bits) - numerics::float_of(std::uint32_t{high} << 16);
  return {high, numerics::f32_to_bf16(numerics::bits_of(rest))};
}

template <class Context>
TANDEM_GPU_FN void narrow_body(Context& ctx, const NarrowArgs& a) {
  const std::uint64_t rows = a.extent[0] * a.extent[1] * a.extent[2];
  ctx.for_each_thread([&](unsigned t) {
    for (std::uint64_t row = ctx.block(); row < rows; row += ctx.grid()) {
      const std::uint64_t i2 = row % a.extent[2];
      const std::uint64_t i1 = row / a.extent[2] % a.extent[1];
      const std::uint64_t i0 = row / a.extent[2] / a.extent[1];
      const std::uint64_t src = a.src + i0 * a.stride[0] + i1 * a.stride[1] + i2 * a.stride[2];
      for (std::uint64_t col = t; col < a.extent[3]; col += kBlockThreads) {
        const Halves halves = split(load<std::uint32_t>(src + col * 4));
        store<std::uint16_t>(a.high + (row * a.extent[3] + col) * 2, halves.high);
        store<std::uint16_t>(a.low + (row * a.extent[3] + col) * 2, halves.low);
      }
    }
  });
}

}  // namespace tandem::gpu

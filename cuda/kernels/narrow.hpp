// SPDX-License-Identifier: Apache-2.0
// Native mode: fp32 matrices to bf16, dense, so that a library can multiply them with bf16 weights.
#pragma once

#include "kernels/context.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::gpu {

/// dst[i0, i1, row, col] = src[i0, i1, row, col], dst contiguous. Strides in bytes.
struct NarrowArgs {
  std::uint64_t src = 0;
  std::uint64_t dst = 0;
  std::uint64_t extent[4] = {1, 1, 1, 1};
  std::uint64_t stride[3] = {};  ///< Of all but the last, which is contiguous.
};

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
        store<std::uint16_t>(a.dst + (row * a.extent[3] + col) * 2,
                             numerics::f32_to_bf16(load<std::uint32_t>(src + col * 4)));
      }
    }
  });
}

}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
// The completion checksum of rows in memory, for what no kernel of this folder wrote: a thread an
// aligned word.
#pragma once

#include "kernels/context.hpp"

namespace tandem::gpu {

template <class Context>
TANDEM_GPU_FN void checksum_body(Context& ctx, const ChecksumArgs& a) {
  auto sum = ctx.template locals<std::uint64_t>();
  auto* sums = ctx.template shared<std::uint64_t>(kBlockThreads);
  const std::uint64_t words = a.row_bytes / 4 + 2;  // at most, wherever the row starts
  const std::uint64_t all = a.extent[0] * a.extent[1] * a.extent[2] * words;
  const std::uint64_t step = std::uint64_t{ctx.grid()} * kBlockThreads;
  ctx.for_each_thread([&](unsigned t) {
    std::uint64_t part = 0;
    for (std::uint64_t n = std::uint64_t{ctx.block()} * kBlockThreads + t;
         n < all && !ctx.cancelled(); n += step) {
      std::uint64_t row = n / words;
      const std::uint64_t word = n - row * words;
      std::uint64_t offset = row % a.extent[2] * a.stride[2];
      row /= a.extent[2];
      offset += row % a.extent[1] * a.stride[1] + row / a.extent[1] * a.stride[0];
      const std::uint64_t begin = a.data.addr + offset;
      const std::uint64_t end = begin + a.row_bytes;
      const std::uint64_t here = (begin & ~std::uint64_t{3}) + 4 * word;
      const std::uint64_t host = a.data.at + (here - a.data.addr);
      if (here >= begin && end - begin >= 4 && here <= end - 4) {
        part += element_checksum(here, load<std::uint32_t>(host));
        continue;
      }
      for (unsigned lane = 0; lane < 4; ++lane) {
        if (here + lane < begin || here + lane >= end) continue;
        part += element_checksum(here + lane, load<std::uint8_t>(host + lane));
      }
    }
    sum[t] = part;
  });
  finish_sum(ctx, sum, sums, a.status);
}

}  // namespace tandem::gpu

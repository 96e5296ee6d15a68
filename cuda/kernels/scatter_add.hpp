// SPDX-License-Identifier: Apache-2.0
// SCATTER_ADD in the packet's order without atomics: every destination word has one owner, which
// meets the additions to it in ascending order of (i, j, l).
//
// Where the engine has shown that no two i (or l) share destinations, each i (or l) is a column of
// its own; a column's words are dealt to 2^parts_log2 owners by a hash of their offset. An owner
// reads all indices of its column, so the time is one pass over them, whatever collides.
#pragma once

#include "kernels/context.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::gpu {

/// Which of 2^parts_log2 owners a destination word has.
TANDEM_GPU_FN std::uint32_t owner_of(std::uint64_t offset, std::uint32_t parts_log2) {
  return parts_log2 == 0 ? 0u
                         : static_cast<std::uint32_t>(((offset >> 2) * 0x9E3779B97F4A7C15u) >>
                                                      (64 - parts_log2));
}

/// The additions of one thread: those of i and l in [begin, end) that it owns.
struct ScatterShare {
  std::uint64_t i_begin = 0, i_end = 0;
  std::uint64_t l_begin = 0, l_end = 0;
  std::uint32_t part = 0;
};

TANDEM_GPU_FN ScatterShare scatter_share(const ScatterArgs& a, std::uint64_t thread) {
  ScatterShare out{0, a.extent[0], 0, a.extent[2], 0};
  out.part = static_cast<std::uint32_t>(thread & ((std::uint64_t{1} << a.parts_log2) - 1));
  std::uint64_t column = thread >> a.parts_log2;
  if (a.split_l != 0) {
    out.l_begin = column % a.extent[2];
    out.l_end = out.l_begin + 1;
    column /= a.extent[2];
  }
  if (a.split_i != 0) {
    out.i_begin = column;
    out.i_end = column + 1;
  }
  return out;
}

template <class Context>
TANDEM_GPU_FN std::uint64_t scatter_one(Context& ctx, const ScatterArgs& a,
                                        const ScatterShare& share, std::uint64_t i, std::uint64_t j,
                                        std::uint64_t l) {
  const std::uint64_t at =
      a.index + i * a.index_stride[0] + j * a.index_stride[1] + l * a.index_stride[2];
  const std::uint64_t row = load_index(at, a.wide_index != 0);
  if (row >= a.limit) {
    ctx.least(a.status + offsetof(DeviceStatus, first_bad),
              (i * a.extent[1] + j) * a.extent[2] + l);
    return 0;
  }
  const std::uint64_t to = i * a.dst_stride[0] + row * a.dst_stride[1] + l * a.dst_stride[2];
  if (owner_of(to, a.parts_log2) != share.part) return 0;
  const auto addend = load<std::uint32_t>(a.src.at + i * a.src_stride[0] + j * a.src_stride[1] +
                                          l * a.src_stride[2]);
  const auto old = load<std::uint32_t>(a.dst.at + to);
  const std::uint32_t value =
      a.floats != 0
          ? numerics::bits_of(numerics::add32(numerics::float_of(old), numerics::float_of(addend)))
          : old + addend;
  store<std::uint32_t>(a.dst.at + to, value);
  return element_checksum(a.dst.addr + to, value);
}

template <class Context>
TANDEM_GPU_FN void scatter_add_body(Context& ctx, const ScatterArgs& a) {
  auto sum = ctx.template locals<std::uint64_t>();
  auto* sums = ctx.template shared<std::uint64_t>(kBlockThreads);
  const std::uint64_t columns =
      (a.split_i != 0 ? a.extent[0] : 1) * (a.split_l != 0 ? a.extent[2] : 1);
  const std::uint64_t threads = columns << a.parts_log2;
  const std::uint64_t step = std::uint64_t{ctx.grid()} * kBlockThreads;
  ctx.for_each_thread([&](unsigned t) {
    std::uint64_t part = 0;
    for (std::uint64_t n = std::uint64_t{ctx.block()} * kBlockThreads + t; n < threads; n += step) {
      const ScatterShare share = scatter_share(a, n);
      for (std::uint64_t i = share.i_begin; i < share.i_end; ++i) {
        for (std::uint64_t j = 0; j < a.extent[1] && !ctx.cancelled(); ++j) {
          for (std::uint64_t l = share.l_begin; l < share.l_end; ++l) {
            part += scatter_one(ctx, a, share, i, j, l);
          }
        }
      }
    }
    sum[t] = part;
  });
  finish_sum(ctx, sum, sums, a.status);
}

}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
// MATMUL in the contract's arithmetic: one chain of fused multiply-adds an output, k ascending.
//
// A block owns a tile of C and walks along k. Each step of kBk is widened once into shared memory
// as [k][m] and [k][n]; while it is multiplied, the raw bits of the next one are on their way into
// registers. There are two buffers, so one barrier a step is enough. A warp is 4 x 8 threads, whose
// reads of 16 bytes are broadcast or lie side by side. Steps past K are not executed, since even
// adding 0 x 0 would turn an accumulator of -0 into +0. Tiles are taken in bands of eight rows, so
// blocks that run together share rows of A and columns of B in the second-level cache.
#pragma once

#include "kernels/matmul_operand.hpp"
#include "kernels/matmul_shape.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::gpu {

/// Chains of fp32. NaN is made canonical at the end: it stays NaN in between.
struct FloatChain {
  static constexpr bool kInteger = false;
  using Number = float;
  TANDEM_GPU_FN static float of(std::uint32_t bits) { return numerics::float_of(bits); }
  TANDEM_GPU_FN static std::uint32_t bits(float x) { return numerics::bits_of(x); }
  TANDEM_GPU_FN static float step(float a, float b, float acc) {
#if defined(__CUDA_ARCH__)
    return __fmaf_rn(a, b, acc);
#else
    return numerics::chain_step(a, b, acc);
#endif
  }
};

/// Sums modulo 2^32.
struct IntegerChain {
  static constexpr bool kInteger = true;
  using Number = std::uint32_t;
  TANDEM_GPU_FN static std::uint32_t of(std::uint32_t bits) { return bits; }
  TANDEM_GPU_FN static std::uint32_t bits(std::uint32_t x) { return x; }
  TANDEM_GPU_FN static std::uint32_t step(std::uint32_t a, std::uint32_t b, std::uint32_t acc) {
    return acc + a * b;
  }
};

template <class Number>
struct alignas(16) Four {
  Number item[4];
};

/// Which tile of C.
struct TilePlace {
  std::uint64_t batch = 0;
  std::uint32_t m = 0, n = 0;           ///< First row and column.
  std::uint32_t rows = 0, columns = 0;  ///< How many of C there are from these on.
};

template <class T>
TANDEM_GPU_FN TilePlace tile_place(const MatmulArgs& p, std::uint64_t tile) {
  constexpr std::uint32_t kBand = 8;
  const std::uint64_t of_batch = std::uint64_t{p.tiles_m} * p.tiles_n;
  const std::uint64_t batch = tile / of_batch;
  const std::uint64_t rest = tile - batch * of_batch;
  const std::uint64_t band = rest / (std::uint64_t{kBand} * p.tiles_n);
  const std::uint64_t in_band = rest - band * kBand * p.tiles_n;
  const std::uint64_t first = band * kBand;
  const std::uint64_t high = p.tiles_m - first < kBand ? p.tiles_m - first : kBand;
  const std::uint64_t column = in_band / high;
  const auto m = static_cast<std::uint32_t>((first + in_band - column * high) * T::kBm);
  const auto n = static_cast<std::uint32_t>(column * T::kBn);
  return {batch, m, n, p.m - m, p.n - n};
}

/// Threads of a warp are dealt to rows and columns of C as [4][8].
template <class T>
struct ThreadPlace {
  unsigned m, n;
  TANDEM_GPU_FN explicit ThreadPlace(unsigned t)
      : m(t / 32 / T::kWarpsN * (T::kWarpM / T::kGroups) + t % 32 / 8 * T::kVec),
        n(t / 32 % T::kWarpsN * (T::kWarpN / T::kGroups) + t % 8 * T::kVec) {}
  /// Row of the tile that the thread's row i is.
  TANDEM_GPU_FN unsigned row(int i) const {
    return m + unsigned(i / T::kVec * (T::kBm / T::kGroups) + i % T::kVec);
  }
  TANDEM_GPU_FN unsigned column(int j) const {
    return n + unsigned(j / T::kVec * (T::kBn / T::kGroups) + j % T::kVec);
  }
};

/// Position in a tile [kBk][kWidth] of the group that the thread fetches as its i-th: four
/// neighbours along k, or across.
template <int kBk, int kWidth>
struct QuadPlace {
  unsigned k, across;
  TANDEM_GPU_FN QuadPlace(unsigned t, int i, bool along_k) {
    const unsigned q = t + unsigned(i) * kBlockThreads;
    if (along_k) {
      // Up to eight groups of a row in neighbouring threads: lines of memory in full, and different
      // banks of shared memory.
      constexpr unsigned kSide = kBk / 4 < 8 ? kBk / 4 : 8;
      across = q / kSide % kWidth;
      k = (q % kSide + q / (kSide * kWidth) * kSide) * 4;
    } else {
      k = q / (kWidth / 4);
      across = q % (kWidth / 4) * 4;
    }
  }
};

/// Puts four widened elements into a shared tile with rows of kStride.
template <class Chain, int kStride, bool kWide>
TANDEM_GPU_FN void put(typename Chain::Number* tile, unsigned k, unsigned across, bool along_k,
                       const Quad& quad) {
  if (kWide && !along_k) {
    Four<typename Chain::Number> four;
    TANDEM_GPU_UNROLL
    for (int i = 0; i < 4; ++i) four.item[i] = Chain::of(quad.word[i]);
    *reinterpret_cast<Four<typename Chain::Number>*>(tile + k * kStride + across) = four;
    return;
  }
  TANDEM_GPU_UNROLL
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned at = along_k ? (k + i) * kStride + across : k * kStride + across + i;
    tile[at] = Chain::of(quad.word[i]);
  }
}

/// A thread of a matrix kernel.
template <class T, class Chain>
struct MatmulThread {
  typename Chain::Number acc[T::kT][T::kT];
  Quad raw_a[T::kQuadsA];
  Quad raw_b[T::kQuadsB];
  std::uint64_t sum;

  TANDEM_GPU_FN void fetch(const MatmulArgs& p, const MatmulBatch& batch, const TilePlace& tile,
                           std::uint32_t k, unsigned t) {
    const bool a_along = p.a_layout == abi::ALayout::kRows;
    const bool b_along = p.b_layout == abi::BLayout::kNk;
    TANDEM_GPU_UNROLL
    for (int i = 0; i < T::kQuadsA; ++i) {
      const QuadPlace<T::kBk, T::kBm> at(t, i, a_along);
      raw_a[i] = at.across < tile.rows && at.k < p.k - k
                     ? fetch_a(p, batch.a, tile.m + at.across, k + at.k)
                     : Quad{};
    }
    TANDEM_GPU_UNROLL
    for (int i = 0; i < T::kQuadsB; ++i) {
      const QuadPlace<T::kBk, T::kBn> at(t, i, b_along);
      raw_b[i] = at.across < tile.columns && at.k < p.k - k
                     ? fetch_b(p, batch.b, k + at.k, tile.n + at.across)
                     : Quad{};
    }
  }

  /// Widens what was fetched for steps from k on into the shared tiles.
  TANDEM_GPU_FN void publish(const MatmulArgs& p, const MatmulBatch& batch, const TilePlace& tile,
                             std::uint32_t k, unsigned t, typename Chain::Number* shared_a,
                             typename Chain::Number* shared_b) const {
    const bool a_along = p.a_layout == abi::ALayout::kRows;
    const bool b_along = p.b_layout == abi::BLayout::kNk;
    constexpr bool kWide = T::kVec == 4;
    TANDEM_GPU_UNROLL
    for (int i = 0; i < T::kQuadsA; ++i) {
      const QuadPlace<T::kBk, T::kBm> at(t, i, a_along);
      put<Chain, T::kStrideA, kWide>(shared_a, at.k, at.across, a_along, widen(raw_a[i], p.a_type));
    }
    TANDEM_GPU_UNROLL
    for (int i = 0; i < T::kQuadsB; ++i) {
      const QuadPlace<T::kBk, T::kBn> at(t, i, b_along);
      Quad quad = {};
      if (Chain::kInteger || p.scale_mode != abi::ScaleMode::kGroup) {
        quad = widen(raw_b[i], p.b_type);
      } else if (at.across < tile.columns && at.k < p.k - k) {
        quad = dequantise(p, batch, raw_b[i], k + at.k, tile.n + at.across);
      }
      put<Chain, T::kStrideB, kWide>(shared_b, at.k, at.across, b_along, quad);
    }
  }

  /// One step of k for all outputs of the thread.
  TANDEM_GPU_FN void step(const ThreadPlace<T>& place, const typename Chain::Number* row_a,
                          const typename Chain::Number* row_b) {
    using Number = typename Chain::Number;
    Number a[T::kT];
    Number b[T::kT];
    if constexpr (T::kVec == 4) {
      TANDEM_GPU_UNROLL
      for (int g = 0; g < T::kT; g += 4) {
        const auto four_a = *reinterpret_cast<const Four<Number>*>(row_a + place.row(g));
        const auto four_b = *reinterpret_cast<const Four<Number>*>(row_b + place.column(g));
        TANDEM_GPU_UNROLL
        for (int i = 0; i < 4; ++i) {
          a[g + i] = four_a.item[i];
          b[g + i] = four_b.item[i];
        }
      }
    } else {
      TANDEM_GPU_UNROLL
      for (int i = 0; i < T::kT; ++i) {
        a[i] = row_a[place.row(i)];
        b[i] = row_b[place.column(i)];
      }
    }
    TANDEM_GPU_UNROLL
    for (int i = 0; i < T::kT; ++i) {
      TANDEM_GPU_UNROLL
      for (int j = 0; j < T::kT; ++j) acc[i][j] = Chain::step(a[i], b[j], acc[i][j]);
    }
  }

  TANDEM_GPU_FN void multiply(const ThreadPlace<T>& place, std::uint32_t steps,
                              const typename Chain::Number* shared_a,
                              const typename Chain::Number* shared_b) {
    if (steps == T::kBk) {
      TANDEM_GPU_UNROLL16
      for (int k = 0; k < T::kBk; ++k) {
        step(place, shared_a + k * T::kStrideA, shared_b + k * T::kStrideB);
      }
      return;
    }
    TANDEM_GPU_ROLLED
    for (std::uint32_t k = 0; k < steps; ++k) {
      step(place, shared_a + k * T::kStrideA, shared_b + k * T::kStrideB);
    }
  }

  /// Initial values: +0, the bias of the column, or the old C.
  TANDEM_GPU_FN void start(const MatmulArgs& p, const MatmulBatch& batch, const TilePlace& tile,
                           const ThreadPlace<T>& place) {
    TANDEM_GPU_UNROLL
    for (int i = 0; i < T::kT; ++i) {
      TANDEM_GPU_UNROLL
      for (int j = 0; j < T::kT; ++j) {
        std::uint32_t bits = 0;
        if (p.init_mode != abi::InitMode::kZero && place.row(i) < tile.rows &&
            place.column(j) < tile.columns) {
          const std::uint64_t m = tile.m + place.row(i);
          const std::uint64_t n = tile.n + place.column(j);
          bits = p.init_mode == abi::InitMode::kBias
                     ? load<std::uint32_t>(p.bias + n * 4)
                     : old_c(p, batch.c + m * p.c.row_stride + matmul_bytes(p.c_type, n));
        }
        acc[i][j] = Chain::of(bits);
      }
    }
  }

  TANDEM_GPU_FN static std::uint32_t old_c(const MatmulArgs& p, std::uint64_t at) {
    if (p.c_type == abi::Dtype::kBF16) return numerics::bf16_to_f32(load<std::uint16_t>(at));
    if (p.c_type == abi::Dtype::kF16) return numerics::f16_to_f32(load<std::uint16_t>(at));
    return load<std::uint32_t>(at);
  }

  /// Chains to elements of C.
  TANDEM_GPU_FN void finish(const MatmulArgs& p, const MatmulBatch& batch, const TilePlace& tile,
                            const ThreadPlace<T>& place) {
    TANDEM_GPU_UNROLL
    for (int i = 0; i < T::kT; ++i) {
      if (place.row(i) >= tile.rows) continue;
      const std::uint32_t m = tile.m + place.row(i);
      TANDEM_GPU_UNROLL
      for (int j = 0; j < T::kT; j += T::kVec) {
        if (place.column(j) >= tile.columns) continue;
        const std::uint32_t n = tile.n + place.column(j);
        const std::uint32_t left = tile.columns - place.column(j);
        const unsigned valid = left < unsigned(T::kVec) ? left : unsigned(T::kVec);
        std::uint32_t bits[T::kVec];
        TANDEM_GPU_UNROLL
        for (int v = 0; v < T::kVec; ++v) {
          bits[v] = unsigned(v) < valid ? result(p, batch, m, n + unsigned(v), acc[i][j + v]) : 0u;
        }
        write(p, batch, m, n, valid, bits);
      }
    }
  }

  /// The fp32 number, or integer, that C stands for.
  TANDEM_GPU_FN static std::uint32_t result(const MatmulArgs& p, const MatmulBatch& batch,
                                            std::uint32_t m, std::uint32_t n,
                                            typename Chain::Number chain) {
    const std::uint32_t bits = Chain::bits(chain);
    if constexpr (!Chain::kInteger) return numerics::canonical_bits(bits);
    if (p.scale_mode != abi::ScaleMode::kRowCol) return bits;
    const float number = numerics::float_of(numerics::i32_to_f32(static_cast<std::int32_t>(bits)));
    const float row = load_scale(batch.a_scale + std::uint64_t{m} * 4, abi::Dtype::kF32);
    const float column = load_scale(batch.b_scale + std::uint64_t{n} * 4, abi::Dtype::kF32);
    return numerics::bits_of(numerics::mul32(numerics::mul32(number, row), column));
  }

  TANDEM_GPU_FN void write(const MatmulArgs& p, const MatmulBatch& batch, std::uint32_t m,
                           std::uint32_t n, unsigned valid, const std::uint32_t (&bits)[T::kVec]) {
    const std::uint64_t offset = m * p.c.row_stride + matmul_bytes(p.c_type, n);
    if (p.c_type == abi::Dtype::kF32 || p.c_type == abi::Dtype::kI32) {
      write_elements<std::uint32_t, Wide>(batch, offset, valid, p.c_vector != 0, bits);
      return;
    }
    std::uint16_t halves[T::kVec];
    TANDEM_GPU_UNROLL
    for (int v = 0; v < T::kVec; ++v) {
      halves[v] = p.c_type == abi::Dtype::kBF16 ? numerics::f32_to_bf16(bits[v])
                                                : numerics::f32_to_f16(bits[v]);
    }
    write_elements<std::uint16_t, Half4>(batch, offset, valid, p.c_vector != 0, halves);
  }

  template <class Element, class All>
  TANDEM_GPU_FN void write_elements(const MatmulBatch& batch, std::uint64_t offset, unsigned valid,
                                    bool aligned, const Element (&item)[T::kVec]) {
    TANDEM_GPU_UNROLL
    for (int v = 0; v < T::kVec; ++v) {
      if (unsigned(v) < valid) {
        sum += element_checksum(batch.c_addr + offset + unsigned(v) * sizeof(Element), item[v]);
      }
    }
    if constexpr (T::kVec == 4) {
      if (aligned && valid == 4) {
        All all;
        __builtin_memcpy(&all, item, sizeof all);
        store<All>(batch.c + offset, all);
        return;
      }
    }
    TANDEM_GPU_UNROLL
    for (int v = 0; v < T::kVec; ++v) {
      if (unsigned(v) < valid)
        store<Element>(batch.c + offset + unsigned(v) * sizeof(Element), item[v]);
    }
  }
};

/// One tile of C.
template <class T, class Chain, class Context, class Threads>
TANDEM_GPU_FN void matmul_tile(Context& ctx, const MatmulArgs& p, const TilePlace& tile,
                               Threads& threads, typename Chain::Number* shared_a,
                               typename Chain::Number* shared_b) {
  constexpr int kSizeA = T::kBk * T::kStrideA;
  constexpr int kSizeB = T::kBk * T::kStrideB;
  const MatmulBatch batch = matmul_batch(p, tile.batch);
  ctx.for_each_thread([&](unsigned t) {
    threads[t].start(p, batch, tile, ThreadPlace<T>(t));
    threads[t].fetch(p, batch, tile, 0, t);
    threads[t].publish(p, batch, tile, 0, t, shared_a, shared_b);
  });
  ctx.sync();
  unsigned buffer = 0;
  TANDEM_GPU_ROLLED
  for (std::uint64_t k = 0; k < p.k; k += T::kBk) {
    const auto here = static_cast<std::uint32_t>(k);
    const std::uint32_t left = p.k - here;
    const bool more = left > T::kBk;
    const std::uint32_t next = here + T::kBk;  // past p.k only if there is no more
    ctx.for_each_thread([&](unsigned t) {
      const ThreadPlace<T> place(t);
      auto& self = threads[t];
      if (more) self.fetch(p, batch, tile, next, t);
      if (place.m < tile.rows && place.n < tile.columns) {
        self.multiply(place, more ? std::uint32_t(T::kBk) : left, shared_a + buffer * kSizeA,
                      shared_b + buffer * kSizeB);
      }
      if (more) {
        self.publish(p, batch, tile, next, t, shared_a + (buffer ^ 1) * kSizeA,
                     shared_b + (buffer ^ 1) * kSizeB);
      }
    });
    ctx.sync();
    buffer ^= 1;
  }
  ctx.for_each_thread([&](unsigned t) { threads[t].finish(p, batch, tile, ThreadPlace<T>(t)); });
}

template <class T, class Chain, class Context>
TANDEM_GPU_FN void matmul_body(Context& ctx, const MatmulArgs& p) {
  using Number = typename Chain::Number;
  auto* shared_a = ctx.template shared<Number>(2 * T::kBk * T::kStrideA);
  auto* shared_b = ctx.template shared<Number>(2 * T::kBk * T::kStrideB);
  auto* sums = ctx.template shared<std::uint64_t>(kBlockThreads);
  auto threads = ctx.template locals<MatmulThread<T, Chain>>();
  auto sum = ctx.template locals<std::uint64_t>();
  ctx.for_each_thread([&](unsigned t) { threads[t].sum = 0; });
  for (std::uint64_t tile = ctx.block(); tile < p.tiles && !ctx.cancelled(); tile += ctx.grid()) {
    matmul_tile<T, Chain>(ctx, p, tile_place<T>(p, tile), threads, shared_a, shared_b);
  }
  ctx.for_each_thread([&](unsigned t) { sum[t] = threads[t].sum; });
  finish_sum(ctx, sum, sums, p.status);
}

}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
// Matrix kernels over the primitives of one instruction set. Included once by each translation
// unit after its isa_*.hpp, with TANDEM_CM_ISA the namespace of that set.
#pragma once

#include <cstring>
#include <utility>

#include "kernels/kernels.hpp"

namespace tandem::cmodel::TANDEM_CM_ISA {

inline constexpr int kPanelVecs = kPanel / kWidth;
inline constexpr int kTypes = 6;  // F32 BF16 F16 E4M3 E5M2 I8, from Dtype value 1

/// kWidth elements as E8M10 numbers.
template <Dtype kType>
TANDEM_CM_INLINE Vec widen_e8m10(const std::byte* p) {
  if constexpr (kType == Dtype::kF32) return round_e8m10(widen<kType>(p));
  if constexpr (kType == Dtype::kI8) return to_float(widen<kType>(p));
  return widen<kType>(p);
}

template <Dtype kType>
constexpr int element_bytes() {
  if (kType == Dtype::kF32 || kType == Dtype::kI32) return 4;
  if (kType == Dtype::kBF16 || kType == Dtype::kF16 || kType == Dtype::kU16) return 2;
  return kType == Dtype::kI64 ? 8 : 1;
}

/// As widen_e8m10 for `count` <= kWidth elements; the other lanes are 0.
template <Dtype kType>
TANDEM_CM_INLINE Vec widen_e8m10_part(const std::byte* p, int count) {
  std::byte part[kWidth * element_bytes<kType>()] = {};
  std::memcpy(part, p, std::size_t(count) * element_bytes<kType>());
  return widen_e8m10<kType>(part);
}

// ---- tiles ----

struct FmaStep {
  static TANDEM_CM_INLINE Vec step(Vec a, Vec b, Vec acc) { return fma(a, b, acc); }
};
struct PairStep {
  static TANDEM_CM_INLINE Vec step(Vec a, Vec b, Vec acc) { return multiply_pairs(a, b, acc); }
};
struct WordLoad {
  static TANDEM_CM_INLINE Vec at(const std::byte* p, int v) { return load(p + v * 4 * kWidth); }
};
template <Dtype kType>
struct TypeLoad {
  static TANDEM_CM_INLINE Vec at(const std::byte* p, int v) {
    return widen_e8m10<kType>(p + v * kWidth * element_bytes<kType>());
  }
};

template <class Step, class Load, int kRows, int kPanels>
void run_tile(const TileArgs& args) {
  constexpr int kVecs = kPanels * kPanelVecs;
  Vec acc[kRows][kVecs];
  const auto word = [&](int r, int v) {
    return args.acc + ((v / kPanelVecs) * kRows + r) * kPanel + (v % kPanelVecs) * kWidth;
  };
#pragma GCC unroll kUnroll
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kVecs; ++v) acc[r][v] = load(word(r, v));
  }
  const std::uint32_t* a = args.a;
  const std::byte* b = args.b;
  for (std::int64_t s = 0; s < args.steps; ++s, a += kRows, b += args.step_bytes) {
    Vec column[kVecs];
#pragma GCC unroll kUnroll
    for (int v = 0; v < kVecs; ++v) {
      column[v] = Load::at(b + (v / kPanelVecs) * args.panel_bytes, v % kPanelVecs);
    }
#pragma GCC unroll kUnroll
    for (int r = 0; r < kRows; ++r) {
      const Vec row = broadcast(a + r);
#pragma GCC unroll kUnroll
      for (int v = 0; v < kVecs; ++v) acc[r][v] = Step::step(row, column[v], acc[r][v]);
    }
  }
#pragma GCC unroll kUnroll
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kVecs; ++v) store(word(r, v), acc[r][v]);
  }
}

/// Panels that a tile with `rows` rows takes at once when it reads B from memory: enough
/// accumulators to hide the latency of the FMA.
constexpr int direct_panels(int rows) {
  if (kWidth == 16) return rows <= 2 ? 4 : (rows <= 6 ? 2 : 1);
  return rows <= 1 ? 2 : 1;
}

template <class Step, class Load, bool kMany, std::size_t... kRows>
constexpr std::array<TileFn, kMaxTileRows + 1> tiles(std::index_sequence<kRows...>) {
  std::array<TileFn, kMaxTileRows + 1> table{};
  ((table[kRows + 1] = run_tile < Step, Load, kRows + 1, kMany ? direct_panels(kRows + 1) : 1 >),
   ...);
  return table;
}
template <class Step, class Load, bool kMany>
constexpr std::array<TileFn, kMaxTileRows + 1> tiles() {
  return tiles<Step, Load, kMany>(std::make_index_sequence<kTileRows>());
}
template <bool kMany>
constexpr std::array<std::array<TileFn, kMaxTileRows + 1>, kTypes> direct_tiles() {
  return {tiles<FmaStep, TypeLoad<Dtype::kF32>, kMany>(),
          tiles<FmaStep, TypeLoad<Dtype::kBF16>, kMany>(),
          tiles<FmaStep, TypeLoad<Dtype::kF16>, kMany>(),
          tiles<FmaStep, TypeLoad<Dtype::kE4M3>, kMany>(),
          tiles<FmaStep, TypeLoad<Dtype::kE5M2>, kMany>(),
          std::array<TileFn, kMaxTileRows + 1>{}};
}

// ---- packing ----

/// Calls function.template operator()<type>() for a matrix operand type.
template <class Function>
TANDEM_CM_INLINE void for_matrix_type(Dtype type, Function&& function) {
  switch (type) {
    case Dtype::kF32:
      return function.template operator()<Dtype::kF32>();
    case Dtype::kBF16:
      return function.template operator()<Dtype::kBF16>();
    case Dtype::kF16:
      return function.template operator()<Dtype::kF16>();
    case Dtype::kE4M3:
      return function.template operator()<Dtype::kE4M3>();
    case Dtype::kE5M2:
      return function.template operator()<Dtype::kE5M2>();
    default:
      return function.template operator()<Dtype::kI8>();
  }
}

void widen_rows(Dtype type, const std::byte* src, std::ptrdiff_t stride, int columns, int steps,
                std::uint32_t* out) {
  for_matrix_type(type, [&]<Dtype kType>() {
    constexpr int kBytes = element_bytes<kType>();
    for (int s = 0; s < steps; ++s, src += stride, out += kPanel) {
      std::byte part[kPanel * kBytes];
      const std::byte* row = src;
      if (columns < kPanel) {
        std::memset(part, 0, sizeof part);
        std::memcpy(part, src, std::size_t(columns) * kBytes);
        row = part;
      }
      for (int v = 0; v < kPanelVecs; ++v) {
        store(out + v * kWidth, widen_e8m10<kType>(row + v * kWidth * kBytes));
      }
    }
  });
}

/// Transposes `count` <= kWidth rows of `steps` elements to out[s * out_stride + row]. Every row of
/// the output is written kWidth wide, in ascending order.
template <Dtype kType>
TANDEM_CM_INLINE void transpose_rows(const std::byte* src, std::ptrdiff_t stride, int count,
                                     int steps, std::uint32_t* out, int out_stride) {
  constexpr int kBytes = element_bytes<kType>();
  for (int s = 0; s < steps; s += kWidth) {
    const int here = steps - s < kWidth ? steps - s : kWidth;
    Vec block[kWidth];
    for (int r = 0; r < kWidth; ++r) {
      if (r >= count) {
        block[r] = splat(0);
      } else if (here == kWidth) {
        block[r] = widen_e8m10<kType>(src + r * stride + s * kBytes);
      } else {
        block[r] = widen_e8m10_part<kType>(src + r * stride + s * kBytes, here);
      }
    }
    transpose(block);
    if (here == kWidth) {
#pragma GCC unroll kUnroll
      for (int i = 0; i < kWidth; ++i) store(out + (s + i) * out_stride, block[i]);
    } else {
      for (int i = 0; i < here; ++i) store(out + (s + i) * out_stride, block[i]);
    }
  }
}

void widen_columns(Dtype type, const std::byte* src, std::ptrdiff_t stride, int count, int steps,
                   std::uint32_t* out) {
  for_matrix_type(type, [&]<Dtype kType>() {
    for (int first = 0; first < kPanel; first += kWidth) {
      const int here = count - first < kWidth ? count - first : kWidth;
      transpose_rows<kType>(src + first * stride, stride, here, steps, out + first, kPanel);
    }
  });
}

void pack_rows(Dtype type, const std::byte* src, std::ptrdiff_t stride, int rows, int steps,
               std::uint32_t* out) {
  for_matrix_type(type, [&]<Dtype kType>() {
    if (rows > 1) return transpose_rows<kType>(src, stride, rows, steps, out, rows);
    int s = 0;
    for (; s + kWidth <= steps; s += kWidth) {
      store(out + s, widen_e8m10<kType>(src + s * element_bytes<kType>()));
    }
    if (s < steps) {
      store(out + s, widen_e8m10_part<kType>(src + s * element_bytes<kType>(), steps - s));
    }
  });
}

void pack_columns(Dtype type, const std::byte* src, std::ptrdiff_t stride, int rows, int steps,
                  std::uint32_t* out) {
  static_assert(kTileRows <= 2 * kWidth);
  for_matrix_type(type, [&]<Dtype kType>() {
    for (int s = 0; s < steps; ++s, src += stride, out += rows) {
      for (int r = 0; r < rows; r += kWidth) {
        const int here = rows - r < kWidth ? rows - r : kWidth;
        store(out + r, widen_e8m10_part<kType>(src + r * element_bytes<kType>(), here));
      }
    }
  });
}

TANDEM_CM_INLINE std::uint32_t pair_of(std::byte low, std::byte high) {
  return (std::uint32_t(std::int8_t(low)) & 0xFFFFu) | (std::uint32_t(std::int8_t(high)) << 16);
}

void pair_rows(const std::byte* src, std::ptrdiff_t stride, int columns, int steps, int width,
               std::uint32_t* out) {
  for (int s = 0; s < steps; s += 2, out += width) {
    std::byte low[kPanel] = {};
    std::byte high[kPanel] = {};
    std::memcpy(low, src + s * stride, std::size_t(columns));
    if (s + 1 < steps) std::memcpy(high, src + (s + 1) * stride, std::size_t(columns));
    for (int c = 0; c < width; ++c) out[c] = pair_of(low[c], high[c]);
  }
}

void pair_columns(const std::byte* src, std::ptrdiff_t stride, int count, int steps, int width,
                  std::uint32_t* out) {
  for (int s = 0; s < steps; s += 2, out += width) {
    for (int c = 0; c < count; ++c) {
      const std::byte* p = src + c * stride + s;
      out[c] = pair_of(p[0], s + 1 < steps ? p[1] : std::byte{0});
    }
    for (int c = count; c < width; ++c) out[c] = 0;
  }
}

// ---- group-quantised weights ----

/// In place: out[s][c] = E8M10(fma(scale[s / group][c], out[s][c], minimum[s / group][c])).
TANDEM_CM_INLINE void apply_scales(const DequantArgs& args) {
  for (int s = 0; s < args.steps; s += args.group) {
    const int end = s + args.group < args.steps ? s + args.group : args.steps;
    const int row = s / args.group * kPanel;
    for (int v = 0; v < kPanel; v += kWidth) {
      // A canonical NaN gives a NaN that rounding leaves one.
      const Vec scale = canonical(load(args.scale + row + v));
      const Vec minimum = canonical(load(args.minimum + row + v));
      for (int i = s; i < end; ++i) {
        std::uint32_t* p = args.out + i * kPanel + v;
        store(p, round_e8m10_finite(fma(scale, load(p), minimum)));
      }
    }
  }
}

void dequant_i8_rows(const DequantArgs& args) {
  widen_rows(Dtype::kI8, args.q, args.stride, kPanel, args.steps, args.out);
  apply_scales(args);
}

void dequant_i8_columns(const DequantArgs& args) {
  widen_columns(Dtype::kI8, args.q, args.stride, args.columns, args.steps, args.out);
  apply_scales(args);
}

void dequant_u4_rows(const DequantArgs& args) {
  for (int s = 0; s < args.steps; ++s) {
    const std::byte* src = args.q + s * args.stride;
    std::byte wide[kPanel];
    for (int i = 0; i < kPanel / 2; ++i) {
      wide[2 * i] = src[i] & std::byte{15};
      wide[2 * i + 1] = src[i] >> 4;
    }
    for (int v = 0; v < kPanelVecs; ++v) {
      store(args.out + s * kPanel + v * kWidth, widen_e8m10<Dtype::kI8>(wide + v * kWidth));
    }
  }
  apply_scales(args);
}

void dequant_u4_columns(const DequantArgs& args) {
  constexpr int kBlock = 64;
  for (int s = 0; s < args.steps; s += kBlock) {
    const int here = args.steps - s < kBlock ? args.steps - s : kBlock;
    std::byte wide[kPanel][kBlock];
    for (int c = 0; c < args.columns; ++c) {
      const std::byte* src = args.q + c * args.stride + s / 2;
      for (int i = 0; i < (here + 1) / 2; ++i) {
        wide[c][2 * i] = src[i] & std::byte{15};
        wide[c][2 * i + 1] = src[i] >> 4;
      }
    }
    widen_columns(Dtype::kI8, wide[0], kBlock, args.columns, here, args.out + s * kPanel);
  }
  apply_scales(args);
}

// ---- results ----

template <Dtype kType>
TANDEM_CM_INLINE void store_elements(const std::uint32_t* words, std::byte* dst, int count) {
  constexpr int kBytes = element_bytes<kType>();
  for (int c = 0; c < count; c += kWidth) {
    Vec value = load(words + c);
    if constexpr (kType != Dtype::kI32) value = canonical(value);
    if (count - c >= kWidth) {
      narrow<kType>(dst + c * kBytes, value);
    } else {
      std::byte part[kWidth * kBytes];
      narrow<kType>(part, value);
      std::memcpy(dst + c * kBytes, part, std::size_t(count - c) * kBytes);
    }
  }
}

void store_row(const StoreArgs& args) {
  const std::uint32_t* words = args.acc;
  std::uint32_t scaled[kPanel];
  if (args.scale) {
    const Vec row = splat(args.row_scale);
    for (int c = 0; c < kPanel; c += kWidth) {
      const Vec value = mul(to_float(load(args.acc + c)), row);
      store(scaled + c, mul(value, load(args.column_scale + c)));
    }
    words = scaled;
  }
  switch (args.type) {
    case Dtype::kI32:
      return store_elements<Dtype::kI32>(words, args.dst, args.count);
    case Dtype::kBF16:
      return store_elements<Dtype::kBF16>(words, args.dst, args.count);
    case Dtype::kF16:
      return store_elements<Dtype::kF16>(words, args.dst, args.count);
    default:
      return store_elements<Dtype::kF32>(words, args.dst, args.count);
  }
}

}  // namespace tandem::cmodel::TANDEM_CM_ISA

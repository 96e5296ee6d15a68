// SPDX-License-Identifier: Apache-2.0
// Matrix kernels over the primitives of one instruction set. Included once by each translation
// unit after its isa_*.hpp, with TANDEM_CM_ISA the namespace of that set.
#pragma once

#include <cstring>
#include <utility>

#include "kernels/kernels.hpp"

namespace tandem::cmodel::TANDEM_CM_ISA {

inline constexpr int kPanelVecs = kPanel / kWidth;

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
/// What a tile multiplies at a step: kPanelVecs vectors of each panel. `start_group` comes before
/// the first step of every args.group steps.
template <int kPanels>
struct WordLoad {
  static constexpr bool kAhead = true;
  static constexpr bool kNibbles = false;
  TANDEM_CM_INLINE void start_group(const TileArgs&, std::int64_t) {}
  TANDEM_CM_INLINE void get(const TileArgs&, const std::byte* p, int,
                            Vec (&out)[kPanelVecs]) const {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kPanelVecs; ++v) out[v] = load(p + v * 4 * kWidth);
  }
};

template <Dtype kType>
struct TypeLoad {
  template <int kPanels>
  struct Of {
    static constexpr bool kAhead = false;  // the processor sees the stream itself
    static constexpr bool kNibbles = false;
    TANDEM_CM_INLINE void start_group(const TileArgs&, std::int64_t) {}
    TANDEM_CM_INLINE void get(const TileArgs&, const std::byte* p, int,
                              Vec (&out)[kPanelVecs]) const {
#pragma GCC unroll kUnroll
      for (int v = 0; v < kPanelVecs; ++v) {
        out[v] = widen_e8m10<kType>(p + v * kWidth * element_bytes<kType>());
      }
    }
  };
};

template <int kPanels>
struct PairLoad {
  static constexpr bool kAhead = false;
  static constexpr bool kNibbles = false;
  TANDEM_CM_INLINE void start_group(const TileArgs&, std::int64_t) {}
  TANDEM_CM_INLINE void get(const TileArgs& args, const std::byte* p, int,
                            Vec (&out)[kPanelVecs]) const {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kPanelVecs; ++v) {
      out[v] = pair_bytes(p + v * kWidth, p + args.pair_bytes + v * kWidth);
    }
  }
};

/// Integers times the scale of their group plus its minimum.
template <bool kIsNibbles>
struct GroupLoad {
  template <int kPanels>
  struct Of {
    static constexpr bool kAhead = false;
    static constexpr bool kNibbles = kIsNibbles;
    Vec scale[kPanels][kPanelVecs];
    Vec minimum[kPanels][kPanelVecs];

    TANDEM_CM_INLINE void start_group(const TileArgs& args, std::int64_t group) {
#pragma GCC unroll kUnroll
      for (int q = 0; q < kPanels; ++q) {
        const std::int64_t at = (q * args.scale_groups + group) * kPanel;
#pragma GCC unroll kUnroll
        for (int v = 0; v < kPanelVecs; ++v) {
          // A canonical NaN gives a NaN that rounding leaves one.
          scale[q][v] = canonical(load(args.scale + at + v * kWidth));
          minimum[q][v] = canonical(load(args.minimum + at + v * kWidth));
        }
        if constexpr (kNibbles) {
          to_nibble_order(scale[q]);
          to_nibble_order(minimum[q]);
        }
      }
    }
    TANDEM_CM_INLINE void get(const TileArgs&, const std::byte* p, int q,
                              Vec (&out)[kPanelVecs]) const {
      if constexpr (kNibbles) {
        load_nibbles(p, out);
      } else {
#pragma GCC unroll kUnroll
        for (int v = 0; v < kPanelVecs; ++v) out[v] = to_float(widen<Dtype::kI8>(p + v * kWidth));
      }
#pragma GCC unroll kUnroll
      for (int v = 0; v < kPanelVecs; ++v) {
        out[v] = round_e8m10_finite(fma(scale[q][v], out[v], minimum[q][v]));
      }
    }
  };
};

template <class Step, class Load, bool kKeep, int kRows, int kPanels>
void run_tile(const TileArgs& args) {
  Vec acc[kRows][kPanels][kPanelVecs];
  const auto word = [&](int r, int q, int v) {
    return args.acc + (q * kRows + r) * kPanel + v * kWidth;
  };
#pragma GCC unroll kUnroll
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll kUnroll
    for (int q = 0; q < kPanels; ++q) {
#pragma GCC unroll kUnroll
      for (int v = 0; v < kPanelVecs; ++v) acc[r][q][v] = load(word(r, q, v));
      if constexpr (Load::kNibbles) to_nibble_order(acc[r][q]);
    }
  }
  const std::uint32_t* a = args.a;
  const std::byte* b = args.b;
  Load loader;
  for (std::int64_t begin = 0; begin < args.steps; begin += args.group) {
    const std::int64_t end = begin + args.group < args.steps ? begin + args.group : args.steps;
    loader.start_group(args, begin / args.group);
    for (std::int64_t s = begin; s < end; ++s, a += kRows, b += args.step_bytes) {
      if constexpr (Load::kAhead) {
        __builtin_prefetch(args.ahead + (s & 31) * args.ahead_inner + (s >> 5) * args.ahead_outer);
      }
      Vec column[kPanels][kPanelVecs];
#pragma GCC unroll kUnroll
      for (int q = 0; q < kPanels; ++q) {
        loader.get(args, b + q * args.panel_bytes, q, column[q]);
        if constexpr (kKeep) {
          Vec kept[kPanelVecs];
#pragma GCC unroll kUnroll
          for (int v = 0; v < kPanelVecs; ++v) kept[v] = column[q][v];
          if constexpr (Load::kNibbles) from_nibble_order(kept);
#pragma GCC unroll kUnroll
          for (int v = 0; v < kPanelVecs; ++v) {
            store(args.keep + (q * args.keep_steps + s) * kPanel + v * kWidth, kept[v]);
          }
        }
      }
#pragma GCC unroll kUnroll
      for (int r = 0; r < kRows; ++r) {
        const Vec row = broadcast(a + r);
#pragma GCC unroll kUnroll
        for (int q = 0; q < kPanels; ++q) {
#pragma GCC unroll kUnroll
          for (int v = 0; v < kPanelVecs; ++v) {
            acc[r][q][v] = Step::step(row, column[q][v], acc[r][q][v]);
          }
        }
      }
    }
  }
#pragma GCC unroll kUnroll
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll kUnroll
    for (int q = 0; q < kPanels; ++q) {
      if constexpr (Load::kNibbles) from_nibble_order(acc[r][q]);
#pragma GCC unroll kUnroll
      for (int v = 0; v < kPanelVecs; ++v) store(word(r, q, v), acc[r][q][v]);
    }
  }
}

template <class Step, template <int> class Load, bool kKeep, int kRows>
constexpr std::array<TileFn, kMaxTilePanels + 1> tiles_of_rows() {
  std::array<TileFn, kMaxTilePanels + 1> table{};
  constexpr int kMany = panels_by_rows(kRows);
  if constexpr (!kKeep || kRows > kTileRows / 2) {
    table[1] = run_tile<Step, Load<1>, kKeep, kRows, 1>;
    if constexpr (kMany >= 2) table[2] = run_tile<Step, Load<2>, kKeep, kRows, 2>;
    if constexpr (kMany >= 4) table[4] = run_tile<Step, Load<4>, kKeep, kRows, 4>;
  }
  return table;
}
template <class Step, template <int> class Load, bool kKeep, std::size_t... kRows>
constexpr TileTable tiles_of(std::index_sequence<kRows...>) {
  TileTable table{};
  ((table[kRows + 1] = tiles_of_rows<Step, Load, kKeep, int(kRows) + 1>()), ...);
  return table;
}
template <class Step, template <int> class Load, bool kKeep = false>
constexpr TileTable tiles_of() {
  return tiles_of<Step, Load, kKeep>(std::make_index_sequence<kTileRows>());
}
template <bool kKeep>
constexpr std::array<TileTable, std::size_t(BForm::kCount)> all_tiles() {
  std::array<TileTable, std::size_t(BForm::kCount)> tables{};
  const auto at = [&](BForm form) -> TileTable& { return tables[std::size_t(form)]; };
  if constexpr (!kKeep) {
    at(BForm::kWords) = tiles_of<FmaStep, WordLoad>();
    at(BForm::kPairs) = tiles_of<PairStep, WordLoad>();
  }
  at(BForm::kF32) = tiles_of<FmaStep, TypeLoad<Dtype::kF32>::template Of, kKeep>();
  at(BForm::kBF16) = tiles_of<FmaStep, TypeLoad<Dtype::kBF16>::template Of, kKeep>();
  at(BForm::kF16) = tiles_of<FmaStep, TypeLoad<Dtype::kF16>::template Of, kKeep>();
  at(BForm::kE4M3) = tiles_of<FmaStep, TypeLoad<Dtype::kE4M3>::template Of, kKeep>();
  at(BForm::kE5M2) = tiles_of<FmaStep, TypeLoad<Dtype::kE5M2>::template Of, kKeep>();
  at(BForm::kGroupU4) = tiles_of<FmaStep, GroupLoad<true>::template Of, kKeep>();
  at(BForm::kGroupI8) = tiles_of<FmaStep, GroupLoad<false>::template Of, kKeep>();
  at(BForm::kI8) = tiles_of<PairStep, PairLoad, kKeep>();
  return tables;
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

/// One line of each of `count` <= kWidth rows, side by side: rows a power of two apart would push
/// each other out of the first-level cache before all elements of a line are used. Rows and bytes
/// that do not exist are 0.
TANDEM_CM_INLINE void copy_lines(const std::byte* src, std::ptrdiff_t stride, int count,
                                 std::int64_t bytes, std::ptrdiff_t ahead,
                                 std::byte (&lines)[kWidth][64]) {
  if (count < kWidth || bytes < 64) std::memset(lines, 0, sizeof lines);
  if (bytes >= 64) {
    for (int r = 0; r < count; ++r) {
      std::memcpy(lines[r], src + r * stride, 64);
      __builtin_prefetch(src + r * stride + ahead);
    }
  } else {
    for (int r = 0; r < count; ++r) std::memcpy(lines[r], src + r * stride, std::size_t(bytes));
  }
}

/// Elements that share a lane in a transpose: two of 16 bits, else one. kU16 stands for two bytes
/// that become a pair of 16-bit integers.
template <Dtype kType>
constexpr bool kHalves = kType == Dtype::kBF16 || kType == Dtype::kF16 || kType == Dtype::kU16;
template <Dtype kType>
constexpr int kTransposed = kHalves<kType> ? 2 * kWidth : kWidth;

/// Transposes part of the lines: element i of all rows goes to out[i * out_stride].
template <Dtype kType>
TANDEM_CM_INLINE void transpose_part(const std::byte (&lines)[kWidth][64], int part,
                                     std::uint32_t* out, int out_stride) {
  constexpr int kBytes = element_bytes<kType>();
  const auto get = [&](int r) TANDEM_CM_LAMBDA {
    if constexpr (kHalves<kType>) {
      return load(lines[r] + part * kBytes);
    } else {
      return widen_e8m10<kType>(lines[r] + part * kBytes);
    }
  };
  const auto put = [&](int i, Vec column) TANDEM_CM_LAMBDA {
    if constexpr (kHalves<kType>) {
      store(out + 2 * i * out_stride, widen_half<kType, 0>(column));
      store(out + (2 * i + 1) * out_stride, widen_half<kType, 1>(column));
    } else {
      store(out + i * out_stride, column);
    }
  };
  transpose(get, put);
}

/// Transposes `count` <= kWidth rows of `bytes` to out[s * out_stride + row]. Every row of the
/// output is written kWidth wide, in ascending order.
template <Dtype kType>
TANDEM_CM_INLINE void transpose_rows(const std::byte* src, std::ptrdiff_t stride, int count,
                                     std::int64_t bytes, std::ptrdiff_t ahead, std::uint32_t* out,
                                     int out_stride) {
  constexpr int kBytes = element_bytes<kType>();
  constexpr int kPart = kTransposed<kType>;
  alignas(64) std::byte lines[kWidth][64];
  for (std::int64_t line = 0; line < bytes; line += 64) {
    copy_lines(src + line, stride, count, bytes - line, ahead, lines);
    const std::int64_t end = bytes - line < 64 ? bytes - line : 64;
    const auto elements = int((end + kBytes - 1) / kBytes);
    for (int part = 0; part < elements; part += kPart) {
      std::uint32_t* to = out + (line / kBytes + part) * out_stride;
      if (elements - part >= kPart && out_stride >= kWidth) {
        transpose_part<kType>(lines, part, to, out_stride);
        continue;
      }
      std::uint32_t rest[kPart * kWidth];
      transpose_part<kType>(lines, part, rest, kWidth);
      const int rows = elements - part < kPart ? elements - part : kPart;
      for (int i = 0; i < rows; ++i) {
        store(to + i * out_stride, load(rest + i * kWidth));
      }
    }
  }
}

template <Dtype kType>
TANDEM_CM_INLINE void transpose_panel(const std::byte* src, std::ptrdiff_t stride, int count,
                                      std::int64_t bytes, std::ptrdiff_t ahead,
                                      std::uint32_t* out) {
  for (int first = 0; first < kPanel; first += kWidth) {
    const int rest = count - first;
    const int here = rest < 0 ? 0 : (rest < kWidth ? rest : kWidth);
    transpose_rows<kType>(src + first * stride, stride, here, bytes, ahead, out + first, kPanel);
  }
}

void widen_columns(Dtype type, const std::byte* src, std::ptrdiff_t stride, int count, int steps,
                   std::ptrdiff_t ahead, std::uint32_t* out) {
  for_matrix_type(type, [&]<Dtype kType>() {
    transpose_panel<kType>(src, stride, count, std::int64_t(steps) * element_bytes<kType>(), ahead,
                           out);
  });
}

void pair_columns(const std::byte* src, std::ptrdiff_t stride, int count, int elements,
                  std::ptrdiff_t ahead, std::uint32_t* out) {
  transpose_panel<Dtype::kU16>(src, stride, count, elements, ahead, out);
}

void pack_rows(Dtype type, const std::byte* src, std::ptrdiff_t stride, int rows, int steps,
               std::uint32_t* out) {
  for_matrix_type(type, [&]<Dtype kType>() {
    constexpr int kBytes = element_bytes<kType>();
    if (rows > 1) {
      const std::int64_t bytes = std::int64_t(steps) * kBytes;
      return transpose_rows<kType>(src, stride, rows, bytes, 0, out, rows);
    }
    int s = 0;
    for (; s + kWidth <= steps; s += kWidth) store(out + s, widen_e8m10<kType>(src + s * kBytes));
    if (s < steps) store(out + s, widen_e8m10_part<kType>(src + s * kBytes, steps - s));
  });
}

void pack_row_pairs(const std::byte* src, std::ptrdiff_t stride, int rows, int elements,
                    std::uint32_t* out) {
  if (rows > 1) return transpose_rows<Dtype::kU16>(src, stride, rows, elements, 0, out, rows);
  for (int i = 0; i < elements; i += 2 * kWidth) {
    std::byte part[2 * kWidth] = {};
    const int here = elements - i < 2 * kWidth ? elements - i : 2 * kWidth;
    std::memcpy(part, src + i, std::size_t(here));
    store(out + i / 2, widen_byte_pairs(part));
  }
}

void pack_columns(Dtype type, const std::byte* src, std::ptrdiff_t stride, int rows, int steps,
                  std::uint32_t* out) {
  static_assert(kTileRows <= kWidth);
  for_matrix_type(type, [&]<Dtype kType>() {
    for (int s = 0; s < steps; ++s, src += stride, out += rows) {
      store(out, widen_e8m10_part<kType>(src, rows));
    }
  });
}

/// Row `i` of `columns` bytes, zeros behind them and where the row does not exist.
TANDEM_CM_INLINE void copy_row(const std::byte* src, std::ptrdiff_t stride, int columns, int i,
                               int rows, std::byte (&out)[kPanel]) {
  std::memset(out, 0, sizeof out);
  if (i < rows) std::memcpy(out, src + i * stride, std::size_t(columns));
}

void pack_column_pairs(const std::byte* src, std::ptrdiff_t stride, int rows, int elements,
                       std::uint32_t* out) {
  std::byte low[kPanel];
  std::byte high[kPanel];
  for (int i = 0; i < elements; i += 2, out += rows) {
    copy_row(src, stride, rows, i, elements, low);
    copy_row(src, stride, rows, i + 1, elements, high);
    store(out, pair_bytes(low, high));
  }
}

void pair_rows(const std::byte* src, std::ptrdiff_t stride, int columns, int elements,
               std::uint32_t* out) {
  std::byte low[kPanel];
  std::byte high[kPanel];
  for (int i = 0; i < elements; i += 2, out += kPanel) {
    copy_row(src, stride, columns, i, elements, low);
    copy_row(src, stride, columns, i + 1, elements, high);
    for (int c = 0; c < kPanel; c += kWidth) store(out + c, pair_bytes(low + c, high + c));
  }
}

// ---- group-quantised weights in NK layout ----

void dequantise_columns(Dtype type, const std::byte* src, std::ptrdiff_t stride, int count,
                        int steps, std::ptrdiff_t ahead, int group, const std::uint32_t* scale,
                        const std::uint32_t* minimum, std::uint32_t* out) {
  constexpr int kBlock = 64;
  if (type == Dtype::kI8) {
    widen_columns(Dtype::kI8, src, stride, count, steps, ahead, out);
  } else {
    for (int s = 0; s < steps; s += kBlock) {
      const int here = steps - s < kBlock ? steps - s : kBlock;
      std::byte wide[kPanel][kBlock];
      for (int c = 0; c < count; ++c) {
        const std::byte* pairs = src + c * stride + s / 2;
        __builtin_prefetch(pairs + ahead);
        for (int i = 0; i < (here + 1) / 2; ++i) {
          wide[c][2 * i] = pairs[i] & std::byte{15};
          wide[c][2 * i + 1] = pairs[i] >> 4;
        }
      }
      widen_columns(Dtype::kI8, wide[0], kBlock, count, here, 0, out + s * kPanel);
    }
  }
  for (int s = 0; s < steps; s += group) {
    const int end = s + group < steps ? s + group : steps;
    const int row = s / group * kPanel;
    for (int v = 0; v < kPanel; v += kWidth) {
      const Vec by = canonical(load(scale + row + v));
      const Vec plus = canonical(load(minimum + row + v));
      for (int i = s; i < end; ++i) {
        std::uint32_t* p = out + i * kPanel + v;
        store(p, round_e8m10_finite(fma(by, load(p), plus)));
      }
    }
  }
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

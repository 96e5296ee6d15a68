// SPDX-License-Identifier: Apache-2.0
// Operands of matrix products to the layout of tiles, and results to memory, over the primitives of
// one instruction set. Included as tiles_inl.hpp is.
#pragma once

#include <cstring>

#include "kernels/kernels.hpp"
#include "kernels/tiles_inl.hpp"

namespace tandem::cmodel::TANDEM_CM_ISA {

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

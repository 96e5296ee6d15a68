// SPDX-License-Identifier: Apache-2.0
// The functions that exist once for every instruction set, as a table chosen at run time. All
// tables give the same bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tandem/abi/isa.hpp"
#include "tandem/cmodel/engine.hpp"

namespace tandem::cmodel {

inline constexpr int kPanel = int(abi::kPanelColumns);
inline constexpr int kMaxTileRows = 12;
/// Words past the end of a buffer that packing functions may write.
inline constexpr int kPackSlack = 16;

/// One tile of a matrix product: acc[q][r][c] = fma(a[s][r], b[s][q][c], acc[q][r][c]) for s
/// ascending, with r below the tile's rows and c below 32.
struct TileArgs {
  const std::uint32_t* a = nullptr;  ///< [steps][rows] E8M10 numbers or pairs of 16-bit integers.
  const std::byte* b = nullptr;      ///< Step s of panel q: b + s * step_bytes + q * panel_bytes.
  std::ptrdiff_t step_bytes = 0;
  std::ptrdiff_t panel_bytes = 0;
  std::int64_t steps = 0;
  std::uint32_t* acc = nullptr;  ///< [panels][rows][32] fp32 numbers or integers.
};
using TileFn = void (*)(const TileArgs&);

/// A row of up to 32 accumulators that become elements of C.
struct StoreArgs {
  const std::uint32_t* acc = nullptr;  ///< 32 words, of which `count` are valid.
  std::byte* dst = nullptr;
  int count = 0;
  abi::Dtype type = abi::Dtype::kF32;
  bool scale = false;           ///< acc is an integer: dst = (f32(acc) * row) * column[c].
  std::uint32_t row_scale = 0;  ///< fp32 pattern.
  const std::uint32_t* column_scale = nullptr;  ///< 32 fp32 patterns.
};

/// Group-quantised weights of one panel to E8M10 numbers; the first step starts a group.
struct DequantArgs {
  const std::byte* q = nullptr;  ///< Element (first step, first column).
  std::ptrdiff_t stride = 0;     ///< Bytes between rows as stored: columns (NK) or steps (panels).
  int columns = 0;               ///< Valid columns (NK); the others become 0.
  int steps = 0;
  int group = 0;
  const std::uint32_t* scale = nullptr;  ///< [groups from the first step][32] fp32 patterns.
  const std::uint32_t* minimum = nullptr;
  std::uint32_t* out = nullptr;  ///< [steps][32].
};

inline constexpr std::size_t kPartials = 64;  ///< Of a reduction.

/// What the partial results of a reduction start from.
constexpr std::uint32_t reduction_identity(abi::MicroOp op) {
  switch (op) {
    case abi::MicroOp::kRsum:
      return 0x80000000u;
    case abi::MicroOp::kRmin:
      return 0x7F800000u;
    case abi::MicroOp::kRmax:
      return 0xFF800000u;
    case abi::MicroOp::kRimin:
      return 0x7FFFFFFFu;
    case abi::MicroOp::kRimax:
      return 0x80000000u;
    default:
      return 0;
  }
}

/// One micro-operation over an array: d[i] = op(a[i], b[i], c[i]) for i below `count`, and up to
/// kPackSlack - 1 elements more. A scalar source is one word.
struct OpArgs {
  std::uint32_t* d = nullptr;
  const std::uint32_t* a = nullptr;
  const std::uint32_t* b = nullptr;  ///< Of `tab`: the table.
  const std::uint32_t* c = nullptr;
  int count = 0;
};
using OpFn = void (*)(const OpArgs&);
/// By operation and by set of scalar sources (bit 0: a, 1: b, 2: c).
using OpTable = std::array<std::array<OpFn, 8>, std::size_t(abi::MicroOp::kTab) + 1>;

struct Kernels {
  const char* name;  ///< "avx512", "avx2" or "portable".

  // ---- matrix ----
  int max_rows;  ///< Rows of the largest tile.
  /// By rows of the tile; B is one panel of 32-bit words.
  std::array<TileFn, kMaxTileRows + 1> tile;
  std::array<TileFn, kMaxTileRows + 1> tile_pairs;
  /// By type of B in memory (F32 to E5M2) and rows; B is `direct_panels[rows]` panels.
  std::array<int, kMaxTileRows + 1> direct_panels;
  std::array<std::array<TileFn, kMaxTileRows + 1>, 6> direct_many;
  std::array<std::array<TileFn, kMaxTileRows + 1>, 6> direct_one;

  /// B rows of `columns` <= 32 elements, `stride` bytes apart, to [steps][32] E8M10 numbers.
  void (*widen_rows)(abi::Dtype type, const std::byte* src, std::ptrdiff_t stride, int columns,
                     int steps, std::uint32_t* out);
  /// `count` <= 32 rows of `steps` elements, `stride` bytes apart, to [steps][32] E8M10 numbers.
  void (*widen_columns)(abi::Dtype type, const std::byte* src, std::ptrdiff_t stride, int count,
                        int steps, std::uint32_t* out);
  /// As the two above for I8 without conversion: [ceil(steps / 2)][width] pairs, step 2 s in the
  /// low half, step 2 s + 1 in the high half; columns from `columns` (`count`) on are 0.
  void (*pair_rows)(const std::byte* src, std::ptrdiff_t stride, int columns, int steps, int width,
                    std::uint32_t* out);
  void (*pair_columns)(const std::byte* src, std::ptrdiff_t stride, int count, int steps, int width,
                       std::uint32_t* out);
  /// A as [M][K] to [steps][rows] E8M10 numbers, rows <= max_rows; writes up to kPackSlack more.
  void (*pack_rows)(abi::Dtype type, const std::byte* src, std::ptrdiff_t stride, int rows,
                    int steps, std::uint32_t* out);
  /// A as [K][M], likewise.
  void (*pack_columns)(abi::Dtype type, const std::byte* src, std::ptrdiff_t stride, int rows,
                       int steps, std::uint32_t* out);
  void (*dequant_i8_columns)(const DequantArgs& args);
  void (*dequant_u4_columns)(const DequantArgs& args);
  void (*dequant_i8_rows)(const DequantArgs& args);
  void (*dequant_u4_rows)(const DequantArgs& args);
  void (*store_row)(const StoreArgs& args);

  // ---- vector ----
  OpTable ops;
  /// Adds elements to the 64 partial results; x[count ..] up to a multiple of 64 is overwritten.
  void (*accumulate)(abi::MicroOp op, std::uint32_t* partial, std::uint32_t* x, int count);
  /// `count` contiguous elements to words as `ld` does, and words to elements as `st` does (not
  /// fp8). Writes exactly `count` elements.
  void (*widen)(abi::Dtype type, const std::byte* src, int count, std::uint32_t* out);
  void (*narrow)(abi::Dtype type, const std::uint32_t* words, int count, std::byte* dst);

  // ---- memory ----
  /// Contribution of `size` bytes written at `addr` to the completion checksum.
  std::uint64_t (*checksum)(std::uint64_t addr, const std::byte* data, std::size_t size);
  /// Copies and returns the checksum of the bytes written.
  std::uint64_t (*copy)(std::byte* dst, std::uint64_t dst_addr, const std::byte* src,
                        std::size_t size);
};

/// The table of a path; kAuto: the fastest that the processor has. Empty if the processor or the
/// build lacks the path.
const Kernels* find_kernels(SimdPath path);

extern const Kernels kPortableKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

}  // namespace tandem::cmodel

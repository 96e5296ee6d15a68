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
inline constexpr int kMaxTileRows = 6;
inline constexpr int kMaxTilePanels = 4;
/// Words past the end of a buffer that packing functions may write.
inline constexpr int kPackSlack = 16;

/// One tile of a matrix product: acc[q][r][c] = fma(a[s][r], b[s][q][c], acc[q][r][c]) for s
/// ascending, with r below the tile's rows and c below 32.
struct TileArgs {
  const std::uint32_t* a = nullptr;  ///< [steps][rows] E8M10 numbers or pairs of 16-bit integers.
  const std::byte* b = nullptr;      ///< Step s of panel q: b + s * step_bytes + q * panel_bytes.
  std::ptrdiff_t step_bytes = 0;
  std::ptrdiff_t panel_bytes = 0;
  std::ptrdiff_t pair_bytes = 0;
  std::int64_t steps = 0;
  std::uint32_t* acc = nullptr;  ///< [panels][rows][32] fp32 numbers or integers.
  /// Memory needed soon, a line each step: ahead + (s mod 32) * ahead_inner + (s / 32) *
  /// ahead_outer.
  const std::byte* ahead = nullptr;
  std::ptrdiff_t ahead_inner = 0;
  std::ptrdiff_t ahead_outer = 0;
  /// Group forms: scale and minimum of group s / group of panel q for its 32 columns, as fp32
  /// patterns, at [(q * scale_groups + s / group) * 32].
  const std::uint32_t* scale = nullptr;
  const std::uint32_t* minimum = nullptr;
  std::int64_t scale_groups = 0;
  std::int64_t group = 0;  ///< Steps; other forms: at least `steps`.
  /// Where a keeping tile leaves B as words: step s of panel q at keep + (q * keep_steps + s) * 32.
  std::uint32_t* keep = nullptr;
  std::int64_t keep_steps = 0;
};
using TileFn = void (*)(const TileArgs&);
/// By rows and panels of the tile; empty where the tile would not fit the registers.
using TileTable = std::array<std::array<TileFn, kMaxTilePanels + 1>, kMaxTileRows + 1>;

/// How a tile finds B.
enum class BForm : std::uint8_t {
  kWords,  ///< E8M10 numbers in a buffer.
  kPairs,  ///< Pairs of 16-bit integers in a buffer; products of integers.
  kF32,    ///< The other forms: elements in device memory, widened on the way.
  kBF16,
  kF16,
  kE4M3,
  kE5M2,
  kGroupU4,  ///< Panels of 4-bit integers, scaled in groups of steps.
  kGroupI8,
  kI8,  ///< Pairs of rows of I8, pair_bytes apart; products of integers.
  kCount
};

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
  /// Panels that a tile with so many rows takes at once: enough accumulators to hide the latency of
  /// the FMA.
  std::array<int, kMaxTileRows + 1> panels;
  std::array<TileTable, std::size_t(BForm::kCount)> tiles;
  /// The same, leaving B as words for the tiles that follow; only forms of device memory and only
  /// tiles of more than half of max_rows.
  std::array<TileTable, std::size_t(BForm::kCount)> keeping_tiles;

  /// B rows of `columns` <= 32 elements, `stride` bytes apart, to [steps][32] E8M10 numbers.
  void (*widen_rows)(abi::Dtype type, const std::byte* src, std::ptrdiff_t stride, int columns,
                     int steps, std::uint32_t* out);
  /// `count` <= 32 rows of `steps` elements, `stride` bytes apart, to [steps][32] E8M10 numbers.
  /// What lies `ahead` bytes further is needed next.
  void (*widen_columns)(abi::Dtype type, const std::byte* src, std::ptrdiff_t stride, int count,
                        int steps, std::ptrdiff_t ahead, std::uint32_t* out);
  /// As the two above for I8 without conversion, with `elements` along k: [ceil(elements / 2)][32]
  /// pairs, element 2 s in the low half, 2 s + 1 in the high half.
  void (*pair_rows)(const std::byte* src, std::ptrdiff_t stride, int columns, int elements,
                    std::uint32_t* out);
  void (*pair_columns)(const std::byte* src, std::ptrdiff_t stride, int count, int elements,
                       std::ptrdiff_t ahead, std::uint32_t* out);
  /// A as [M][K] to [steps][rows] E8M10 numbers, rows <= max_rows; writes up to kPackSlack more.
  void (*pack_rows)(abi::Dtype type, const std::byte* src, std::ptrdiff_t stride, int rows,
                    int steps, std::uint32_t* out);
  /// A as [K][M], likewise.
  void (*pack_columns)(abi::Dtype type, const std::byte* src, std::ptrdiff_t stride, int rows,
                       int steps, std::uint32_t* out);
  /// As the two above for I8: [ceil(elements / 2)][rows] pairs.
  void (*pack_row_pairs)(const std::byte* src, std::ptrdiff_t stride, int rows, int elements,
                         std::uint32_t* out);
  void (*pack_column_pairs)(const std::byte* src, std::ptrdiff_t stride, int rows, int elements,
                            std::uint32_t* out);
  /// `count` <= 32 rows of integers in NK layout (I8 or U4), `stride` bytes apart, to [steps][32]
  /// weights; the first step starts a group, or all lie in one. scale, minimum: [groups][32].
  void (*dequantise_columns)(abi::Dtype type, const std::byte* src, std::ptrdiff_t stride,
                             int count, int steps, std::ptrdiff_t ahead, int group,
                             const std::uint32_t* scale, const std::uint32_t* minimum,
                             std::uint32_t* out);
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
  /// The same for `rows` rows of `row_bytes`, `stride` bytes apart.
  std::uint64_t (*checksum_rows)(std::uint64_t addr, const std::byte* data, std::size_t row_bytes,
                                 std::ptrdiff_t stride, int rows);
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

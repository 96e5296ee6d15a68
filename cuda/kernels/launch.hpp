// SPDX-License-Identifier: Apache-2.0
// The kernels' names, their argument structs and the status record: shared by host and device.
#pragma once

#include <cstdint>

#include "tandem/abi/isa.hpp"

namespace tandem::gpu {

/// One entry for each `extern "C" __global__` function of kernels.cu, whose parameter is the
/// argument struct named here, by value.
enum class Kernel : std::uint8_t {
  kCopy,            ///< tandem_copy(CopyArgs)
  kFill,            ///< tandem_fill(CopyArgs)
  kGather,          ///< tandem_gather(GatherArgs)
  kScatterAdd,      ///< tandem_scatter_add(ScatterArgs)
  kMatmulSkinny,    ///< tandem_matmul_skinny(MatmulArgs): few rows of A
  kMatmulMid,       ///< tandem_matmul_mid(MatmulArgs)
  kMatmulBig,       ///< tandem_matmul_big(MatmulArgs): tiles of 128 x 128
  kMatmulSkinnyI8,  ///< tandem_matmul_skinny_i8(MatmulArgs)
  kMatmulMidI8,     ///< tandem_matmul_mid_i8(MatmulArgs)
  kMatmulBigI8,     ///< tandem_matmul_big_i8(MatmulArgs)
  kVector,          ///< tandem_vector(VectorArgs): the interpreter of micro-programs
  kChecksum,        ///< tandem_checksum(ChecksumArgs)
};
inline constexpr unsigned kKernels = 12;

/// Name of the kernel's function in the module.
constexpr const char* kernel_name(Kernel kernel) {
  constexpr const char* kNames[kKernels] = {"tandem_copy",          "tandem_fill",
                                            "tandem_gather",        "tandem_scatter_add",
                                            "tandem_matmul_skinny", "tandem_matmul_mid",
                                            "tandem_matmul_big",    "tandem_matmul_skinny_i8",
                                            "tandem_matmul_mid_i8", "tandem_matmul_big_i8",
                                            "tandem_vector",        "tandem_checksum"};
  return kNames[static_cast<unsigned>(kernel)];
}

/// How a kernel is launched: grid and block have one dimension.
struct LaunchShape {
  std::uint32_t grid = 1;          ///< Blocks, 1 to 2^31 - 1.
  std::uint32_t block = 1;         ///< Threads.
  std::uint32_t shared_bytes = 0;  ///< Dynamic shared memory, at most 48 KiB.
};

/// What kernels leave behind; one record in device memory, cleared before each packet to
/// {0, kNoBadIndex}. 8-byte aligned.
struct DeviceStatus {
  std::uint64_t checksum = 0;                   ///< Sum over everything written.
  std::uint64_t first_bad = ~std::uint64_t{0};  ///< Least number of an index out of range.
};
inline constexpr std::uint64_t kNoBadIndex = ~std::uint64_t{0};

/// Memory of an operand: `at` is what a kernel dereferences, `addr` the physical address, which the
/// checksum needs.
struct Place {
  std::uint64_t at = 0;
  std::uint64_t addr = 0;
};

/// Division of numbers below 2^32 by a constant below 2^32: the high word of n x factor, where
/// factor is floor((2^64 - 1) / value) + 1; 0 stands for value 1.
struct Divisor {
  std::uint64_t value = 1;
  std::uint64_t factor = 0;
};
constexpr Divisor make_divisor(std::uint64_t value) {
  return {value, value <= 1 ? 0 : ~std::uint64_t{0} / value + 1};
}

/// COPY and FILL (which has no source): loops from the outermost, merged where they continue each
/// other. Strides in bytes.
struct CopyArgs {
  std::uint64_t status = 0;  ///< DeviceStatus.
  Place src;
  Place dst;
  std::uint64_t elements = 0;  ///< Product of the extents, at most 2^64 - 1.
  std::uint64_t extent[4] = {1, 1, 1, 1};
  std::uint64_t src_stride[4] = {};
  std::uint64_t dst_stride[4] = {};
  Divisor divisor[4];         ///< Of the extents, where `narrow`.
  std::uint64_t value = 0;    ///< FILL: the element's bits, repeated to 8 bytes.
  std::uint32_t narrow = 0;   ///< 1: fewer than 2^32 elements.
  std::uint32_t element = 1;  ///< Bytes: 1, 2, 4, 8 or 16.
};

struct GatherArgs {
  std::uint64_t status = 0;
  Place src;
  Place dst;
  std::uint64_t index = 0;
  std::uint64_t elements = 0;
  std::uint64_t extent[3] = {1, 1, 1};
  Divisor divisor[3];
  std::uint64_t src_stride[3] = {};  ///< Of i, of the index, of l.
  std::uint64_t dst_stride[3] = {};
  std::uint64_t index_stride[3] = {};
  std::uint64_t limit = 0;
  std::uint32_t narrow = 0;      ///< 1: fewer than 2^32 elements.
  std::uint32_t wide_index = 0;  ///< 1: I64.
  std::uint32_t element = 1;     ///< Bytes.
  std::uint32_t reserved = 0;
};

/// SCATTER_ADD. Thread (column, part) does the additions of its column whose destination it owns,
/// in the packet's order; see scatter_add.hpp.
struct ScatterArgs {
  std::uint64_t status = 0;
  Place src;
  Place dst;
  std::uint64_t index = 0;
  std::uint64_t extent[3] = {1, 1, 1};
  std::uint64_t src_stride[3] = {};
  std::uint64_t dst_stride[3] = {};  ///< Of i, of the index, of l.
  std::uint64_t index_stride[3] = {};
  std::uint64_t limit = 0;
  std::uint32_t wide_index = 0;
  std::uint32_t floats = 0;      ///< 1: F32, 0: I32.
  std::uint32_t split_i = 0;     ///< 1: each i is a column of its own.
  std::uint32_t split_l = 0;     ///< 1: each l is.
  std::uint32_t parts_log2 = 0;  ///< Owners of a column.
  std::uint32_t reserved = 0;
};

struct MatmulOperand {
  std::uint64_t at = 0;
  std::uint64_t row_stride = 0;
  std::uint64_t batch0_stride = 0;
  std::uint64_t batch1_stride = 0;
};

struct MatmulArgs {
  std::uint64_t status = 0;
  std::uint64_t c_addr = 0;  ///< Physical.
  MatmulOperand a, b, c;
  MatmulOperand b_scale, b_min;  ///< The same strides.
  MatmulOperand a_scale;
  std::uint64_t bias = 0;
  std::uint64_t tiles = 0;  ///< Of all batches.
  std::uint32_t tiles_m = 0, tiles_n = 0;
  std::uint32_t m = 0, n = 0, k = 0, batch0 = 0, batch1 = 0;
  abi::Dtype a_type{}, b_type{}, c_type{}, scale_type{};
  abi::ALayout a_layout{};
  abi::BLayout b_layout{};
  abi::InitMode init_mode{};
  abi::ScaleMode scale_mode{};
  std::uint32_t group_log2 = 0;
  std::uint8_t a_vector = 0;  ///< 1: four neighbours that start at a multiple of 4 are aligned.
  std::uint8_t b_vector = 0;
  std::uint8_t c_vector = 0;
  std::uint8_t reserved = 0;
};

/// One input or output of VECTOR.
struct StreamArgs {
  Place place;
  std::uint64_t col_stride = 0;
  std::uint64_t row1_stride = 0;
  std::uint64_t row0_stride = 0;
  abi::Dtype type{};  ///< kNone: absent.
  std::uint8_t saturate = 0;
  std::uint8_t reserved[6] = {};
};

/// VECTOR. A unit is one row, or `part_cols` columns of one in programs without reductions;
/// `lanes` threads work on it.
struct VectorArgs {
  std::uint64_t status = 0;
  StreamArgs stream[7];         ///< Inputs 0..3, outputs 0..2.
  std::uint64_t program = 0;    ///< Words of the micro-program; unused by compiled programs.
  std::uint64_t table[2] = {};  ///< 256 words of 32 bits each.
  std::uint64_t units = 0;
  std::uint64_t parts = 1;  ///< Units a row.
  std::uint32_t part_cols = 0;
  std::uint32_t lanes = 64;  ///< A power of two up to 64; 64 in programs with reductions.
  std::uint32_t cols = 0, rows1 = 0, rows0 = 0;
  std::uint32_t param[4] = {};
  std::uint32_t phases = 0;
  std::uint16_t scalar_begin[8] = {};  ///< First word behind `phase`.
  std::uint16_t vector_begin[8] = {};  ///< First vector operation of the phase.
  std::uint16_t phase_end[8] = {};     ///< Past its last word.
  std::uint8_t reduces[8] = {};        ///< Bit s: the phase reduces into S register s.
  std::uint8_t reduce_op[8][8] = {};   ///< By phase and S register: the MicroOp.
};

/// Sum over the bytes of rows; what another library wrote.
struct ChecksumArgs {
  std::uint64_t status = 0;
  Place data;
  std::uint64_t extent[3] = {1, 1, 1};
  std::uint64_t stride[3] = {};
  std::uint64_t row_bytes = 0;
};

/// Threads of a block, of every kernel.
inline constexpr std::uint32_t kBlockThreads = 256;
/// Blocks past which kernels loop instead: far below the limit of a grid, far above any device.
inline constexpr std::uint64_t kMaxGrid = 1u << 20;

/// Blocks for `units` units of work.
constexpr std::uint32_t grid_for(std::uint64_t units) {
  return static_cast<std::uint32_t>(units < 1 ? 1 : (units > kMaxGrid ? kMaxGrid : units));
}

}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/ucode.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::gpu {
namespace {

constexpr std::uint64_t kWideBytes = 16;

bool is_small(std::uint64_t extent) { return (extent >> 31) == 0; }

/// Widest element, a multiple of `bytes` up to 16, that divides everything in `multiples` and whose
/// share of `extent` is whole. Returns the factor.
std::uint64_t widening(std::uint64_t bytes, std::uint64_t extent, std::uint64_t multiples) {
  for (std::uint64_t factor = kWideBytes / bytes; factor > 1; factor /= 2) {
    if (extent % factor == 0 && multiples % (bytes * factor) == 0) return factor;
  }
  return 1;
}

/// Largest power of two that divides all of a bitwise or.
std::uint64_t stride_bits(std::span<const LoopDim> dims) {
  std::uint64_t bits = 0;
  for (const LoopDim& dim : dims) {
    if (dim.extent != 1) bits |= dim.src | dim.dst;
  }
  return bits;
}

/// Bytes from the first to past the last of `extent` words, `stride` apart; at most 2^64 - 1.
std::uint64_t span_of(std::uint64_t extent, std::uint64_t stride) {
  const auto bytes = static_cast<unsigned __int128>(extent - 1) * stride + 4;
  return static_cast<std::uint64_t>(std::min<unsigned __int128>(bytes, ~std::uint64_t{0}));
}

/// Whether destinations at different positions of one dimension differ, whatever the others are:
/// the dimension lies inside a grain of the others, or outside their span.
bool is_separate(const ScatterArgs& a, int which) {
  const std::uint64_t extent[3] = {a.extent[0], a.limit, a.extent[2]};
  if (extent[which] == 1) return true;
  const std::uint64_t stride = a.dst_stride[which];
  if (stride == 0) return false;
  std::uint64_t grain = 0;
  unsigned __int128 others = 4;
  for (int d = 0; d < 3; ++d) {
    if (d == which || extent[d] == 1) continue;
    grain = std::gcd(grain, a.dst_stride[d]);
    others += static_cast<unsigned __int128>(extent[d] - 1) * a.dst_stride[d];
  }
  return stride >= others || (grain != 0 && span_of(extent[which], stride) <= grain);
}

/// Whether no two (i, l) share destinations: the three strides nest without overlap.
bool all_separate(const ScatterArgs& a) {
  std::array<std::pair<std::uint64_t, std::uint64_t>, 3> dims = {
      {{a.dst_stride[0], a.extent[0]}, {a.dst_stride[1], a.limit}, {a.dst_stride[2], a.extent[2]}}};
  std::sort(dims.begin(), dims.end());
  unsigned __int128 inner = 4;
  for (const auto& [stride, extent] : dims) {
    if (extent == 1) continue;
    if (stride < inner) return false;
    inner += static_cast<unsigned __int128>(extent - 1) * stride;
  }
  return true;
}

bool is_reduction(abi::MicroOp op) {
  return op >= abi::MicroOp::kRsum && op <= abi::MicroOp::kRimax;
}

bool is_scalar_word(const abi::MicroWord& word) {
  if (word.op == abi::MicroOp::kSts) return true;
  if (word.op == abi::MicroOp::kLd || word.op == abi::MicroOp::kSt || is_reduction(word.op)) {
    return false;
  }
  return abi::is_s(word.dst);
}

/// Fills in phases; true if one of them reduces.
bool set_phases(VectorArgs& args, std::span<const std::uint64_t> words) {
  bool reduces = false;
  unsigned phase = 0;
  bool in_scalars = false;
  const auto end_scalars = [&](std::size_t n) {
    if (in_scalars) args.vector_begin[phase] = static_cast<std::uint16_t>(n);
    in_scalars = false;
  };
  for (std::size_t n = 0; n < words.size(); ++n) {
    const abi::MicroWord word = abi::decode(words[n]);
    if (word.op == abi::MicroOp::kPhase) {
      end_scalars(n);
      if (args.phases != 0) args.phase_end[phase] = static_cast<std::uint16_t>(n);
      phase = args.phases++;
      args.scalar_begin[phase] = static_cast<std::uint16_t>(n + 1);
      in_scalars = true;
      continue;
    }
    if (!is_scalar_word(word)) end_scalars(n);
    if (is_reduction(word.op)) {
      const unsigned s = word.dst - abi::kSelectS;
      args.reduces[phase] |= static_cast<std::uint8_t>(1u << s);
      args.reduce_op[phase][s] = static_cast<std::uint8_t>(word.op);
      reduces = true;
    }
  }
  end_scalars(words.size());
  args.phase_end[phase] = static_cast<std::uint16_t>(words.size());
  return reduces;
}

}  // namespace

std::uint64_t product(std::span<const std::uint64_t> extents) {
  unsigned __int128 all = 1;
  for (const std::uint64_t extent : extents) {
    all = std::min<unsigned __int128>(all * extent, ~std::uint64_t{0});
  }
  return static_cast<std::uint64_t>(all);
}

void set_loops(CopyArgs& args, std::array<LoopDim, 4> dims, std::uint64_t bytes,
               std::uint64_t alignment) {
  std::array<LoopDim, 4> merged{};
  std::size_t count = 0;
  for (const LoopDim& dim : dims) {
    if (dim.extent == 1) continue;
    if (count != 0) {
      LoopDim& outer = merged[count - 1];
      if (is_small(outer.extent) && is_small(dim.extent) && outer.src == dim.src * dim.extent &&
          outer.dst == dim.dst * dim.extent) {
        outer = {outer.extent * dim.extent, dim.src, dim.dst};
        continue;
      }
    }
    merged[count++] = dim;
  }
  std::uint64_t factor = 1;
  if (count != 0) {
    LoopDim& inner = merged[count - 1];
    const bool contiguous = inner.dst == bytes && (inner.src == bytes || args.src.at == 0);
    if (contiguous) {
      const auto outer = std::span<const LoopDim>(merged.data(), count - 1);
      factor = widening(bytes, inner.extent, alignment | stride_bits(outer));
      inner = {inner.extent / factor, inner.src * factor, inner.dst * factor};
    }
  }
  args.element = static_cast<std::uint32_t>(bytes * factor);
  for (std::size_t d = 0; d < 4; ++d) {
    const std::size_t skip = 4 - count;
    const LoopDim dim = d < skip ? LoopDim{} : merged[d - skip];
    args.extent[d] = dim.extent;
    args.src_stride[d] = dim.src;
    args.dst_stride[d] = dim.dst;
    args.divisor[d] = make_divisor(dim.extent);
  }
  args.elements = product(args.extent);
  args.narrow = (args.elements >> 32) == 0 ? 1 : 0;
}

GatherArgs gather_args(const abi::GatherPacket& p) {
  GatherArgs out;
  std::uint64_t factor = 1;
  if (p.index_stride2 == 0 && p.src_stride2 == p.elem_bytes && p.dst_stride2 == p.elem_bytes) {
    factor = widening(p.elem_bytes, p.extent2,
                      p.src_addr | p.src_stride0 | p.src_index_stride | p.dst_addr | p.dst_stride0 |
                          p.dst_stride1);
  }
  const std::uint64_t extents[3] = {p.extent0, p.extent1, p.extent2 / factor};
  const std::uint64_t src[3] = {p.src_stride0, p.src_index_stride, p.src_stride2 * factor};
  const std::uint64_t dst[3] = {p.dst_stride0, p.dst_stride1, p.dst_stride2 * factor};
  const std::uint64_t index[3] = {p.index_stride0, p.index_stride1, p.index_stride2};
  for (int d = 0; d < 3; ++d) {
    out.extent[d] = extents[d];
    out.divisor[d] = make_divisor(extents[d]);
    out.src_stride[d] = src[d];
    out.dst_stride[d] = dst[d];
    out.index_stride[d] = index[d];
  }
  out.elements = product(out.extent);
  out.limit = p.limit;
  out.narrow = (out.elements >> 32) == 0 ? 1 : 0;
  out.wide_index = p.index_type == abi::Dtype::kI64 ? 1 : 0;
  out.element = static_cast<std::uint32_t>(p.elem_bytes * factor);
  return out;
}

ScatterArgs scatter_args(const abi::ScatterAddPacket& p, std::uint64_t threads) {
  ScatterArgs out;
  const std::uint64_t extents[3] = {p.extent0, p.extent1, p.extent2};
  const std::uint64_t src[3] = {p.src_stride0, p.src_stride1, p.src_stride2};
  const std::uint64_t dst[3] = {p.dst_stride0, p.dst_index_stride, p.dst_stride2};
  const std::uint64_t index[3] = {p.index_stride0, p.index_stride1, p.index_stride2};
  for (int d = 0; d < 3; ++d) {
    out.extent[d] = extents[d];
    out.src_stride[d] = src[d];
    out.dst_stride[d] = dst[d];
    out.index_stride[d] = index[d];
  }
  out.limit = p.limit;
  out.wide_index = p.index_type == abi::Dtype::kI64 ? 1 : 0;
  out.floats = p.elem_type == abi::Dtype::kF32 ? 1 : 0;
  if (all_separate(out)) {
    out.split_i = out.split_l = 1;
  } else if (is_separate(out, 2)) {
    out.split_l = 1;
  } else if (is_separate(out, 0)) {
    out.split_i = 1;
  }
  const std::uint64_t columns =
      (out.split_i != 0 ? out.extent[0] : 1) * (out.split_l != 0 ? out.extent[2] : 1);
  // Every owner looks at all indices of its column, so there are few where the indices are few.
  const std::uint64_t additions = product(out.extent) / columns;
  constexpr std::uint64_t kAdditionsPerOwner = 8;
  constexpr std::uint32_t kMostParts = 10;
  while (out.parts_log2 < kMostParts && columns << out.parts_log2 < threads &&
         (kAdditionsPerOwner << out.parts_log2) < additions) {
    ++out.parts_log2;
  }
  return out;
}

MatmulArgs matmul_args(const abi::MatmulPacket& p) {
  MatmulArgs out;
  out.a = {0, p.a_row_stride, p.a_batch0_stride, p.a_batch1_stride};
  out.b = {0, p.b_row_stride, p.b_batch0_stride, p.b_batch1_stride};
  out.c = {0, p.c_row_stride, p.c_batch0_stride, p.c_batch1_stride};
  out.b_scale = {0, p.b_scale_row_stride, p.b_scale_batch0_stride, p.b_scale_batch1_stride};
  out.b_min = out.b_scale;
  out.a_scale = {0, 0, p.a_scale_batch0_stride, p.a_scale_batch1_stride};
  out.m = p.m;
  out.n = p.n;
  out.k = p.k;
  out.batch0 = p.batch0;
  out.batch1 = p.batch1;
  out.a_type = p.a_type;
  out.b_type = p.b_type;
  out.c_type = p.c_type;
  out.scale_type = p.scale_type;
  out.a_layout = p.a_layout;
  out.b_layout = p.b_layout;
  out.init_mode = p.init_mode;
  out.scale_mode = p.scale_mode;
  out.group_log2 = p.group_size == 0
                       ? 0
                       : static_cast<std::uint32_t>(std::countr_zero(std::uint32_t{p.group_size}));
  const auto aligned = [](abi::Dtype type, std::uint64_t bits) {
    return static_cast<std::uint8_t>(bits % (4 * abi::dtype_bits(type) / 8) == 0 ? 1 : 0);
  };
  out.a_vector =
      aligned(p.a_type, p.a_addr | p.a_row_stride | p.a_batch0_stride | p.a_batch1_stride);
  out.b_vector =
      aligned(p.b_type, p.b_addr | p.b_row_stride | p.b_batch0_stride | p.b_batch1_stride);
  out.c_vector =
      aligned(p.c_type, p.c_addr | p.c_row_stride | p.c_batch0_stride | p.c_batch1_stride);
  return out;
}

VectorArgs vector_args(const abi::VectorPacket& p, std::span<const std::uint64_t> words,
                       std::uint64_t threads) {
  VectorArgs out;
  for (unsigned i = 0; i < abi::kVectorStreams; ++i) {
    const abi::VectorStream s = abi::vector_stream(p, i);
    out.stream[i].place.addr = s.addr;
    out.stream[i].col_stride = s.col_stride;
    out.stream[i].row1_stride = s.row1_stride;
    out.stream[i].row0_stride = s.row0_stride;
    out.stream[i].type = s.type;
    if (i >= abi::kVectorInputs) {
      out.stream[i].saturate = (p.saturate >> (i - abi::kVectorInputs)) & 1;
    }
  }
  out.cols = p.cols;
  out.rows1 = p.rows1;
  out.rows0 = p.rows0;
  const std::uint32_t params[4] = {p.param0, p.param1, p.param2, p.param3};
  std::copy_n(params, 4, out.param);
  const bool reduces = set_phases(out, words);
  const std::uint64_t rows = std::uint64_t{p.rows0} * p.rows1;
  out.part_cols = p.cols;
  if (!reduces) {
    out.lanes = std::min<std::uint32_t>(64, std::bit_ceil(std::min<std::uint32_t>(p.cols, 64)));
    // Several columns a thread save work on units, but not where threads would be idle.
    std::uint64_t each = 8;
    while (each > 1 && rows * std::uint64_t{p.cols} / each < threads) each /= 2;
    out.part_cols = static_cast<std::uint32_t>(std::min<std::uint64_t>(p.cols, out.lanes * each));
    out.parts = (p.cols + std::uint64_t{out.part_cols} - 1) / out.part_cols;
  }
  const std::uint64_t units[2] = {rows, out.parts};
  out.units = product(units);
  return out;
}

}  // namespace tandem::gpu

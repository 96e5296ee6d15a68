// SPDX-License-Identifier: Apache-2.0
// Valid packets to start from.
#pragma once

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::abi {

inline constexpr DeviceLimits kLimits{.ucode_words = 4096, .loaded_ucode_words = 100};

/// C[3, 5] = A[3, 7] * B[7, 5] in f32, two times two batches.
inline MatmulPacket sample_matmul() {
  MatmulPacket p;
  p.seq = 17;
  p.m = 3, p.n = 5, p.k = 7, p.batch0 = 2, p.batch1 = 2;
  p.a_type = p.b_type = p.c_type = Dtype::kF32;
  p.a_addr = 0x10000, p.b_addr = 0x20000, p.c_addr = 0x30000;
  p.a_row_stride = 28, p.a_batch1_stride = 84, p.a_batch0_stride = 168;
  p.b_row_stride = 20;
  p.c_row_stride = 20, p.c_batch1_stride = 60, p.c_batch0_stride = 120;
  return p;
}

/// u4 weights in groups of 32 along k, B as [N, K].
inline MatmulPacket sample_group() {
  MatmulPacket p = sample_matmul();
  p.k = 65;
  p.a_row_stride = 260;
  p.b_type = Dtype::kU4;
  p.b_layout = BLayout::kNk;
  p.b_row_stride = 33;
  p.scale_mode = ScaleMode::kGroup;
  p.scale_type = Dtype::kF16;
  p.group_size = 32;
  p.b_scale_addr = 0x40000, p.b_min_addr = 0x50000;
  p.b_scale_row_stride = 6;
  return p;
}

/// i8 x i8 with row and column scales to bf16.
inline MatmulPacket sample_row_col() {
  MatmulPacket p = sample_matmul();
  p.a_type = p.b_type = Dtype::kI8;
  p.c_type = Dtype::kBF16;
  p.scale_mode = ScaleMode::kRowCol;
  p.scale_type = Dtype::kF32;
  p.b_scale_addr = 0x40000, p.a_scale_addr = 0x50000;
  p.a_scale_batch1_stride = 12;
  return p;
}

/// 4 x 3 rows of 10 columns: in0 f32 and in1 f16 to out0 bf16 and one e4m3 scalar a row in out1.
inline VectorPacket sample_vector() {
  VectorPacket p;
  p.seq = 18;
  p.cols = 10, p.rows1 = 3, p.rows0 = 4;
  p.ucode_start = 8, p.ucode_words = 4;
  p.in0_type = Dtype::kF32, p.in1_type = Dtype::kF16;
  p.out0_type = Dtype::kBF16, p.out1_type = Dtype::kE4M3;
  p.out_scalar = 2, p.saturate = 2;
  p.in0_col_stride = 4, p.in1_col_stride = 2, p.out0_col_stride = 2;
  p.in0_addr = 0x10000, p.in0_row1_stride = 40, p.in0_row0_stride = 120;
  p.in1_addr = 0x20000;
  p.out0_addr = 0x30000, p.out0_row1_stride = 20, p.out0_row0_stride = 60;
  p.out1_addr = 0x40000, p.out1_row1_stride = 1, p.out1_row0_stride = 3;
  return p;
}

inline CopyPacket sample_copy() {
  CopyPacket p;
  p.extent0 = 2, p.extent1 = 3, p.extent2 = 4, p.extent3 = 5;
  p.elem_bytes = 2;
  p.src_addr = 0x10000, p.dst_addr = 0x20000;
  p.src_stride0 = 120, p.src_stride1 = 40, p.src_stride2 = 10, p.src_stride3 = 2;
  p.dst_stride0 = 2, p.dst_stride1 = 4, p.dst_stride2 = 12, p.dst_stride3 = 48;
  return p;
}

inline FillPacket sample_fill() {
  FillPacket p;
  p.extent0 = p.extent1 = p.extent2 = 1, p.extent3 = 16;
  p.elem_bytes = 2;
  p.value = 0xffff;
  p.dst_addr = 0x10000, p.dst_stride3 = 2;
  return p;
}

inline GatherPacket sample_gather() {
  GatherPacket p;
  p.extent0 = 1, p.extent1 = 6, p.extent2 = 8, p.limit = 100;
  p.elem_bytes = 4;
  p.index_type = Dtype::kI64;
  p.src_addr = 0x10000, p.src_index_stride = 32, p.src_stride2 = 4;
  p.dst_addr = 0x20000, p.dst_stride1 = 32, p.dst_stride2 = 4;
  p.index_addr = 0x30000, p.index_stride1 = 8;
  return p;
}

inline ScatterAddPacket sample_scatter() {
  ScatterAddPacket p;
  p.extent0 = 1, p.extent1 = 6, p.extent2 = 8, p.limit = 100;
  p.elem_type = Dtype::kF32;
  p.index_type = Dtype::kI32;
  p.src_addr = 0x10000, p.src_stride1 = 32, p.src_stride2 = 4;
  p.dst_addr = 0x20000, p.dst_index_stride = 32, p.dst_stride2 = 4;
  p.index_addr = 0x30000, p.index_stride1 = 4;
  return p;
}

inline SignalPacket sample_signal() {
  SignalPacket p;
  p.elem_bytes = 4;
  p.addr = 0x10004;
  p.value = 0xffffffff;
  return p;
}

inline WaitPacket sample_wait() {
  WaitPacket p;
  p.addr = 0x10004;
  p.mask = 0xff;
  p.value = 1;
  p.cycle_limit = 1000;
  return p;
}

inline LoadUcodePacket sample_load_ucode() {
  LoadUcodePacket p;
  p.words = 20;
  p.dst_word = 100;
  p.src_addr = 0x10008;
  return p;
}

}  // namespace tandem::abi

// SPDX-License-Identifier: Apache-2.0
#include "matmul_call.hpp"

#include <fmt/format.h>

#include "checks.hpp"
#include "loops.hpp"
#include "tandem/ops/cast.hpp"
#include "tandem/ops/move.hpp"

namespace tandem::ops {
namespace {

/// Operands in Loops.
enum : std::size_t { kA, kB, kC, kScale };

Tensor dense_copy(Context& ctx, const Tensor& x) {
  const Tensor dense = ctx.scratch_tensor(x.dtype, shape_of(x));
  copy(ctx, x, dense);
  return dense;
}

/// Whether elements along `axis` are adjacent.
bool adjacent(const Tensor& x, int axis) {
  return x.shape[axis] <= 1 || x.stride[axis] == x.elem_bytes();
}

/// Distance between rows; some multiple of the element size where there is one row only.
std::uint64_t row_stride(const Tensor& x, int axis) {
  return x.shape[axis] <= 1 ? x.elem_bytes() : x.stride[axis];
}

/// Broadcast batch axes need not be copied with the matrix.
Tensor without_broadcast(const Tensor& x) {
  Tensor small = x;
  for (int i = 0; i + 2 < x.rank; ++i) {
    if (x.stride[i] == 0) small.shape[i] = 1;
  }
  return small;
}

void set_weight(abi::MatmulPacket& packet, const Weight& weight) {
  packet.b_type = weight.dtype;
  packet.b_layout = weight.layout;
  packet.b_addr = weight.addr.value;
  packet.b_row_stride = weight.row_stride;
  if (weight.group_size == 0) return;
  packet.scale_mode = abi::ScaleMode::kGroup;
  packet.scale_type = weight.scale_dtype;
  packet.group_size = static_cast<std::uint16_t>(weight.group_size);
  packet.b_scale_addr = weight.scale_addr.value;
  packet.b_min_addr = weight.min_addr.value;
  packet.b_scale_row_stride = weight.scale_row_stride;
}

}  // namespace

void MatmulCall::run() {
  const int rank = y.rank;
  const int rows = rank - 2, cols = rank - 1;
  // What the packet cannot address goes through scratch.
  if (!adjacent(a, cols) && !adjacent(a, rows)) {
    a = check_broadcast(op, "a", dense_copy(ctx, without_broadcast(a)), shape_of(a));
  }
  if (weight == nullptr && !adjacent(b, cols) && !adjacent(b, rows)) {
    b = check_broadcast(op, "b", dense_copy(ctx, without_broadcast(b)), shape_of(b));
  }
  check_apart(op, "a", a, "y", y);
  if (weight == nullptr) check_apart(op, "b", b, "y", y);
  const bool integer = a.dtype == Dtype::kI8 && !a_scale;
  const bool narrow = y.dtype == Dtype::kE4M3 || y.dtype == Dtype::kE5M2;
  Tensor c = y;
  if (narrow || !adjacent(y, cols)) {
    c = ctx.scratch_tensor(integer ? Dtype::kI32 : narrow ? Dtype::kF32 : y.dtype, shape_of(y));
    if (init == abi::InitMode::kAccumulate) cast(ctx, y, c);
  }

  abi::MatmulPacket packet;
  packet.a_type = a.dtype;
  packet.c_type = c.dtype;
  const bool a_is_rows = adjacent(a, cols);
  packet.a_layout = a_is_rows ? abi::ALayout::kRows : abi::ALayout::kCols;
  packet.a_row_stride = row_stride(a, a_is_rows ? rows : cols);
  if (weight != nullptr) {
    set_weight(packet, *weight);
  } else {
    packet.b_type = b.dtype;
    const bool b_is_kn = adjacent(b, cols);
    packet.b_layout = b_is_kn ? abi::BLayout::kKn : abi::BLayout::kNk;
    packet.b_row_stride = row_stride(b, b_is_kn ? rows : cols);
  }
  packet.init_mode = init;
  packet.bias_addr = bias.value;
  if (a_scale) {
    packet.scale_mode = abi::ScaleMode::kRowCol;
    packet.scale_type = Dtype::kF32;
    packet.b_scale_addr = b_scale.value;
  }
  packet.c_row_stride = row_stride(c, rows);
  packet.k = static_cast<std::uint32_t>(a.shape[cols]);
  packet.n = static_cast<std::uint32_t>(c.shape[cols]);

  Loops<4> loops;
  for (int i = 0; i < rows; ++i) {
    loops.add(y.shape[i], {a.stride[i], weight == nullptr ? b.stride[i] : 0, c.stride[i],
                           a_scale ? a_scale->stride[i] : 0});
  }
  std::uint64_t m = a.shape[rows];
  int kept = 2;
  // Batches of one B are more rows where the rows of A and C go on at the same distance.
  const auto inner = loops.inner(0);
  const bool folds = loops.count() > 0 && inner.stride[kB] == 0 && a_is_rows &&
                     (m == 1 || (inner.stride[kA] == m * packet.a_row_stride &&
                                 inner.stride[kC] == m * packet.c_row_stride)) &&
                     (!a_scale || inner.stride[kScale] == m * 4) &&
                     m * inner.extent <= Loops<4>::kMaxExtent;
  if (folds) {
    if (m == 1) {
      packet.a_row_stride = inner.stride[kA];
      packet.c_row_stride = inner.stride[kC];
    }
    m *= inner.extent;
    kept = 3;
  }
  const auto batch1 = loops.inner(folds ? 1 : 0), batch0 = loops.inner(folds ? 2 : 1);
  packet.m = static_cast<std::uint32_t>(m);
  packet.batch0 = static_cast<std::uint32_t>(batch0.extent);
  packet.batch1 = static_cast<std::uint32_t>(batch1.extent);
  packet.a_batch0_stride = batch0.stride[kA];
  packet.a_batch1_stride = batch1.stride[kA];
  packet.b_batch0_stride = batch0.stride[kB];
  packet.b_batch1_stride = batch1.stride[kB];
  packet.c_batch0_stride = batch0.stride[kC];
  packet.c_batch1_stride = batch1.stride[kC];
  if (a_scale) {
    packet.a_scale_batch0_stride = batch0.stride[kScale];
    packet.a_scale_batch1_stride = batch1.stride[kScale];
  }
  loops.for_each_outer(kept, [&](const Loops<4>::Offsets& offset) {
    packet.a_addr = a.addr.value + offset[kA];
    if (weight == nullptr) packet.b_addr = b.addr.value + offset[kB];
    packet.c_addr = c.addr.value + offset[kC];
    if (a_scale) packet.a_scale_addr = a_scale->addr.value + offset[kScale];
    ctx.submit(packet);
  });
  if (c.addr != y.addr) cast(ctx, c, y);
}

}  // namespace tandem::ops

// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/index.hpp"

#include <fmt/format.h>

#include "checks.hpp"
#include "loops.hpp"
#include "tandem/ops/cast.hpp"
#include "tandem/ops/move.hpp"

namespace tandem::ops {
namespace {

/// Operands of GATHER and SCATTER_ADD in Loops: the indexed one, the dense one, the indices.
enum : std::size_t { kIndexed, kDense, kIndex };

/// How an indexed access runs: axes before the indexed one, the axis, axes behind it.
struct IndexedAccess {
  Loops<3> before, behind;
  std::uint64_t extent = 0;  ///< Of the axis in the dense operand.
  std::uint64_t limit = 0;   ///< Of the axis in the indexed operand.
  std::uint64_t indexed_stride = 0, dense_stride = 0, index_stride = 0;
};

/// `index` has the dense operand's shape (broadcast axes: stride 0).
IndexedAccess access_of(const Tensor& indexed, const Tensor& dense, const Tensor& index, int axis) {
  IndexedAccess result;
  for (int i = 0; i < dense.rank; ++i) {
    if (i == axis) continue;
    (i < axis ? result.before : result.behind)
        .add(dense.shape[i], {indexed.stride[i], dense.stride[i], index.stride[i]});
  }
  result.extent = dense.shape[axis];
  result.limit = indexed.shape[axis];
  result.indexed_stride = indexed.stride[axis];
  result.dense_stride = dense.stride[axis];
  result.index_stride = index.stride[axis];
  return result;
}

/// Calls submit(offsets) for what does not fit into one packet.
template <class Submit>
void for_each_packet(const IndexedAccess& access, Submit&& submit) {
  access.before.for_each_outer(1, [&](const Loops<3>::Offsets& outer) {
    access.behind.for_each_outer(1, [&](const Loops<3>::Offsets& inner) {
      submit({outer[0] + inner[0], outer[1] + inner[1], outer[2] + inner[2]});
    });
  });
}

void check_limit(std::string_view op, const Tensor& x, std::uint64_t limit) {
  if (limit == 0 || limit > 0xFFFFFFFFu) {
    fail_argument(op, "x", "1 to 2^32 - 1 elements on the indexed axis", x.describe());
  }
}

void submit_gather(Context& ctx, const Tensor& x, const Tensor& y, const Tensor& index, int axis) {
  const IndexedAccess access = access_of(x, y, index, axis);
  const auto outer = access.before.inner(0), inner = access.behind.inner(0);
  abi::GatherPacket packet;
  packet.extent0 = static_cast<std::uint32_t>(outer.extent);
  packet.extent1 = static_cast<std::uint32_t>(access.extent);
  packet.extent2 = static_cast<std::uint32_t>(inner.extent);
  packet.limit = static_cast<std::uint32_t>(access.limit);
  packet.elem_bytes = static_cast<std::uint8_t>(y.elem_bytes());
  packet.index_type = index.dtype;
  packet.src_stride0 = outer.stride[kIndexed];
  packet.src_index_stride = access.indexed_stride;
  packet.src_stride2 = inner.stride[kIndexed];
  packet.dst_stride0 = outer.stride[kDense];
  packet.dst_stride1 = access.dense_stride;
  packet.dst_stride2 = inner.stride[kDense];
  packet.index_stride0 = outer.stride[kIndex];
  packet.index_stride1 = access.index_stride;
  packet.index_stride2 = inner.stride[kIndex];
  for_each_packet(access, [&](const Loops<3>::Offsets& offset) {
    packet.src_addr = x.addr.value + offset[kIndexed];
    packet.dst_addr = y.addr.value + offset[kDense];
    packet.index_addr = index.addr.value + offset[kIndex];
    ctx.submit(packet);
  });
}

void submit_scatter_add(Context& ctx, const Tensor& src, const Tensor& y, const Tensor& index,
                        int axis) {
  const IndexedAccess access = access_of(y, src, index, axis);
  const auto outer = access.before.inner(0), inner = access.behind.inner(0);
  abi::ScatterAddPacket packet;
  packet.extent0 = static_cast<std::uint32_t>(outer.extent);
  packet.extent1 = static_cast<std::uint32_t>(access.extent);
  packet.extent2 = static_cast<std::uint32_t>(inner.extent);
  packet.limit = static_cast<std::uint32_t>(access.limit);
  packet.elem_type = y.dtype;
  packet.index_type = index.dtype;
  packet.src_stride0 = outer.stride[kDense];
  packet.src_stride1 = access.dense_stride;
  packet.src_stride2 = inner.stride[kDense];
  packet.dst_stride0 = outer.stride[kIndexed];
  packet.dst_index_stride = access.indexed_stride;
  packet.dst_stride2 = inner.stride[kIndexed];
  packet.index_stride0 = outer.stride[kIndex];
  packet.index_stride1 = access.index_stride;
  packet.index_stride2 = inner.stride[kIndex];
  for_each_packet(access, [&](const Loops<3>::Offsets& offset) {
    packet.src_addr = src.addr.value + offset[kDense];
    packet.dst_addr = y.addr.value + offset[kIndexed];
    packet.index_addr = index.addr.value + offset[kIndex];
    ctx.submit(packet);
  });
}

/// A vector of indices along `axis`, broadcast over the other axes of `like`.
Tensor along_axis(const Tensor& index, const Tensor& like, int axis) {
  Tensor result = like;
  result.addr = index.addr;
  result.dtype = index.dtype;
  result.stride = {};
  result.stride[axis] = index.stride[0];
  return result;
}

/// Shared by index_add and scatter_add; `index` has src's shape.
void add_at_indices(Context& ctx, std::string_view op, const Tensor& x, int axis,
                    const Tensor& index, const Tensor& src, const Tensor& y) {
  check_shape(op, "y", y, shape_of(x));
  check_same_dtype(op, "src", src, "x", x);
  const bool integer = x.dtype == Dtype::kI32;
  if (!integer) check_float(op, "x", x);
  if (integer || x.dtype == Dtype::kF32) {
    check_same_dtype(op, "y", y, "x", x);
  } else if (y.dtype != Dtype::kF32) {
    check_same_dtype(op, "y", y, "x", x);
  }
  if (y.numel() == 0) return;
  check_limit(op, x, x.shape[axis]);
  check_apart(op, "src", src, "y", y);
  check_apart(op, "index", index, "y", y);
  const Dtype wide = integer ? Dtype::kI32 : Dtype::kF32;
  const Tensor sum = y.dtype == wide ? y : ctx.scratch_tensor(wide, shape_of(y));
  const bool in_place = sum.addr == x.addr && x.dtype == wide && sum.stride == x.stride;
  if (!in_place) cast(ctx, x, sum);
  if (src.numel() != 0) {
    Tensor addends = src;
    if (src.dtype != wide) {
      addends = ctx.scratch_tensor(wide, shape_of(src));
      cast(ctx, src, addends);
    }
    submit_scatter_add(ctx, addends, sum, index, axis);
  }
  if (y.dtype != wide) cast(ctx, sum, y);
}

}  // namespace

void index_select(Context& ctx, const Tensor& x, int axis, const Tensor& index, const Tensor& y) {
  OpGuard guard(ctx, "index_select", {&x, &index, &y});
  const int at = check_axis("index_select", axis, x);
  check_rank("index_select", "index", index, 1);
  check_index_type("index_select", "index", index);
  check_same_dtype("index_select", "y", y, "x", x);
  Tensor expected = x;
  expected.shape[at] = index.shape[0];
  check_shape("index_select", "y", y, shape_of(expected));
  if (y.numel() == 0) return;
  check_limit("index_select", x, x.shape[at]);
  check_apart("index_select", "x", x, "y", y);
  check_apart("index_select", "index", index, "y", y);
  submit_gather(ctx, x, y, along_axis(index, y, at), at);
}

void gather(Context& ctx, const Tensor& x, int axis, const Tensor& index, const Tensor& y) {
  OpGuard guard(ctx, "gather", {&x, &index, &y});
  const int at = check_axis("gather", axis, x);
  check_index_type("gather", "index", index);
  check_same_dtype("gather", "y", y, "x", x);
  check_rank("gather", "index", index, x.rank);
  check_shape("gather", "y", y, shape_of(index));
  for (int i = 0; i < x.rank; ++i) {
    if (i != at && index.shape[i] > x.shape[i]) {
      fail_argument(
          "gather", "index",
          fmt::format("at most {} elements on axis {} as x {}", x.shape[i], i, x.describe()),
          index.describe());
    }
  }
  if (y.numel() == 0) return;
  check_limit("gather", x, x.shape[at]);
  check_apart("gather", "x", x, "y", y);
  check_apart("gather", "index", index, "y", y);
  submit_gather(ctx, x, y, index, at);
}

void index_add(Context& ctx, const Tensor& x, int axis, const Tensor& index, const Tensor& src,
               const Tensor& y) {
  OpGuard guard(ctx, "index_add", {&x, &index, &src, &y});
  const int at = check_axis("index_add", axis, x);
  check_rank("index_add", "index", index, 1);
  check_index_type("index_add", "index", index);
  Tensor expected = x;
  expected.shape[at] = index.shape[0];
  check_shape("index_add", "src", src, shape_of(expected));
  add_at_indices(ctx, "index_add", x, at, along_axis(index, src, at), src, y);
}

void scatter_add(Context& ctx, const Tensor& x, int axis, const Tensor& index, const Tensor& src,
                 const Tensor& y) {
  OpGuard guard(ctx, "scatter_add", {&x, &index, &src, &y});
  const int at = check_axis("scatter_add", axis, x);
  check_index_type("scatter_add", "index", index);
  check_rank("scatter_add", "index", index, x.rank);
  check_shape("scatter_add", "src", src, shape_of(index));
  for (int i = 0; i < x.rank; ++i) {
    if (i != at && index.shape[i] > x.shape[i]) {
      fail_argument(
          "scatter_add", "index",
          fmt::format("at most {} elements on axis {} as x {}", x.shape[i], i, x.describe()),
          index.describe());
    }
  }
  add_at_indices(ctx, "scatter_add", x, at, index, src, y);
}

}  // namespace tandem::ops

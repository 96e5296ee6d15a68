// SPDX-License-Identifier: Apache-2.0
#include "row_view.hpp"

#include <algorithm>
#include <vector>

#include "tandem/ops/move.hpp"
#include "vector_call.hpp"

namespace tandem::ops {
namespace {

/// Axes other than `last` in order, then `last`.
std::vector<int> order_of(const Tensor& x, std::span<const int> last) {
  std::vector<int> order;
  for (int i = 0; i < x.rank; ++i) {
    if (std::ranges::find(last, i) == last.end()) order.push_back(i);
  }
  order.insert(order.end(), last.begin(), last.end());
  return order;
}

/// The last `count` axes merged into one; false if they have no common stride.
bool merge_last(Tensor& x, int count) {
  std::uint64_t extent = 1, stride = x.elem_bytes();
  for (int i = x.rank - 1; i >= x.rank - count; --i) {
    if (x.shape[i] != 1) {
      if (extent != 1 && x.stride[i] != stride * extent) return false;
      if (extent == 1) stride = x.stride[i];
    }
    extent *= x.shape[i];
  }
  if (extent > 1 && stride > kMaxColStride) return false;
  for (int i = x.rank - count; i < x.rank; ++i) x.shape[i] = x.stride[i] = 0;
  x.rank -= count;
  x.shape[x.rank] = extent;
  x.stride[x.rank] = extent > 1 ? stride : x.elem_bytes();
  ++x.rank;
  return true;
}

}  // namespace

Tensor as_rows(Context& ctx, const Tensor& x, std::span<const int> reduced) {
  const std::vector<int> order = order_of(x, reduced);
  Tensor view = x.permute(order);
  const int count = static_cast<int>(reduced.size());
  Tensor merged = view;
  if (view.rank - count + 1 <= kMaxRank && merge_last(merged, count)) return merged;
  Tensor dense =
      ctx.scratch_tensor(x.dtype, {view.shape.data(), static_cast<std::size_t>(view.rank)});
  copy(ctx, view, dense);
  merge_last(dense, count);
  return dense;
}

AxisView axis_last(Context& ctx, const Tensor& x, int axis, bool copy_in) {
  const int last[] = {axis};
  const Tensor view = x.permute(order_of(x, last));
  if (view.stride[view.rank - 1] <= kMaxColStride || view.shape[view.rank - 1] <= 1) {
    return {view, false};
  }
  const Tensor dense =
      ctx.scratch_tensor(x.dtype, {view.shape.data(), static_cast<std::size_t>(view.rank)});
  if (copy_in) copy(ctx, view, dense);
  return {dense, true};
}

}  // namespace tandem::ops

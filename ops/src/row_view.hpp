// SPDX-License-Identifier: Apache-2.0
// Tensors as rows whose columns are given axes, copied to scratch where the layout cannot be read
// in place.
#pragma once

#include <span>
#include <string_view>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

/// x as [kept axes..., cols]: the reduced axes (ascending, distinct) merged into one last axis that
/// a VECTOR packet can read, through a COPY into scratch where their layout has no single stride.
Tensor as_rows(Context& ctx, const Tensor& x, std::span<const int> reduced);

/// x with `axis` moved to the end if its stride fits a VECTOR packet; else a scratch tensor of that
/// shape, and true.
struct AxisView {
  Tensor view;
  bool in_scratch = false;
};
AxisView axis_last(Context& ctx, const Tensor& x, int axis, bool copy_in);

}  // namespace tandem::ops

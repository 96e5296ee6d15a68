// SPDX-License-Identifier: Apache-2.0
// Reductions over any axes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

enum class ReduceOp : std::uint8_t { kSum, kMean, kMax, kMin, kArgmax, kArgmin };

/// "sum", "argmax" ...; nullopt for an unknown name.
std::optional<ReduceOp> reduce_op(std::string_view name);
std::string_view to_string(ReduceOp op);

/// y = op over `axes` of x (all axes if empty), elements taken row-major ascending: partial i mod
/// 64, then the tree. y has the reduced axes dropped or kept as 1.
///
/// x: f32 bf16 f16 e4m3 e5m2 (fp32 arithmetic); sum, max, min, argmax, argmin also i8 u8 i32
/// (modulo 2^32). y: a float type for floats, i32 or i64 for integers and for argmax, argmin (index
/// within the reduced elements). NaN wins max and min; argmax and argmin give the first NaN, else
/// the first of equal values. The sum of nothing is +0; the others of nothing are an error. One
/// packet where the reduced axes can be read as columns, else a COPY before it.
void reduce(Context& ctx, ReduceOp op, const Tensor& x, std::span<const int> axes, const Tensor& y);

inline void argmax(Context& ctx, const Tensor& x, int axis, const Tensor& y) {
  reduce(ctx, ReduceOp::kArgmax, x, {&axis, 1}, y);
}
inline void argmin(Context& ctx, const Tensor& x, int axis, const Tensor& y) {
  reduce(ctx, ReduceOp::kArgmin, x, {&axis, 1}, y);
}

}  // namespace tandem::ops

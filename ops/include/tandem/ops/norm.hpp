// SPDX-License-Identifier: Apache-2.0
// Softmax and normalisations: one packet each, fp32 inside.
#pragma once

#include <optional>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

// Inputs and outputs: f32, bf16, f16, e4m3, e5m2, independently. y must not overlap x.

/// Along `axis`. A row of only -infinity gives NaN.
void softmax(Context& ctx, const Tensor& x, int axis, const Tensor& y);
void log_softmax(Context& ctx, const Tensor& x, int axis, const Tensor& y);

/// y = x * rsqrt(mean(x^2) + eps) * (weight + weight_offset) over the last axis; weight [dim].
void rmsnorm(Context& ctx, const Tensor& x, const Tensor& weight, float eps, float weight_offset,
             const Tensor& y);

/// sum = x + delta; y = rmsnorm(sum). One packet; sum must be another buffer than x and delta.
void add_rmsnorm(Context& ctx, const Tensor& x, const Tensor& delta, const Tensor& weight,
                 float eps, float weight_offset, const Tensor& sum, const Tensor& y);

/// y = (x - mean) * rsqrt(var + eps) * weight + bias over the last axis; var is the mean of (x -
/// mean)^2 (two passes).
void layernorm(Context& ctx, const Tensor& x, const Tensor& weight,
               const std::optional<Tensor>& bias, float eps, const Tensor& y);

}  // namespace tandem::ops

// SPDX-License-Identifier: Apache-2.0
// Ops that move bits: fill, strided copies.
#pragma once

#include <span>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

// x and y have one type (any but u4) and may have any strides; y must not overlap x. One packet
// while the layout has at most four extents that cannot be merged, else one for every index of the
// outer ones.

/// y = value converted as `cast` from f32 (integers: exact for what the type holds).
void fill(Context& ctx, const Tensor& y, double value);
/// Every element of y gets these bits; bits above the element size must be zero.
void fill_bits(Context& ctx, const Tensor& y, std::uint64_t bits);
/// y = x broadcast to y's shape.
void copy(Context& ctx, const Tensor& x, const Tensor& y);
void transpose(Context& ctx, const Tensor& x, int axis0, int axis1, const Tensor& y);
void permute(Context& ctx, const Tensor& x, std::span<const int> dims, const Tensor& y);
/// Elements start, start + step ... below stop of an axis.
void slice(Context& ctx, const Tensor& x, int axis, std::uint64_t start, std::uint64_t stop,
           std::uint64_t step, const Tensor& y);
/// Inputs side by side along an axis; a packet an input.
void concat(Context& ctx, std::span<const Tensor> x, int axis, const Tensor& y);
/// x [batch, kv_heads, seq, dim] -> y [batch, kv_heads * repeats, seq, dim], each head `repeats`
/// times in a row.
void repeat_kv(Context& ctx, const Tensor& x, std::uint64_t repeats, const Tensor& y);
void broadcast_to(Context& ctx, const Tensor& x, const Tensor& y);
/// The same elements in row-major order; x and y may be strided.
void reshape(Context& ctx, const Tensor& x, const Tensor& y);

}  // namespace tandem::ops

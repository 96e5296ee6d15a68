// SPDX-License-Identifier: Apache-2.0
// Ops that read or add at indices held in device memory.
#pragma once

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

// Indices are i32 or i64. One that is negative or too large stops the packet with BAD_INDEX, which
// the next wait throws.

/// y[.., j, ..] = x[.., index[j], ..] on `axis`; index [n]; bits moved, any type but u4.
void index_select(Context& ctx, const Tensor& x, int axis, const Tensor& index, const Tensor& y);

/// y[.., j, ..] = x[.., index[.., j, ..], ..]: index and y have one shape, no larger than x off the
/// axis.
void gather(Context& ctx, const Tensor& x, int axis, const Tensor& index, const Tensor& y);

/// y = x; y[.., index[j], ..] += src[.., j, ..]. Additions run in ascending j. Types: f32, i32 in
/// place; bf16, f16, e4m3, e5m2 through fp32 scratch, rounded once at the end (y may also be f32).
/// y may be exactly x.
void index_add(Context& ctx, const Tensor& x, int axis, const Tensor& index, const Tensor& src,
               const Tensor& y);

/// y = x; y[.., index[.., j, ..], ..] += src[.., j, ..]: index and src have one shape. Types as
/// above.
void scatter_add(Context& ctx, const Tensor& x, int axis, const Tensor& index, const Tensor& src,
                 const Tensor& y);

/// y[.., :] = table[ids[..], :]; ids i32 or i64 of any shape. table [vocab, dim]: bits moved where
/// y has its type, else converted.
void embedding(Context& ctx, const Tensor& table, const Tensor& ids, const Tensor& y);

/// The same from a loaded weight [vocab = n, dim = k] in any layout, also group-quantised
/// (fma(scale, q, min) in fp32): a tied output head needs no second copy. y: f32, bf16, f16 or the
/// weight's type.
void embedding(Context& ctx, const Weight& table, const Tensor& ids, const Tensor& y);

}  // namespace tandem::ops

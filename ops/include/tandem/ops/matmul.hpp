// SPDX-License-Identifier: Apache-2.0
// Matrix products on the matrix engine.
#pragma once

#include <optional>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

struct MatmulOptions {
  bool transpose_a = false;  ///< a is [..., k, m].
  bool transpose_b = false;  ///< b is [..., n, k].
  /// [n], added as the initial value of the chain: f32 (other floats are widened first), i32 for i8
  /// x i8.
  std::optional<Tensor> bias;
  /// The initial value of the chain is the old y. Excludes bias.
  bool accumulate = false;
};

/// y[..., m, n] = init + sum over k ascending of a[..., m, k] * b[..., k, n].
///
/// a, b: f32, bf16, f16, e4m3, e5m2 in any mix (operands rounded to E8M10, fp32 chain), or both i8
/// (i32 modulo 2^32). y: f32, bf16, f16, e4m3, e5m2 for floats; i32 for i8. Leading dimensions
/// broadcast as in NumPy. Any strides: what MATMUL cannot read in place is copied to scratch. k = 0
/// gives the initial value. Errors: kInvalidArgument naming op, argument, expected and found.
void matmul(Context& ctx, const Tensor& a, const Tensor& b, const Tensor& y,
            const MatmulOptions& options = {});

/// y[..., n] = x[..., k] * w[n, k]^T with a loaded weight in any layout, one packet where x and y
/// are plain rows. Options: bias and accumulate as above; transpose_* must be false.
void linear(Context& ctx, const Tensor& x, const Weight& w, const Tensor& y,
            const MatmulOptions& options = {});

/// y[m, n] = (i32 sum) * a_scale[m] * w_scale[n], products rounded in that order. a i8 [..., m, k],
/// w i8 [n, k], scales f32; bias i32 [n], added before scaling. y: f32, bf16 or f16.
void matmul_w8a8(Context& ctx, const Tensor& a, const Tensor& a_scale, const Tensor& w,
                 const Tensor& w_scale, const Tensor& y,
                 const std::optional<Tensor>& bias = std::nullopt);

/// y = a * W^T, W[n, k] = fma(scale, q, min) in groups of `group_size` (16, 32, 64, 128) along k,
/// then E8M10. q: i8 [n, k], or u8 [n, ceil(k/2)] holding two unsigned 4-bit values a byte, even k
/// low. scale, min: both f16 or both f32 [n, ceil(k/group_size)]; without min it is +0. a: a float
/// type [..., m, k].
void matmul_group_quantised(Context& ctx, const Tensor& a, const Tensor& q, const Tensor& scale,
                            const std::optional<Tensor>& min, std::uint32_t group_size,
                            const Tensor& y, const MatmulOptions& options = {});

}  // namespace tandem::ops

// SPDX-License-Identifier: Apache-2.0
// Elementwise functions of one tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

enum class UnaryOp : std::uint8_t {
  kCopy,
  kNeg,
  kRecip,
  kExp,
  kLog,
  kSin,
  kCos,
  kAbs,
  kSqr,
  kSqrt,
  kRsqrt,
  kGelu,
  kGeluTanh,
  kRelu,
  kElu,
  kSilu,
  kTanh,
  kSigmoid,
};

/// "exp", "gelu_tanh" ...; nullopt for an unknown name.
std::optional<UnaryOp> unary_op(std::string_view name);
std::string_view to_string(UnaryOp op);

/// y = op(x), one packet. x and y: any of f32, bf16, f16, e4m3, e5m2, independently (computed in
/// fp32); copy, neg and abs of equal types move bits, copy of any type. x broadcasts to y. y may be
/// exactly x. `alpha` is elu's factor. Errors: kInvalidArgument naming op, argument, expected and
/// found.
void unary(Context& ctx, UnaryOp op, const Tensor& x, const Tensor& y, float alpha = 1.0f);

/// y = fma(x, mul, add).
void affine(Context& ctx, const Tensor& x, float mul, float add, const Tensor& y);

/// y = silu(gate) * up, one packet; likewise gelu_tanh and gelu.
void silu_mul(Context& ctx, const Tensor& gate, const Tensor& up, const Tensor& y);
void gelu_tanh_mul(Context& ctx, const Tensor& gate, const Tensor& up, const Tensor& y);
void gelu_mul(Context& ctx, const Tensor& gate, const Tensor& up, const Tensor& y);

}  // namespace tandem::ops

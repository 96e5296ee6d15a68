// SPDX-License-Identifier: Apache-2.0
// Elementwise functions of two tensors, and selection.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

enum class BinaryOp : std::uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMin,
  kMax,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe
};

/// "add", "ge" ...; nullopt for an unknown name.
std::optional<BinaryOp> binary_op(std::string_view name);
std::string_view to_string(BinaryOp op);

/// z = x op y with NumPy broadcasting to z's shape, one packet.
/// Floats: x and y any of f32, bf16, f16, e4m3, e5m2, computed in fp32; z any of them. i32: z i32
/// (not div). Comparisons: z u8, 1 or 0; unordered is 0 but for ne. z may be exactly x or y.
/// Errors: kInvalidArgument naming op, argument, expected and found.
void binary(Context& ctx, BinaryOp op, const Tensor& x, const Tensor& y, const Tensor& z);

inline void add(Context& ctx, const Tensor& x, const Tensor& y, const Tensor& z) {
  binary(ctx, BinaryOp::kAdd, x, y, z);
}
inline void sub(Context& ctx, const Tensor& x, const Tensor& y, const Tensor& z) {
  binary(ctx, BinaryOp::kSub, x, y, z);
}
inline void mul(Context& ctx, const Tensor& x, const Tensor& y, const Tensor& z) {
  binary(ctx, BinaryOp::kMul, x, y, z);
}
inline void div(Context& ctx, const Tensor& x, const Tensor& y, const Tensor& z) {
  binary(ctx, BinaryOp::kDiv, x, y, z);
}

/// z = cond != 0 ? x : y, bits moved. cond: u8 (also i8, i32). x, y, z: one type, any but u4. All
/// broadcast to z. One packet, two for i64.
void where(Context& ctx, const Tensor& cond, const Tensor& x, const Tensor& y, const Tensor& z);

}  // namespace tandem::ops

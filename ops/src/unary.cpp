// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/unary.hpp"

#include <array>
#include <utility>

#include "checks.hpp"
#include "tandem/base/error.hpp"
#include "tandem/numerics/functions.hpp"
#include "tandem/numerics/trig.hpp"
#include "tandem/ops/cast.hpp"
#include "tandem/ops/move.hpp"
#include "vector_call.hpp"

namespace tandem::ops {
namespace {

constexpr std::array<std::pair<UnaryOp, std::string_view>, 18> kNames = {{
    {UnaryOp::kCopy, "copy"},
    {UnaryOp::kNeg, "neg"},
    {UnaryOp::kRecip, "recip"},
    {UnaryOp::kExp, "exp"},
    {UnaryOp::kLog, "log"},
    {UnaryOp::kSin, "sin"},
    {UnaryOp::kCos, "cos"},
    {UnaryOp::kAbs, "abs"},
    {UnaryOp::kSqr, "sqr"},
    {UnaryOp::kSqrt, "sqrt"},
    {UnaryOp::kRsqrt, "rsqrt"},
    {UnaryOp::kGelu, "gelu"},
    {UnaryOp::kGeluTanh, "gelu_tanh"},
    {UnaryOp::kRelu, "relu"},
    {UnaryOp::kElu, "elu"},
    {UnaryOp::kSilu, "silu"},
    {UnaryOp::kTanh, "tanh"},
    {UnaryOp::kSigmoid, "sigmoid"},
}};

Expr function(UnaryOp op, Expr x, Expr alpha) {
  switch (op) {
    case UnaryOp::kCopy:
      return x;
    case UnaryOp::kNeg:
      return numerics::neg(x);
    case UnaryOp::kRecip:
      return numerics::recip(x);
    case UnaryOp::kExp:
      return numerics::exp(x);
    case UnaryOp::kLog:
      return numerics::log(x);
    case UnaryOp::kSin:
      return numerics::sin(x);
    case UnaryOp::kCos:
      return numerics::cos(x);
    case UnaryOp::kAbs:
      return numerics::abs(x);
    case UnaryOp::kSqr:
      return numerics::sqr(x);
    case UnaryOp::kSqrt:
      return numerics::sqrt(x);
    case UnaryOp::kRsqrt:
      return numerics::rsqrt(x);
    case UnaryOp::kGelu:
      return numerics::gelu(x);
    case UnaryOp::kGeluTanh:
      return numerics::gelu_tanh(x);
    case UnaryOp::kRelu:
      return numerics::relu(x);
    case UnaryOp::kElu:
      return numerics::elu(x, alpha);
    case UnaryOp::kSilu:
      return numerics::silu(x);
    case UnaryOp::kTanh:
      return numerics::tanh(x);
    case UnaryOp::kSigmoid:
      return numerics::sigmoid(x);
  }
  return x;
}

const char kUnaryKey = 0;
const char kSignKey = 0;
const char kAffineKey = 0;
const char kGateKey = 0;

/// neg and abs of one type act on the sign bit alone, so that NaN payloads stay.
void change_sign_bit(Context& ctx, UnaryOp op, const Tensor& x, const Tensor& y) {
  const auto bits = static_cast<unsigned>(8 * y.elem_bytes());
  const std::uint32_t sign = 1u << (bits - 1);
  const Program& program = ctx.program(&kSignKey, bits | static_cast<unsigned>(op) << 8, [&] {
    return build_one(to_string(op), [&](Graph& graph) {
      return op == UnaryOp::kNeg ? xor_(graph.input(0), Expr::imm(sign))
                                 : and_(graph.input(0), Expr::imm(sign - 1));
    });
  });
  Tensor raw_x = x, raw_y = y;
  raw_x.dtype = raw_y.dtype = bits == 32 ? Dtype::kI32 : bits == 16 ? Dtype::kU16 : Dtype::kU8;
  VectorCall(ctx, to_string(op), program)
      .input(0, "x", raw_x)
      .output(0, "y", raw_y)
      .run_elementwise();
}

void gated(Context& ctx, UnaryOp op, std::string_view name, const Tensor& gate, const Tensor& up,
           const Tensor& y) {
  OpGuard guard(ctx, name, {&gate, &up, &y});
  check_float(name, "gate", gate);
  check_float(name, "up", up);
  check_float(name, "y", y);
  const Tensor wide_gate = check_broadcast(name, "gate", gate, shape_of(y));
  const Tensor wide_up = check_broadcast(name, "up", up, shape_of(y));
  const Program& program = ctx.program(&kGateKey, static_cast<unsigned>(op), [&] {
    return build_one(name, [&](Graph& graph) {
      return mul(function(op, graph.input(0), Expr()), graph.input(1));
    });
  });
  VectorCall(ctx, name, program)
      .input(0, "gate", wide_gate)
      .input(1, "up", wide_up)
      .output(0, "y", y)
      .run_elementwise();
}

}  // namespace

std::optional<UnaryOp> unary_op(std::string_view name) {
  for (const auto& [op, text] : kNames) {
    if (text == name) return op;
  }
  return std::nullopt;
}

std::string_view to_string(UnaryOp op) { return kNames[static_cast<std::size_t>(op)].second; }

void unary(Context& ctx, UnaryOp op, const Tensor& x, const Tensor& y, float alpha) {
  const std::string_view name = to_string(op);
  OpGuard guard(ctx, name, {&x, &y});
  const Tensor wide = check_broadcast(name, "x", x, shape_of(y));
  if (op == UnaryOp::kCopy) {
    return x.dtype == y.dtype ? copy(ctx, wide, y) : cast(ctx, wide, y);
  }
  check_float(name, "x", x);
  check_float(name, "y", y);
  if (x.dtype == y.dtype && (op == UnaryOp::kNeg || op == UnaryOp::kAbs)) {
    return change_sign_bit(ctx, op, wide, y);
  }
  const Program& program = ctx.program(&kUnaryKey, static_cast<unsigned>(op), [&] {
    return build_one(name, [&](Graph& graph) {
      return function(op, graph.input(0), op == UnaryOp::kElu ? graph.param(0) : Expr());
    });
  });
  VectorCall(ctx, name, program)
      .input(0, "x", wide)
      .output(0, "y", y)
      .param(0, op == UnaryOp::kElu ? alpha : 0.0f)
      .run_elementwise();
}

void affine(Context& ctx, const Tensor& x, float mul, float add, const Tensor& y) {
  OpGuard guard(ctx, "affine", {&x, &y});
  check_float("affine", "x", x);
  check_float("affine", "y", y);
  const Tensor wide = check_broadcast("affine", "x", x, shape_of(y));
  const Program& program = ctx.program(&kAffineKey, 0, [] {
    return build_one(
        "affine", [](Graph& graph) { return fma(graph.input(0), graph.param(0), graph.param(1)); });
  });
  VectorCall(ctx, "affine", program)
      .input(0, "x", wide)
      .output(0, "y", y)
      .param(0, mul)
      .param(1, add)
      .run_elementwise();
}

void silu_mul(Context& ctx, const Tensor& gate, const Tensor& up, const Tensor& y) {
  gated(ctx, UnaryOp::kSilu, "silu_mul", gate, up, y);
}
void gelu_tanh_mul(Context& ctx, const Tensor& gate, const Tensor& up, const Tensor& y) {
  gated(ctx, UnaryOp::kGeluTanh, "gelu_tanh_mul", gate, up, y);
}
void gelu_mul(Context& ctx, const Tensor& gate, const Tensor& up, const Tensor& y) {
  gated(ctx, UnaryOp::kGelu, "gelu_mul", gate, up, y);
}

}  // namespace tandem::ops

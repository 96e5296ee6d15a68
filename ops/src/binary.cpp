// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/binary.hpp"

#include <array>
#include <utility>

#include "checks.hpp"
#include "tandem/numerics/functions.hpp"
#include "vector_call.hpp"

namespace tandem::ops {
namespace {

constexpr std::array<std::pair<BinaryOp, std::string_view>, 12> kNames = {{
    {BinaryOp::kAdd, "add"},
    {BinaryOp::kSub, "sub"},
    {BinaryOp::kMul, "mul"},
    {BinaryOp::kDiv, "div"},
    {BinaryOp::kMin, "min"},
    {BinaryOp::kMax, "max"},
    {BinaryOp::kEq, "eq"},
    {BinaryOp::kNe, "ne"},
    {BinaryOp::kLt, "lt"},
    {BinaryOp::kLe, "le"},
    {BinaryOp::kGt, "gt"},
    {BinaryOp::kGe, "ge"},
}};

const char kFloatKey = 0;
const char kIntegerKey = 0;
const char kWhereKey = 0;

bool is_comparison(BinaryOp op) { return op >= BinaryOp::kEq; }

Expr invert(Expr mask) { return xor_(mask, Expr::imm(~0u)); }
Expr one_or_zero(Expr mask) { return and_(mask, Expr::imm(1)); }

Expr float_function(BinaryOp op, Expr x, Expr y) {
  switch (op) {
    case BinaryOp::kAdd:
      return add(x, y);
    case BinaryOp::kSub:
      return sub(x, y);
    case BinaryOp::kMul:
      return mul(x, y);
    case BinaryOp::kDiv:
      return numerics::div(x, y);
    case BinaryOp::kMin:
      return fmin(x, y);
    case BinaryOp::kMax:
      return fmax(x, y);
    case BinaryOp::kEq:
      return one_or_zero(fceq(x, y));
    case BinaryOp::kNe:
      return one_or_zero(invert(fceq(x, y)));
    case BinaryOp::kLt:
      return one_or_zero(fclt(x, y));
    case BinaryOp::kLe:
      return one_or_zero(fcle(x, y));
    case BinaryOp::kGt:
      return one_or_zero(fclt(y, x));
    case BinaryOp::kGe:
      return one_or_zero(fcle(y, x));
  }
  return x;
}

Expr integer_function(BinaryOp op, Expr x, Expr y) {
  switch (op) {
    case BinaryOp::kAdd:
      return iadd(x, y);
    case BinaryOp::kSub:
      return isub(x, y);
    case BinaryOp::kMul:
      return mull(x, y);
    case BinaryOp::kMin:
      return sel(ilt(x, y), x, y);
    case BinaryOp::kMax:
      return sel(ilt(x, y), y, x);
    case BinaryOp::kEq:
      return one_or_zero(ieq(x, y));
    case BinaryOp::kNe:
      return one_or_zero(invert(ieq(x, y)));
    case BinaryOp::kLt:
      return one_or_zero(ilt(x, y));
    case BinaryOp::kLe:
      return one_or_zero(invert(ilt(y, x)));
    case BinaryOp::kGt:
      return one_or_zero(ilt(y, x));
    case BinaryOp::kGe:
      return one_or_zero(invert(ilt(x, y)));
    case BinaryOp::kDiv:
      break;
  }
  return x;
}

/// Type that moves elements of this size without converting them; i64 moves as two halves.
Dtype raw_type(Dtype type) {
  switch (bytes_of(type)) {
    case 1:
      return Dtype::kU8;
    case 2:
      return Dtype::kU16;
    default:
      return Dtype::kI32;
  }
}

}  // namespace

std::optional<BinaryOp> binary_op(std::string_view name) {
  for (const auto& [op, text] : kNames) {
    if (text == name) return op;
  }
  return std::nullopt;
}

std::string_view to_string(BinaryOp op) { return kNames[static_cast<std::size_t>(op)].second; }

void binary(Context& ctx, BinaryOp op, const Tensor& x, const Tensor& y, const Tensor& z) {
  const std::string_view name = to_string(op);
  OpGuard guard(ctx, name, {&x, &y, &z});
  const bool integer = x.dtype == Dtype::kI32 && op != BinaryOp::kDiv;
  if (integer) {
    check_dtype(name, "y", y, {Dtype::kI32});
  } else {
    check_float(name, "x", x);
    check_float(name, "y", y);
  }
  if (is_comparison(op)) {
    check_dtype(name, "z", z, {Dtype::kU8});
  } else if (integer) {
    check_dtype(name, "z", z, {Dtype::kI32});
  } else {
    check_float(name, "z", z);
  }
  const Tensor wide_x = check_broadcast(name, "x", x, shape_of(z));
  const Tensor wide_y = check_broadcast(name, "y", y, shape_of(z));
  const Program& program =
      ctx.program(integer ? &kIntegerKey : &kFloatKey, static_cast<unsigned>(op), [&] {
        return build_one(name, [&](Graph& graph) {
          return (integer ? integer_function : float_function)(op, graph.input(0), graph.input(1));
        });
      });
  VectorCall(ctx, name, program)
      .input(0, "x", wide_x)
      .input(1, "y", wide_y)
      .output(0, "z", z)
      .run_elementwise();
}

void where(Context& ctx, const Tensor& cond, const Tensor& x, const Tensor& y, const Tensor& z) {
  OpGuard guard(ctx, "where", {&cond, &x, &y, &z});
  check_dtype("where", "cond", cond, {Dtype::kU8, Dtype::kI8, Dtype::kI32});
  check_same_dtype("where", "x", x, "z", z);
  check_same_dtype("where", "y", y, "z", z);
  const Tensor wide_cond = check_broadcast("where", "cond", cond, shape_of(z));
  Tensor wide_x = check_broadcast("where", "x", x, shape_of(z));
  Tensor wide_y = check_broadcast("where", "y", y, shape_of(z));
  Tensor wide_z = z;
  wide_x.dtype = wide_y.dtype = wide_z.dtype = raw_type(z.dtype);
  const Program& program = ctx.program(&kWhereKey, 0, [] {
    return build_one(
        "where", [](Graph& graph) { return sel(graph.input(0), graph.input(1), graph.input(2)); });
  });
  for (std::uint64_t half = 0; half < z.elem_bytes(); half += 4) {
    VectorCall(ctx, "where", program)
        .input(0, "cond", wide_cond)
        .input(1, "x", wide_x)
        .input(2, "y", wide_y)
        .output(0, "z", wide_z)
        .run_elementwise();
    for (Tensor* part : {&wide_x, &wide_y, &wide_z}) part->addr = part->addr + 4;
  }
}

}  // namespace tandem::ops

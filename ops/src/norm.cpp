// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/norm.hpp"

#include "checks.hpp"
#include "row_view.hpp"
#include "tandem/numerics/functions.hpp"
#include "tandem/ops/move.hpp"
#include "vector_call.hpp"

namespace tandem::ops {
namespace {

const char kSoftmaxKey = 0;
const char kLogSoftmaxKey = 0;
const char kRmsnormKey = 0;
const char kLayernormKey = 0;

Expr softmax_of(Expr x) {
  const Expr e = numerics::exp_nonpositive(sub(x, row_max(x)));
  return mul(e, numerics::recip(row_sum(e)));
}

Expr log_softmax_of(Expr x) {
  const Expr shifted = sub(x, row_max(x));
  return sub(shifted, numerics::log(row_sum(numerics::exp_nonpositive(shifted))));
}

/// Both softmaxes: `axis` becomes the last one, through scratch where its stride does not fit a
/// packet.
void softmax_along(Context& ctx, std::string_view name, const void* key, Expr (*function)(Expr),
                   const Tensor& x, int axis, const Tensor& y) {
  OpGuard guard(ctx, name, {&x, &y});
  check_float(name, "x", x);
  check_float(name, "y", y);
  check_shape(name, "y", y, shape_of(x));
  const int at = check_axis(name, axis, x);
  if (y.numel() == 0) return;
  const AxisView from = axis_last(ctx, x, at, true);
  const AxisView to = axis_last(ctx, y, at, false);
  const Program& program = ctx.program(key, 0, [&] {
    return build_one(name, [&](Graph& graph) { return function(graph.input(0)); });
  });
  VectorCall(ctx, name, program).input(0, "x", from.view).output(0, "y", to.view).run_rows();
  if (to.in_scratch) {
    // Back to the order of y's axes.
    std::array<int, kMaxRank> back{};
    for (int i = 0; i < y.rank; ++i) back[i] = i < at ? i : i == at ? y.rank - 1 : i - 1;
    copy(ctx, to.view.permute({back.data(), static_cast<std::size_t>(y.rank)}), y);
  }
}

/// x, y and every tensor of last-axis parameters: types, shapes and columns that a packet can read.
void check_norm(std::string_view name, const Tensor& x, const Tensor& y) {
  check_float(name, "x", x);
  check_float(name, "y", y);
  if (x.rank == 0) fail_argument(name, "x", "at least one axis", x.describe());
  check_shape(name, "y", y, shape_of(x));
}

Tensor check_per_column(std::string_view name, std::string_view argument, const Tensor& weight,
                        const Tensor& x) {
  check_float(name, argument, weight);
  check_shape(name, argument, weight, {x.shape[x.rank - 1]});
  return check_broadcast(name, argument, weight, shape_of(x));
}

void check_columns(std::string_view name, std::string_view argument, const Tensor& x) {
  if (x.shape[x.rank - 1] > 1 && x.stride[x.rank - 1] > kMaxColStride) {
    fail_argument(name, argument,
                  "a stride of at most 65535 bytes on the last axis (copy it first)",
                  std::to_string(x.stride[x.rank - 1]));
  }
}

/// x * rsqrt(mean(x^2) + eps) * weight; p0 = 1 / n, p1 = eps, p2 = what is added to the weight.
Expr rmsnorm_of(Graph& graph, Expr x, Expr weight, bool with_offset) {
  const Expr scale = numerics::rsqrt(fma(row_sum(mul(x, x)), graph.param(0), graph.param(1)));
  return mul(mul(x, scale), with_offset ? add(weight, graph.param(2)) : weight);
}

}  // namespace

void softmax(Context& ctx, const Tensor& x, int axis, const Tensor& y) {
  softmax_along(ctx, "softmax", &kSoftmaxKey, softmax_of, x, axis, y);
}

void log_softmax(Context& ctx, const Tensor& x, int axis, const Tensor& y) {
  softmax_along(ctx, "log_softmax", &kLogSoftmaxKey, log_softmax_of, x, axis, y);
}

void rmsnorm(Context& ctx, const Tensor& x, const Tensor& weight, float eps, float weight_offset,
             const Tensor& y) {
  OpGuard guard(ctx, "rmsnorm", {&x, &weight, &y});
  check_norm("rmsnorm", x, y);
  const Tensor wide = check_per_column("rmsnorm", "weight", weight, x);
  check_columns("rmsnorm", "x", x);
  check_columns("rmsnorm", "y", y);
  if (y.numel() == 0) return;
  const bool with_offset = weight_offset != 0.0f;
  const Program& program = ctx.program(&kRmsnormKey, with_offset, [&] {
    return build_one("rmsnorm", [&](Graph& graph) {
      return rmsnorm_of(graph, graph.input(0), graph.input(1), with_offset);
    });
  });
  VectorCall(ctx, "rmsnorm", program)
      .input(0, "x", x)
      .input(1, "weight", wide)
      .output(0, "y", y)
      .param(0, 1.0f / static_cast<float>(x.shape[x.rank - 1]))
      .param(1, eps)
      .param(2, weight_offset)
      .run_rows();
}

void add_rmsnorm(Context& ctx, const Tensor& x, const Tensor& delta, const Tensor& weight,
                 float eps, float weight_offset, const Tensor& sum, const Tensor& y) {
  constexpr std::string_view kName = "add_rmsnorm";
  OpGuard guard(ctx, kName, {&x, &delta, &weight, &sum, &y});
  check_norm(kName, x, y);
  check_float(kName, "delta", delta);
  check_shape(kName, "delta", delta, shape_of(x));
  check_float(kName, "sum", sum);
  check_shape(kName, "sum", sum, shape_of(x));
  const Tensor wide = check_per_column(kName, "weight", weight, x);
  check_columns(kName, "x", x);
  check_columns(kName, "delta", delta);
  check_columns(kName, "sum", sum);
  check_columns(kName, "y", y);
  if (y.numel() == 0) return;
  const bool with_offset = weight_offset != 0.0f;
  const Program& program = ctx.program(&kRmsnormKey, 2 | static_cast<unsigned>(with_offset), [&] {
    Graph graph;
    const Expr total = add(graph.input(0), graph.input(2));
    const ProgramOutput outputs[] = {{rmsnorm_of(graph, total, graph.input(1), with_offset)},
                                     {total}};
    return compile(graph, outputs, kName);
  });
  VectorCall(ctx, kName, program)
      .input(0, "x", x)
      .input(1, "weight", wide)
      .input(2, "delta", delta)
      .output(0, "y", y)
      .output(1, "sum", sum)
      .param(0, 1.0f / static_cast<float>(x.shape[x.rank - 1]))
      .param(1, eps)
      .param(2, weight_offset)
      .run_rows();
}

void layernorm(Context& ctx, const Tensor& x, const Tensor& weight,
               const std::optional<Tensor>& bias, float eps, const Tensor& y) {
  OpGuard guard(ctx, "layernorm", {&x, &weight, bias ? &*bias : nullptr, &y});
  check_norm("layernorm", x, y);
  const Tensor wide = check_per_column("layernorm", "weight", weight, x);
  const Tensor wide_bias = bias ? check_per_column("layernorm", "bias", *bias, x) : Tensor();
  check_columns("layernorm", "x", x);
  check_columns("layernorm", "y", y);
  if (y.numel() == 0) return;
  const Program& program = ctx.program(&kLayernormKey, bias.has_value(), [&] {
    return build_one("layernorm", [&](Graph& graph) {
      const Expr centred = sub(graph.input(0), mul(row_sum(graph.input(0)), graph.param(0)));
      const Expr scale =
          numerics::rsqrt(fma(row_sum(mul(centred, centred)), graph.param(0), graph.param(1)));
      const Expr unit = mul(centred, scale);
      return bias ? fma(unit, graph.input(1), graph.input(2)) : mul(unit, graph.input(1));
    });
  });
  VectorCall call(ctx, "layernorm", program);
  call.input(0, "x", x).input(1, "weight", wide).output(0, "y", y);
  if (bias) call.input(2, "bias", wide_bias);
  call.param(0, 1.0f / static_cast<float>(x.shape[x.rank - 1])).param(1, eps).run_rows();
}

}  // namespace tandem::ops

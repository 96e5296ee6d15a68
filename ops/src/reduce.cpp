// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/reduce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "checks.hpp"
#include "row_view.hpp"
#include "tandem/numerics/bits.hpp"
#include "tandem/ops/move.hpp"
#include "vector_call.hpp"

namespace tandem::ops {
namespace {

constexpr std::array<std::pair<ReduceOp, std::string_view>, 6> kNames = {{
    {ReduceOp::kSum, "sum"},
    {ReduceOp::kMean, "mean"},
    {ReduceOp::kMax, "max"},
    {ReduceOp::kMin, "min"},
    {ReduceOp::kArgmax, "argmax"},
    {ReduceOp::kArgmin, "argmin"},
}};

const char kReduceKey = 0;

bool is_arg(ReduceOp op) { return op == ReduceOp::kArgmax || op == ReduceOp::kArgmin; }

/// Index of the first element equal to the extreme value; the first NaN where there is one.
Expr first_index(Graph& graph, Expr is_extreme) {
  return row_imin(sel(is_extreme, graph.col(), Expr::imm(0x7FFFFFFFu)));
}

Expr float_reduction(ReduceOp op, Graph& graph) {
  const Expr x = graph.input(0);
  switch (op) {
    case ReduceOp::kSum:
      return row_sum(x);
    case ReduceOp::kMean:
      return mul(row_sum(x), graph.param(0));
    case ReduceOp::kMax:
      return row_max(x);
    case ReduceOp::kMin:
      return row_min(x);
    case ReduceOp::kArgmax:
    case ReduceOp::kArgmin:
      break;
  }
  // The extreme is NaN exactly where an element is; then no element equals it and NaN elements are
  // meant.
  const Expr extreme = op == ReduceOp::kArgmax ? row_max(x) : row_min(x);
  const Expr is_nan = xor_(fceq(x, x), Expr::imm(~0u));
  return first_index(graph, or_(fceq(x, extreme), is_nan));
}

Expr integer_reduction(ReduceOp op, Graph& graph) {
  const Expr x = graph.input(0);
  switch (op) {
    case ReduceOp::kMax:
      return row_imax(x);
    case ReduceOp::kMin:
      return row_imin(x);
    case ReduceOp::kArgmax:
      return first_index(graph, ieq(x, row_imax(x)));
    case ReduceOp::kArgmin:
      return first_index(graph, ieq(x, row_imin(x)));
    case ReduceOp::kSum:
    case ReduceOp::kMean:
      break;
  }
  return row_isum(x);
}

/// The axes, not negative, ascending, each once; all if none were given.
std::vector<int> check_axes(std::string_view name, const Tensor& x, std::span<const int> axes) {
  std::vector<int> result;
  for (const int axis : axes) result.push_back(check_axis(name, axis, x));
  std::ranges::sort(result);
  if (std::ranges::adjacent_find(result) != result.end()) {
    fail_argument(name, "axes", "every axis once", fmt::format("[{}]", fmt::join(axes, ", ")));
  }
  for (int i = 0; axes.empty() && i < x.rank; ++i) result.push_back(i);
  return result;
}

/// y with the shape [kept axes..., 1], from one with the reduced axes dropped or kept as 1.
Tensor check_result(std::string_view name, const Tensor& x, std::span<const int> axes,
                    const Tensor& y) {
  Tensor dropped = y, kept = y;
  dropped.rank = 0;
  kept.rank = x.rank;
  for (int i = 0; i < x.rank; ++i) {
    const bool reduced = std::ranges::find(axes, i) != axes.end();
    kept.shape[i] = reduced ? 1 : x.shape[i];
    if (!reduced) dropped.shape[dropped.rank++] = x.shape[i];
  }
  Tensor result = y;
  if (same_shape(y, kept) && !same_shape(y, dropped)) {
    result.rank = 0;
    for (int i = 0; i < x.rank; ++i) {
      if (std::ranges::find(axes, i) != axes.end()) continue;
      result.shape[result.rank] = y.shape[i];
      result.stride[result.rank++] = y.stride[i];
    }
  } else if (!same_shape(y, dropped)) {
    fail_argument(
        name, "y",
        fmt::format("shape {} or {}", shape_text(shape_of(dropped)), shape_text(shape_of(kept))),
        y.describe());
  }
  result.shape[result.rank] = 1;
  result.stride[result.rank++] = 0;
  return result;
}

void check_types(std::string_view name, ReduceOp op, const Tensor& x, const Tensor& y) {
  if (is_float(x.dtype)) {
    if (is_arg(op)) return check_index_type(name, "y", y);
    return check_float(name, "y", y);
  }
  if (op == ReduceOp::kMean) check_float(name, "x", x);
  check_dtype(name, "x", x,
              {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2, Dtype::kI8,
               Dtype::kU8, Dtype::kI32});
  check_index_type(name, "y", y);
}

/// The result over no elements.
void reduce_nothing(Context& ctx, std::string_view name, ReduceOp op, const Tensor& x,
                    const Tensor& y) {
  if (op == ReduceOp::kSum) return fill_bits(ctx, y, 0);
  fail_argument(name, "x", "at least one element to reduce", x.describe());
}

}  // namespace

std::optional<ReduceOp> reduce_op(std::string_view name) {
  for (const auto& [op, text] : kNames) {
    if (text == name) return op;
  }
  return std::nullopt;
}

std::string_view to_string(ReduceOp op) { return kNames[static_cast<std::size_t>(op)].second; }

void reduce(Context& ctx, ReduceOp op, const Tensor& x, std::span<const int> axes,
            const Tensor& y) {
  const std::string_view name = to_string(op);
  OpGuard guard(ctx, name, {&x, &y});
  check_types(name, op, x, y);
  const std::vector<int> reduced = check_axes(name, x, axes);
  const Tensor result = check_result(name, x, reduced, y);
  if (y.numel() == 0) return;
  if (x.numel() == 0) return reduce_nothing(ctx, name, op, x, y);
  const Tensor rows = as_rows(ctx, x, reduced);
  const bool floats = is_float(x.dtype);
  const std::uint64_t variant = static_cast<unsigned>(op) | (floats ? 16u : 0u);
  const Program& program = ctx.program(&kReduceKey, variant, [&] {
    Graph graph;
    const ProgramOutput output{(floats ? float_reduction : integer_reduction)(op, graph), true};
    return compile(graph, {&output, 1}, name);
  });
  const auto count = static_cast<float>(rows.shape[rows.rank - 1]);
  VectorCall call(ctx, name, program);
  call.input(0, "x", rows).output(0, "y", result);
  if (op == ReduceOp::kMean) call.param(0, 1.0f / count);
  call.run_rows();
}

}  // namespace tandem::ops

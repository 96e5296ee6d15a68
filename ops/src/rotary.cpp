// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/rotary.hpp"

#include <fmt/format.h>

#include "checks.hpp"
#include "tandem/numerics/micro_ops.hpp"
#include "tandem/ops/cast.hpp"
#include "tandem/ops/move.hpp"
#include "vector_call.hpp"

namespace tandem::ops {
namespace {

constexpr std::string_view kName = "rotary";
const char kRotaryKey = 0;

}  // namespace

void rotary(Context& ctx, const Tensor& x, const Tensor& cos, const Tensor& sin, RotaryStyle style,
            const Tensor& y) {
  OpGuard guard(ctx, kName, {&x, &cos, &sin, &y});
  check_float(kName, "x", x);
  check_float(kName, "y", y);
  check_shape(kName, "y", y, shape_of(x));
  check_dtype(kName, "cos", cos, {Dtype::kF32});
  check_dtype(kName, "sin", sin, {Dtype::kF32});
  check_shape(kName, "sin", sin, shape_of(cos));
  if (x.rank == 0 || cos.rank == 0) fail_argument(kName, "x", "at least one axis", x.describe());
  const std::uint64_t pairs = cos.shape[cos.rank - 1];
  const std::uint64_t dims = 2 * pairs;
  const std::uint64_t width = x.shape[x.rank - 1];
  if (dims > width || pairs == 0) {
    fail_argument(
        kName, "cos",
        fmt::format("a last axis of 1 to {}, one element a pair of x {}", width / 2, x.describe()),
        cos.describe());
  }
  if (y.numel() == 0) return;
  const bool halves = style == RotaryStyle::kHalfSplit;
  const auto part = [&](const Tensor& tensor, std::uint64_t which) {
    return halves ? tensor.slice(-1, which * pairs, (which + 1) * pairs)
                  : tensor.slice(-1, which, dims, 2);
  };
  const Tensor x0 = part(x, 0), x1 = part(x, 1), y0 = part(y, 0), y1 = part(y, 1);
  const Tensor wide_cos = check_broadcast(kName, "cos", cos, shape_of(x0));
  const Tensor wide_sin = check_broadcast(kName, "sin", sin, shape_of(x0));
  const Program& program = ctx.program(&kRotaryKey, 0, [] {
    Graph graph;
    const Expr a = graph.input(0), b = graph.input(1), c = graph.input(2), s = graph.input(3);
    const ProgramOutput outputs[] = {{fnma(b, s, mul(a, c))}, {fma(a, s, mul(b, c))}};
    return compile(graph, outputs, kName);
  });
  VectorCall(ctx, kName, program)
      .input(0, "x", x0)
      .input(1, "x", x1)
      .input(2, "cos", wide_cos)
      .input(3, "sin", wide_sin)
      .output(0, "y", y0)
      .output(1, "y", y1)
      .run_elementwise();
  if (dims == width || (x.addr == y.addr && x.dtype == y.dtype)) return;
  cast(ctx, x.slice(-1, dims, width), y.slice(-1, dims, width));
}

}  // namespace tandem::ops

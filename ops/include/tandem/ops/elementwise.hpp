// SPDX-License-Identifier: Apache-2.0
// Any expression of up to four tensors as one fused vector packet.
#pragma once

#include <array>
#include <functional>
#include <initializer_list>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "tandem/numerics/functions.hpp"
#include "tandem/numerics/trig.hpp"
#include "tandem/ops/context.hpp"
#include "tandem/ops/expr.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

namespace detail {

/// What a traced function returns, as a list.
inline std::array<Expr, 1> as_outputs(Expr x) { return {x}; }
template <std::size_t N>
std::array<Expr, N> as_outputs(const std::array<Expr, N>& x) {
  return x;
}
inline std::array<Expr, 2> as_outputs(const std::pair<Expr, Expr>& x) {
  return {x.first, x.second};
}
inline std::array<Expr, 3> as_outputs(const std::tuple<Expr, Expr, Expr>& x) {
  return {std::get<0>(x), std::get<1>(x), std::get<2>(x)};
}

template <class F, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return std::is_invocable_v<F, decltype((void)I, std::declval<Expr>())...>;
}
/// Number of Expr arguments of F; -1 if it takes none of 0..8.
template <class F, int N = 0>
constexpr int arity() {
  if constexpr (N > 8) {
    return -1;
  } else if constexpr (takes<F>(std::make_index_sequence<N>{})) {
    return N;
  } else {
    return arity<F, N + 1>();
  }
}

template <class F, std::size_t... I>
auto apply(F& f, std::span<const Expr> args, std::index_sequence<I...>) {
  return as_outputs(f(args[I]...));
}

/// An address per type: the key of its program.
template <class F>
inline constexpr char kTypeTag = 0;

using TraceFunction = std::function<std::vector<Expr>(std::span<const Expr>)>;
void elementwise(Context& ctx, std::string_view name, std::span<const Tensor> outputs,
                 std::span<const Tensor> inputs, std::span<const float> params, int arity,
                 const void* key, const TraceFunction& trace);

}  // namespace detail

/// Computes `f` on every element and stores what it returns (an Expr, or a pair, tuple or array of
/// up to three) to the outputs, in one packet wherever the layout can be had with three extents.
///
/// `f` takes one Expr an input and then one a parameter; it may use every function of
/// numerics/functions.hpp and the row reductions of expr.hpp are not for it. Inputs broadcast
/// against the outputs as in NumPy; all outputs have one shape. Float inputs arrive as fp32,
/// integers as 32-bit words; outputs are converted as `st` does (docs/design/device.md). Functions
/// without captures are traced and compiled once a Context, others at every call.
///
///     ops::elementwise(ctx, {y}, {gate, up}, [](auto g, auto u) { return mul(numerics::silu(g),
///     u); });
///
/// Errors: kInvalidArgument for shapes that do not broadcast (names both), counts that do not fit,
/// an expression that needs more registers than the device has, or an output that overlaps an input
/// other than exactly.
template <class F>
void elementwise(Context& ctx, std::initializer_list<Tensor> outputs,
                 std::initializer_list<Tensor> inputs, F f,
                 std::initializer_list<float> params = {}) {
  constexpr int kArity = detail::arity<F&>();
  static_assert(kArity >= 0, "the function must take one ops::Expr an input and parameter");
  const void* key = std::is_empty_v<F> ? &detail::kTypeTag<F> : nullptr;
  detail::elementwise(ctx, "elementwise", {outputs.begin(), outputs.size()},
                      {inputs.begin(), inputs.size()}, {params.begin(), params.size()}, kArity, key,
                      [&f](std::span<const Expr> args) {
                        auto results = detail::apply(f, args, std::make_index_sequence<kArity>{});
                        return std::vector<Expr>(results.begin(), results.end());
                      });
}

}  // namespace tandem::ops

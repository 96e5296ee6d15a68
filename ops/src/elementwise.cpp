// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/elementwise.hpp"

#include <fmt/format.h>

#include "checks.hpp"
#include "vector_call.hpp"

namespace tandem::ops::detail {
namespace {

constexpr std::string_view kInputNames[] = {"input 0", "input 1", "input 2", "input 3"};
constexpr std::string_view kOutputNames[] = {"output 0", "output 1", "output 2"};

Program build(std::string_view name, std::size_t num_inputs, std::size_t num_params,
              std::size_t num_outputs, const TraceFunction& trace) {
  Graph graph;
  std::vector<Expr> args;
  for (unsigned i = 0; i < num_inputs; ++i) args.push_back(graph.input(i));
  for (unsigned i = 0; i < num_params; ++i) args.push_back(graph.param(i));
  std::vector<ProgramOutput> outputs;
  for (const Expr& value : trace(args)) outputs.push_back({value});
  if (outputs.size() != num_outputs) {
    fail_argument(name, "outputs", fmt::format("{}, as the function returns", outputs.size()),
                  std::to_string(num_outputs));
  }
  Program program = compile(graph, outputs, name);
  if (program.reduces) {
    fail_argument(name, "function", "operations on single elements", "a row reduction");
  }
  return program;
}

void check_counts(std::string_view name, std::size_t num_outputs, std::size_t num_inputs,
                  std::size_t num_params, int arity) {
  if (num_outputs < 1 || num_outputs > 3) {
    fail_argument(name, "outputs", "1 to 3 tensors", std::to_string(num_outputs));
  }
  if (num_inputs > 4)
    fail_argument(name, "inputs", "at most 4 tensors", std::to_string(num_inputs));
  if (num_params > 4) fail_argument(name, "params", "at most 4 values", std::to_string(num_params));
  if (static_cast<int>(num_inputs + num_params) != arity) {
    fail_argument(name, "inputs",
                  fmt::format("{} inputs and parameters, as the function takes", arity),
                  fmt::format("{} inputs, {} parameters", num_inputs, num_params));
  }
}

}  // namespace

void elementwise(Context& ctx, std::string_view name, std::span<const Tensor> outputs,
                 std::span<const Tensor> inputs, std::span<const float> params, int arity,
                 const void* key, const TraceFunction& trace) {
  check_counts(name, outputs.size(), inputs.size(), params.size(), arity);
  const Tensor* none = nullptr;
  const auto at = [&](std::span<const Tensor> list, std::size_t i) {
    return i < list.size() ? &list[i] : none;
  };
  OpGuard guard(ctx, name,
                {at(inputs, 0), at(inputs, 1), at(inputs, 2), at(inputs, 3), at(outputs, 0),
                 at(outputs, 1), at(outputs, 2)});
  for (std::size_t i = 1; i < outputs.size(); ++i) {
    check_shape(name, kOutputNames[i], outputs[i], shape_of(outputs[0]));
  }
  std::array<Tensor, 4> broadcast;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    broadcast[i] = check_broadcast(name, kInputNames[i], inputs[i], shape_of(outputs[0]));
  }
  const auto compiled = [&] {
    return build(name, inputs.size(), params.size(), outputs.size(), trace);
  };
  Program own;
  if (key == nullptr) own = compiled();
  const Program& program =
      key == nullptr
          ? own
          : ctx.program(key, inputs.size() | params.size() << 8 | outputs.size() << 16, compiled);
  VectorCall call(ctx, name, program);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    call.input(static_cast<int>(i), kInputNames[i], broadcast[i]);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    call.output(static_cast<int>(i), kOutputNames[i], outputs[i]);
  }
  for (std::size_t i = 0; i < params.size(); ++i) call.param(static_cast<int>(i), params[i]);
  call.run_elementwise();
}

}  // namespace tandem::ops::detail

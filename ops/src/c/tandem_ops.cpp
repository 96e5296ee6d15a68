// SPDX-License-Identifier: Apache-2.0
// The C interface over tandem::ops.
#include "tandem/tandem_ops.h"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device.hpp"
#include "guard.hpp"
#include "op_args.hpp"
#include "tandem/ops/all.hpp"

namespace ops = tandem::ops;
using ops::Context;
using ops::Tensor;
using ops::c::OpArgs;
using tandem::c::given;
using tandem::c::given_text;
using tandem::c::guarded;
using tandem::c::refuse;

namespace {

// Takes the arguments, and after `finish` submits.
using Handler = std::function<void(Context&, OpArgs&)>;

int axis_of(OpArgs& args) {
  const std::int64_t axis = args.integer("axis");
  if (axis < -ops::kMaxRank || axis >= ops::kMaxRank) {
    refuse(fmt::format("argument 'axis': expected an axis of a tensor, found {}", axis));
  }
  return static_cast<int>(axis);
}

Handler unary(ops::UnaryOp op) {
  return [op](Context& ctx, OpArgs& args) {
    const Tensor x = args.tensor("x"), y = args.tensor("y");
    const float alpha = args.number_or("alpha", 1.0F);
    args.finish();
    ops::unary(ctx, op, x, y, alpha);
  };
}

Handler binary(ops::BinaryOp op) {
  return [op](Context& ctx, OpArgs& args) {
    const Tensor x = args.tensor("x"), y = args.tensor("y"), z = args.tensor("z");
    args.finish();
    ops::binary(ctx, op, x, y, z);
  };
}

Handler reduce(ops::ReduceOp op) {
  return [op](Context& ctx, OpArgs& args) {
    const Tensor x = args.tensor("x"), y = args.tensor("y");
    const std::vector<int> axes = args.ints_or_none("axes");
    args.finish();
    ops::reduce(ctx, op, x, axes, y);
  };
}

Handler gated(void (*op)(Context&, const Tensor&, const Tensor&, const Tensor&)) {
  return [op](Context& ctx, OpArgs& args) {
    const Tensor gate = args.tensor("gate"), up = args.tensor("up"), y = args.tensor("y");
    args.finish();
    op(ctx, gate, up, y);
  };
}

Handler moved(void (*op)(Context&, const Tensor&, const Tensor&)) {
  return [op](Context& ctx, OpArgs& args) {
    const Tensor x = args.tensor("x"), y = args.tensor("y");
    args.finish();
    op(ctx, x, y);
  };
}

Handler along_axis(void (*op)(Context&, const Tensor&, int, const Tensor&)) {
  return [op](Context& ctx, OpArgs& args) {
    const Tensor x = args.tensor("x"), y = args.tensor("y");
    const int axis = axis_of(args);
    args.finish();
    op(ctx, x, axis, y);
  };
}

Handler indexed(void (*op)(Context&, const Tensor&, int, const Tensor&, const Tensor&)) {
  return [op](Context& ctx, OpArgs& args) {
    const Tensor x = args.tensor("x"), index = args.tensor("index"), y = args.tensor("y");
    const int axis = axis_of(args);
    args.finish();
    op(ctx, x, axis, index, y);
  };
}

Handler index_added(void (*op)(Context&, const Tensor&, int, const Tensor&, const Tensor&,
                               const Tensor&)) {
  return [op](Context& ctx, OpArgs& args) {
    const Tensor x = args.tensor("x"), index = args.tensor("index"), src = args.tensor("src");
    const Tensor y = args.tensor("y");
    const int axis = axis_of(args);
    args.finish();
    op(ctx, x, axis, index, src, y);
  };
}

void affine(Context& ctx, OpArgs& args) {
  const Tensor x = args.tensor("x"), y = args.tensor("y");
  const auto mul = static_cast<float>(args.number("mul"));
  const auto add = static_cast<float>(args.number("add"));
  args.finish();
  ops::affine(ctx, x, mul, add, y);
}

void where(Context& ctx, OpArgs& args) {
  const Tensor cond = args.tensor("cond"), x = args.tensor("x"), y = args.tensor("y");
  const Tensor z = args.tensor("z");
  args.finish();
  ops::where(ctx, cond, x, y, z);
}

void cast(Context& ctx, OpArgs& args) {
  const Tensor x = args.tensor("x"), y = args.tensor("y");
  const std::uint32_t rule = args.count_or("fp8_rule", 0);
  args.finish();
  if (rule > 2) {
    refuse(fmt::format("cast: argument 'fp8_rule': expected 0 to 2, found {}", rule));
  }
  ops::cast(ctx, x, y, static_cast<ops::Fp8Rule>(rule));
}

void rmsnorm(Context& ctx, OpArgs& args) {
  const Tensor x = args.tensor("x"), weight = args.tensor("weight"), y = args.tensor("y");
  const auto eps = static_cast<float>(args.number("eps"));
  const float offset = args.number_or("weight_offset", 0.0F);
  args.finish();
  ops::rmsnorm(ctx, x, weight, eps, offset, y);
}

void add_rmsnorm(Context& ctx, OpArgs& args) {
  const Tensor x = args.tensor("x"), delta = args.tensor("delta"), weight = args.tensor("weight");
  const Tensor sum = args.tensor("sum"), y = args.tensor("y");
  const auto eps = static_cast<float>(args.number("eps"));
  const float offset = args.number_or("weight_offset", 0.0F);
  args.finish();
  ops::add_rmsnorm(ctx, x, delta, weight, eps, offset, sum, y);
}

void layernorm(Context& ctx, OpArgs& args) {
  const Tensor x = args.tensor("x"), weight = args.tensor("weight"), y = args.tensor("y");
  const std::optional<Tensor> bias = args.tensor_if("bias");
  const auto eps = static_cast<float>(args.number("eps"));
  args.finish();
  ops::layernorm(ctx, x, weight, bias, eps, y);
}

void matmul(Context& ctx, OpArgs& args) {
  const Tensor a = args.tensor("a"), b = args.tensor("b"), y = args.tensor("y");
  const ops::MatmulOptions options = {.transpose_a = args.flag("transpose_a"),
                                      .transpose_b = args.flag("transpose_b"),
                                      .bias = args.tensor_if("bias"),
                                      .accumulate = args.flag("accumulate")};
  args.finish();
  ops::matmul(ctx, a, b, y, options);
}

void matmul_w8a8(Context& ctx, OpArgs& args) {
  const Tensor a = args.tensor("a"), a_scale = args.tensor("a_scale"), w = args.tensor("w");
  const Tensor w_scale = args.tensor("w_scale"), y = args.tensor("y");
  const std::optional<Tensor> bias = args.tensor_if("bias");
  args.finish();
  ops::matmul_w8a8(ctx, a, a_scale, w, w_scale, y, bias);
}

void matmul_group_quantised(Context& ctx, OpArgs& args) {
  const Tensor a = args.tensor("a"), q = args.tensor("q"), scale = args.tensor("scale");
  const Tensor y = args.tensor("y");
  const std::optional<Tensor> min = args.tensor_if("min");
  const std::uint32_t group_size = args.count("group_size");
  ops::MatmulOptions options;
  options.bias = args.tensor_if("bias");
  args.finish();
  ops::matmul_group_quantised(ctx, a, q, scale, min, group_size, y, options);
}

void sdpa(Context& ctx, OpArgs& args) {
  const Tensor q = args.tensor("q"), k = args.tensor("k"), v = args.tensor("v");
  const Tensor y = args.tensor("y");
  ops::AttentionOptions options;
  options.scale = static_cast<float>(args.number("scale"));
  options.causal = args.flag("causal");
  options.window = args.count_or("window", 0);
  options.softcap = args.number_or("softcap", 0.0F);
  if (args.has("query_offset")) options.query_offset = args.count("query_offset");
  options.mask = args.tensor_if("mask");
  options.first_key = args.tensor_if("first_key");
  options.offsets = args.tensor_if("offsets");
  options.own_key_visible = args.flag("own_key_visible");
  options.masked_row = args.flag("zero_masked_rows") ? ops::MaskedRow::kZero : ops::MaskedRow::kNan;
  args.finish();
  ops::sdpa(ctx, q, k, v, options, y);
}

void kv_append(Context& ctx, OpArgs& args) {
  const Tensor k = args.tensor("k"), v = args.tensor("v");
  const Tensor k_cache = args.tensor("k_cache"), v_cache = args.tensor("v_cache");
  args.finish();
  ops::kv_append(ctx, k, v, k_cache, v_cache);
}

void rotary(Context& ctx, OpArgs& args) {
  const Tensor x = args.tensor("x"), cos = args.tensor("cos"), sin = args.tensor("sin");
  const Tensor y = args.tensor("y");
  const bool interleaved = args.flag("interleaved");
  args.finish();
  ops::rotary(ctx, x, cos, sin,
              interleaved ? ops::RotaryStyle::kInterleaved : ops::RotaryStyle::kHalfSplit, y);
}

void fill_tensor(Context& ctx, OpArgs& args) {
  const Tensor y = args.tensor("y");
  if (y.dtype == ops::Dtype::kI64 && args.is_integer("value")) {
    const std::int64_t value = args.integer("value");  // a double has not all its bits
    args.finish();
    return ops::fill_bits(ctx, y, static_cast<std::uint64_t>(value));
  }
  const double value = args.number("value");
  args.finish();
  ops::fill(ctx, y, value);
}

void concat(Context& ctx, OpArgs& args) {
  const std::vector<Tensor> x = args.tensors("x");
  const Tensor y = args.tensor("y");
  const int axis = axis_of(args);
  args.finish();
  ops::concat(ctx, x, axis, y);
}

void repeat_kv(Context& ctx, OpArgs& args) {
  const Tensor x = args.tensor("x"), y = args.tensor("y");
  const std::uint32_t repeats = args.count("repeats");
  args.finish();
  ops::repeat_kv(ctx, x, repeats, y);
}

void embedding(Context& ctx, OpArgs& args) {
  const Tensor table = args.tensor("table"), ids = args.tensor("ids"), y = args.tensor("y");
  args.finish();
  ops::embedding(ctx, table, ids, y);
}

std::map<std::string, Handler, std::less<>> make_handlers() {
  std::map<std::string, Handler, std::less<>> handlers = {
      {"affine", affine},
      {"where", where},
      {"cast", cast},
      {"rmsnorm", rmsnorm},
      {"add_rmsnorm", add_rmsnorm},
      {"layernorm", layernorm},
      {"matmul", matmul},
      {"matmul_w8a8", matmul_w8a8},
      {"matmul_group_quantised", matmul_group_quantised},
      {"sdpa", sdpa},
      {"kv_append", kv_append},
      {"rotary", rotary},
      {"fill", fill_tensor},
      {"concat", concat},
      {"repeat_kv", repeat_kv},
      {"embedding", embedding},
      {"silu_mul", gated(ops::silu_mul)},
      {"gelu_mul", gated(ops::gelu_mul)},
      {"gelu_tanh_mul", gated(ops::gelu_tanh_mul)},
      {"copy", moved(ops::copy)},
      {"reshape", moved(ops::reshape)},
      {"softmax", along_axis(ops::softmax)},
      {"log_softmax", along_axis(ops::log_softmax)},
      {"index_select", indexed(ops::index_select)},
      {"gather", indexed(ops::gather)},
      {"index_add", index_added(ops::index_add)},
      {"scatter_add", index_added(ops::scatter_add)},
      {"reduce_max", reduce(ops::ReduceOp::kMax)},
      {"reduce_min", reduce(ops::ReduceOp::kMin)}};
  for (const char* name : {"sum", "mean", "argmax", "argmin"}) {
    handlers.emplace(name, reduce(*ops::reduce_op(name)));
  }
  for (const char* name :
       {"add", "sub", "mul", "div", "min", "max", "eq", "ne", "lt", "le", "gt", "ge"}) {
    handlers.emplace(name, binary(*ops::binary_op(name)));
  }
  for (const char* name :
       {"neg", "recip", "exp", "log", "sin", "cos", "abs", "sqr", "sqrt", "rsqrt", "gelu",
        "gelu_tanh", "relu", "elu", "silu", "tanh", "sigmoid"}) {
    handlers.emplace(name, unary(*ops::unary_op(name)));
  }
  return handlers;
}

const std::map<std::string, Handler, std::less<>>& handlers() {
  static const std::map<std::string, Handler, std::less<>> kHandlers = make_handlers();
  return kHandlers;
}

Context& context_of(tandem_device& device) {
  if (!device.ops) device.ops = std::make_shared<Context>(device.device);
  return *static_cast<Context*>(device.ops.get());
}

}  // namespace

tandem_status tandem_run_op(tandem_device* device, const char* op, const tandem_arg* args,
                            size_t num_args) {
  return guarded([&] {
    given(device, "device");
    const auto found = handlers().find(std::string_view(given_text(op, "op")));
    if (found == handlers().end()) {
      std::string names;
      for (const auto& [name, handler] : handlers()) {
        names += names.empty() ? name : ", " + name;
      }
      refuse(fmt::format("no op '{}'; there are {}", op, names));
    }
    const tandem_arg* first = num_args == 0 ? args : &given(args, "args");
    OpArgs op_args(found->first, {first, num_args});
    found->second(context_of(*device), op_args);
  });
}

const char* tandem_op_name(size_t index) {
  const char* name = nullptr;
  guarded([&] {
    if (index < handlers().size()) {
      name = std::next(handlers().begin(), static_cast<std::ptrdiff_t>(index))->first.c_str();
    }
  });
  return name;
}

// SPDX-License-Identifier: Apache-2.0
// Which op computes which case.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>
#include <utility>

#include "op_case.hpp"
#include "tandem/base/error.hpp"
#include "tandem/ops/all.hpp"

namespace tandem::check {
namespace {

using ops::Dtype;
using ops::Tensor;

using Handler = std::function<void(OpCase&)>;

[[noreturn]] void unsupported(const std::string& what) {
  throw Error(ErrorCode::kUnimplemented, what);
}

std::vector<int> axes_of(const OpCase& c) { return c.param("axes").get<std::vector<int>>(); }

int axis_of(const OpCase& c) { return c.param("axis").get<int>(); }

// ---- matmul

// "3:35", "0::2": start, stop and step of a slice; stop defaults to the extent.
Tensor python_slice(const Tensor& x, int axis, const JsonValue& value) {
  const auto text = value.get<std::string>();
  std::array<std::uint64_t, 3> part = {0, x.dim(axis), 1};
  std::size_t begin = 0;
  for (std::size_t field = 0; begin <= text.size(); ++field) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    if (field >= part.size()) value.fail("expected START:STOP:STEP");
    if (end != begin) {
      const char* const last = text.data() + end;
      const auto [rest, error] = std::from_chars(text.data() + begin, last, part[field]);
      if (error != std::errc() || rest != last) value.fail("expected START:STOP:STEP");
    }
    begin = end + 1;
  }
  return x.slice(axis, part[0], part[1], part[2]);
}

void matmul(OpCase& c) {
  Tensor a = c.input("a");
  if (c.has_param("a_rows")) a = python_slice(a, -2, c.param("a_rows"));
  if (c.has_param("a_columns")) a = python_slice(a, -1, c.param("a_columns"));
  ops::MatmulOptions options;
  options.transpose_a = c.param("transpose_a", false);
  options.transpose_b = c.param("transpose_b", false);
  // `y` is compared with its tolerance and `device` bit for bit: two results of one operation.
  for (const char* label : {"y", "device"}) {
    if (!c.has_reference(label)) continue;
    const Tensor y = c.result(label);
    if (c.param("init", false)) {
      const Tensor& init = c.input("init");
      if (init.rank == 1) {
        options.bias = init;
      } else {
        ops::copy(c.ctx(), init, y);
        options.accumulate = true;
      }
    }
    ops::matmul(c.ctx(), a, c.input("b"), y, options);
  }
}

void matmul_w8a8(OpCase& c) {
  const Tensor& a = c.input("a");
  const Tensor& w = c.input("w");
  ops::matmul(c.ctx(), a, w, c.result("acc"), {.transpose_b = true});
  ops::matmul_w8a8(c.ctx(), a, c.input("a_scale"), w, c.input("w_scale"), c.result("y"));
}

void matmul_group(OpCase& c) {
  const auto group = c.param("group").get<std::uint32_t>();
  for (const char* label : {"y", "device"}) {
    ops::matmul_group_quantised(c.ctx(), c.input("a"), c.input("w"), c.input("scale"),
                                c.input("min"), group, c.result(label));
  }
}

// ---- attention

ops::AttentionOptions attention_options(OpCase& c) {
  ops::AttentionOptions options;
  options.scale = c.param("scale").get<float>();
  options.causal = c.param("causal", false);
  options.window = c.param("window", options.window);
  options.softcap = c.param("softcap", options.softcap);
  if (c.has_input("mask")) options.mask = c.input("mask");
  options.own_key_visible = c.has_input("mask") && c.param("mask").get<std::string>() == "padding";
  return options;
}

// Feeds the first rows at once and then one row at a time, through a cache that grows.
void cached_attention(OpCase& c) {
  const Tensor& q = c.input("q");
  const Tensor& k = c.input("k");
  const Tensor& v = c.input("v");
  const Tensor y = c.result("y");
  ops::AttentionOptions options = attention_options(c);
  const auto shape_of = [](const Tensor& t) {
    return std::vector<std::uint64_t>(t.shape.begin(), t.shape.begin() + t.rank);
  };
  const Tensor k_cache = c.allocate(k.dtype, shape_of(k));
  const Tensor v_cache = c.allocate(v.dtype, shape_of(v));
  const std::uint64_t total = q.dim(2);
  std::uint64_t start = 0;
  for (auto stop = c.param("prefill").get<std::uint64_t>(); stop <= total; ++stop) {
    ops::kv_append(c.ctx(), k.slice(2, start, stop), v.slice(2, start, stop),
                   k_cache.slice(2, start, stop), v_cache.slice(2, start, stop));
    options.query_offset = start;
    ops::sdpa(c.ctx(), q.slice(2, start, stop), k_cache.slice(2, 0, stop),
              v_cache.slice(2, 0, stop), options, y.slice(2, start, stop));
    start = stop;
  }
}

void sdpa(OpCase& c) {
  if (c.has_param("prefill")) return cached_attention(c);
  ops::sdpa(c.ctx(), c.input("q"), c.input("k"), c.input("v"), attention_options(c), c.result("y"));
}

// ---- others

void cast(OpCase& c) {
  const std::pair<const char*, ops::Fp8Rule> outputs[] = {
      {"y", ops::Fp8Rule::kTorch},
      {"y_saturating", ops::Fp8Rule::kSaturating},
      {"y_nonsaturating", ops::Fp8Rule::kNonSaturating}};
  for (const auto& [label, rule] : outputs) {
    if (c.has_reference(label)) ops::cast(c.ctx(), c.input("x"), c.result(label), rule);
  }
}

void fill(OpCase& c) {
  const JsonValue value = c.param("value");
  const Tensor y = c.result("y");
  if (y.dtype == Dtype::kI64) {
    ops::fill_bits(c.ctx(), y, static_cast<std::uint64_t>(value.get<std::int64_t>()));
  } else {
    ops::fill(c.ctx(), y, value.get<double>());
  }
}

void concat(OpCase& c) {
  std::vector<Tensor> parts;
  for (std::string label = "x0"; c.has_input(label); label = fmt::format("x{}", parts.size())) {
    parts.push_back(c.input(label));
  }
  ops::concat(c.ctx(), parts, axis_of(c), c.result("y"));
}

void rotary(OpCase& c) {
  const auto style = c.param("style").get<std::string>();
  if (style != "half" && style != "interleaved")
    unsupported(fmt::format("rotary style '{}'", style));
  ops::rotary(c.ctx(), c.input("x"), c.input("cos"), c.input("sin"),
              style == "half" ? ops::RotaryStyle::kHalfSplit : ops::RotaryStyle::kInterleaved,
              c.result("y"));
}

void layernorm(OpCase& c) {
  std::optional<Tensor> bias;
  if (c.has_input("bias")) bias = c.input("bias");
  ops::layernorm(c.ctx(), c.input("x"), c.input("weight"), bias, c.param("eps").get<float>(),
                 c.result("y"));
}

const std::map<std::string, Handler>& handlers() {
  static const std::map<std::string, Handler> kHandlers = {
      {"matmul", matmul},
      {"matmul_int8",
       [](OpCase& c) { ops::matmul(c.ctx(), c.input("a"), c.input("b"), c.result("y")); }},
      {"matmul_w8a8", matmul_w8a8},
      {"matmul_group_quantised", matmul_group},
      {"sdpa", sdpa},
      {"cast", cast},
      {"fill", fill},
      {"concat", concat},
      {"rotary", rotary},
      {"layernorm", layernorm},
      {"rmsnorm",
       [](OpCase& c) {
         ops::rmsnorm(c.ctx(), c.input("x"), c.input("weight"), c.param("eps").get<float>(),
                      c.param("weight_offset", 0.0F), c.result("y"));
       }},
      {"softmax",
       [](OpCase& c) { ops::softmax(c.ctx(), c.input("x"), axis_of(c), c.result("y")); }},
      {"log_softmax",
       [](OpCase& c) { ops::log_softmax(c.ctx(), c.input("x"), axis_of(c), c.result("y")); }},
      {"where",
       [](OpCase& c) {
         ops::where(c.ctx(), c.input("cond"), c.input("x"), c.input("y"), c.result("z"));
       }},
      {"affine",
       [](OpCase& c) {
         ops::affine(c.ctx(), c.input("x"), c.param("mul").get<float>(),
                     c.param("add").get<float>(), c.result("y"));
       }},
      {"transpose",
       [](OpCase& c) {
         const std::vector<int> axes = axes_of(c);
         if (axes.size() != 2) c.param("axes").fail("expected two axes");
         ops::transpose(c.ctx(), c.input("x"), axes[0], axes[1], c.result("y"));
       }},
      {"permute",
       [](OpCase& c) {
         ops::permute(c.ctx(), c.input("x"), c.param("dims").get<std::vector<int>>(),
                      c.result("y"));
       }},
      {"slice",
       [](OpCase& c) {
         ops::slice(c.ctx(), c.input("x"), axis_of(c), c.param("start").get<std::uint64_t>(),
                    c.param("stop").get<std::uint64_t>(), c.param("step").get<std::uint64_t>(),
                    c.result("y"));
       }},
      {"repeat_kv",
       [](OpCase& c) {
         ops::repeat_kv(c.ctx(), c.input("x"), c.param("repeats").get<std::uint64_t>(),
                        c.result("y"));
       }},
      {"broadcast_to", [](OpCase& c) { ops::broadcast_to(c.ctx(), c.input("x"), c.result("y")); }},
      {"reshape", [](OpCase& c) { ops::reshape(c.ctx(), c.input("x"), c.result("y")); }},
      {"index_select",
       [](OpCase& c) {
         ops::index_select(c.ctx(), c.input("x"), axis_of(c), c.input("index"), c.result("y"));
       }},
      {"gather",
       [](OpCase& c) {
         ops::gather(c.ctx(), c.input("x"), axis_of(c), c.input("index"), c.result("y"));
       }},
      {"index_add",
       [](OpCase& c) {
         ops::index_add(c.ctx(), c.input("x"), axis_of(c), c.input("index"), c.input("src"),
                        c.result("y"));
       }},
      {"scatter_add",
       [](OpCase& c) {
         ops::scatter_add(c.ctx(), c.input("x"), axis_of(c), c.input("index"), c.input("src"),
                          c.result("y"));
       }},
      {"embedding",
       [](OpCase& c) {
         ops::embedding(c.ctx(), c.input("weight"), c.input("ids"), c.result("y"));
       }},
  };
  return kHandlers;
}

}  // namespace

void run_op(OpCase& c) {
  const auto op = c.spec().at("op").get<std::string>();
  if (const auto found = handlers().find(op); found != handlers().end()) {
    found->second(c);
  } else if (c.has_param("axes") && ops::reduce_op(op)) {
    ops::reduce(c.ctx(), *ops::reduce_op(op), c.input("x"), axes_of(c), c.result("y"));
  } else if (ops::binary_op(op)) {
    ops::binary(c.ctx(), *ops::binary_op(op), c.input("x"), c.input("y"), c.result("z"));
  } else if (ops::unary_op(op)) {
    ops::unary(c.ctx(), *ops::unary_op(op), c.input("x"), c.result("y"), c.param("alpha", 1.0F));
  } else {
    unsupported(fmt::format("operation '{}' is not one of Tandem's; ops/README.md lists them", op));
  }
}

}  // namespace tandem::check

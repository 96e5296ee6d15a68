// SPDX-License-Identifier: Apache-2.0
// Which op computes which case.
#include <fmt/format.h>

#include <functional>
#include <map>
#include <utility>

#include "op_case.hpp"
#include "tandem/base/error.hpp"
#include "tandem/ops/all.hpp"

namespace tandem::check {
namespace {

using nlohmann::json;
using ops::Dtype;
using ops::Tensor;

using Handler = std::function<void(OpCase&)>;

[[noreturn]] void unsupported(const std::string& what) {
  throw Error(ErrorCode::kUnimplemented, what);
}

std::vector<int> axes_of(const OpCase& c) { return c.params().at("axes").get<std::vector<int>>(); }

int axis_of(const OpCase& c) { return c.params().at("axis").get<int>(); }

// ---- matmul

// "3:35", "0::2": start, stop and step of a slice; stop defaults to the extent.
Tensor python_slice(const Tensor& x, int axis, const std::string& text) {
  std::array<std::uint64_t, 3> part = {0, x.dim(axis), 1};
  std::size_t field = 0;
  std::string digits;
  for (const char ch : text + ":") {
    if (ch != ':') {
      digits += ch;
      continue;
    }
    if (field < 3 && !digits.empty()) part[field] = std::stoull(digits);
    digits.clear();
    ++field;
  }
  return x.slice(axis, part[0], part[1], part[2]);
}

void matmul(OpCase& c) {
  Tensor a = c.input("a");
  if (c.params().contains("a_rows")) a = python_slice(a, -2, c.params().at("a_rows"));
  if (c.params().contains("a_columns")) a = python_slice(a, -1, c.params().at("a_columns"));
  ops::MatmulOptions options;
  options.transpose_a = c.params().value("transpose_a", false);
  options.transpose_b = c.params().value("transpose_b", false);
  // `y` is compared with its tolerance and `device` bit for bit: two results of one operation.
  for (const char* label : {"y", "device"}) {
    if (!c.has_reference(label)) continue;
    const Tensor y = c.result(label);
    if (c.params().value("init", false)) {
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
  const auto group = c.params().at("group").get<std::uint32_t>();
  for (const char* label : {"y", "device"}) {
    ops::matmul_group_quantised(c.ctx(), c.input("a"), c.input("w"), c.input("scale"),
                                c.input("min"), group, c.result(label));
  }
}

// ---- attention

ops::AttentionOptions attention_options(OpCase& c) {
  const json& p = c.params();
  ops::AttentionOptions options;
  options.scale = p.at("scale").get<float>();
  options.causal = p.value("causal", false);
  if (p.contains("window") && !p.at("window").is_null()) options.window = p.at("window");
  if (p.contains("softcap") && !p.at("softcap").is_null()) options.softcap = p.at("softcap");
  if (c.has_input("mask")) options.mask = c.input("mask");
  options.own_key_visible = c.has_input("mask") && p.at("mask") == "padding";
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
  for (std::uint64_t stop = c.params().at("prefill"); stop <= total; ++stop) {
    ops::kv_append(c.ctx(), k.slice(2, start, stop), v.slice(2, start, stop),
                   k_cache.slice(2, start, stop), v_cache.slice(2, start, stop));
    options.query_offset = start;
    ops::sdpa(c.ctx(), q.slice(2, start, stop), k_cache.slice(2, 0, stop),
              v_cache.slice(2, 0, stop), options, y.slice(2, start, stop));
    start = stop;
  }
}

void sdpa(OpCase& c) {
  if (c.params().contains("prefill")) return cached_attention(c);
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
  const json& value = c.params().at("value");
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
  const std::string style = c.params().at("style");
  if (style != "half" && style != "interleaved") unsupported(fmt::format("rotary style '{}'", style));
  ops::rotary(c.ctx(), c.input("x"), c.input("cos"), c.input("sin"),
              style == "half" ? ops::RotaryStyle::kHalfSplit : ops::RotaryStyle::kInterleaved,
              c.result("y"));
}

void layernorm(OpCase& c) {
  std::optional<Tensor> bias;
  if (c.has_input("bias")) bias = c.input("bias");
  ops::layernorm(c.ctx(), c.input("x"), c.input("weight"), bias, c.params().at("eps"),
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
         ops::rmsnorm(c.ctx(), c.input("x"), c.input("weight"), c.params().at("eps"),
                      c.params().value("weight_offset", 0.0F), c.result("y"));
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
         ops::affine(c.ctx(), c.input("x"), c.params().at("mul"), c.params().at("add"),
                     c.result("y"));
       }},
      {"transpose",
       [](OpCase& c) {
         const std::vector<int> axes = axes_of(c);
         ops::transpose(c.ctx(), c.input("x"), axes.at(0), axes.at(1), c.result("y"));
       }},
      {"permute",
       [](OpCase& c) {
         ops::permute(c.ctx(), c.input("x"), c.params().at("dims").get<std::vector<int>>(),
                      c.result("y"));
       }},
      {"slice",
       [](OpCase& c) {
         ops::slice(c.ctx(), c.input("x"), axis_of(c), c.params().at("start"),
                    c.params().at("stop"), c.params().at("step"), c.result("y"));
       }},
      {"repeat_kv",
       [](OpCase& c) {
         ops::repeat_kv(c.ctx(), c.input("x"), c.params().at("repeats"), c.result("y"));
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
  const std::string op = c.spec().at("op");
  if (const auto found = handlers().find(op); found != handlers().end()) {
    found->second(c);
  } else if (c.params().contains("axes") && ops::reduce_op(op)) {
    ops::reduce(c.ctx(), *ops::reduce_op(op), c.input("x"), axes_of(c), c.result("y"));
  } else if (ops::binary_op(op)) {
    ops::binary(c.ctx(), *ops::binary_op(op), c.input("x"), c.input("y"), c.result("z"));
  } else if (ops::unary_op(op)) {
    ops::unary(c.ctx(), *ops::unary_op(op), c.input("x"), c.result("y"),
               c.params().value("alpha", 1.0F));
  } else {
    unsupported(fmt::format("operation '{}' is not one of Tandem's; ops/README.md lists them", op));
  }
}

}  // namespace tandem::check

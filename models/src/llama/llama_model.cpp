// SPDX-License-Identifier: Apache-2.0
// The forward pass, top to bottom. Names follow Touvron et al., "LLaMA" (2023), and Vaswani et al.,
// "Attention Is All You Need" (2017).
#include "tandem/models/llama/llama_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "activations.hpp"
#include "step.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/llama/rotary_table.hpp"
#include "tandem/ops/attention.hpp"
#include "tandem/ops/index.hpp"
#include "tandem/ops/norm.hpp"
#include "tandem/ops/rotary.hpp"
#include "tandem/ops/unary.hpp"

namespace tandem::models {

using ops::Tensor;

namespace {

// A tensor of a step as attention sees it: from rows [tokens, width] the heads of a group, starting
// at column `first_head` * head_dim, as [sequences, heads, tokens, head_dim].
Tensor heads_of(const Tensor& rows, const AttentionGroup& group, std::uint64_t first_head,
                std::uint64_t heads, std::uint64_t head_dim) {
  const std::uint64_t row_bytes = rows.stride[0];
  const std::uint64_t head_bytes = head_dim * rows.elem_bytes();
  Tensor view(rows.addr + group.first_token * row_bytes + first_head * head_bytes, rows.dtype,
              {group.sequences, heads, group.tokens, head_dim});
  view.stride = {row_bytes * group.tokens, head_bytes, row_bytes, rows.elem_bytes()};
  return view;
}

// Uploads `values` in pieces that Context::upload takes and calls use([count] i32, first) for each.
template <class Use>
void for_each_upload(ops::Context& ctx, std::span<const std::int32_t> values, Use&& use) {
  constexpr std::size_t kPiece = 32768;
  for (std::size_t first = 0; first < values.size(); first += kPiece) {
    const auto piece = values.subspan(first, std::min(kPiece, values.size() - first));
    use(Tensor(ctx.upload(std::as_bytes(piece)), abi::Dtype::kI32, {piece.size()}), first);
  }
}

}  // namespace

struct LlamaModel::Impl {
  Impl(ops::Context& context, const WeightSource& source, WeightStorage weight_storage,
       const LoadProgress& on_progress)
      : ctx(context),
        config(source.config()),
        storage(weight_storage),
        weights(LlamaWeights::load(context.device(), source, weight_storage, on_progress)),
        rotary(context, config),
        activations(config) {
    for (std::uint32_t l = 0; l < config.num_layers; ++l) {
      scopes.push_back(fmt::format("layer.{}", l));
    }
  }

  ops::Context& ctx;
  LlamaConfig config;
  WeightStorage storage;
  LlamaWeights weights;
  RotaryTable rotary;
  Activations activations;
  std::vector<std::string> scopes;  // names of the layers in traces

  // Of the running step.
  struct Angles {
    Tensor cos, sin;  // [tokens or 1, 1, rotary_dims / 2] f32
  };

  Tensor forward(KvCache& cache, const Step& step, LogitRows wanted, const HiddenHook& on_hidden,
                 const OpHook& on_op);
  Angles angles_of(const Step& step);
  void embed(const Step& step, const Tensor& x);
  void attention(const LlamaLayer& layer, std::uint32_t l, KvCache& cache, const Step& step,
                 const Angles& angles, const Tensor& x, bool last_row_only, const OpHook& on_op);
  void feed_forward(const LlamaLayer& layer, std::uint32_t l, const Tensor& x, const OpHook& on_op);
  Tensor output(const Step& step, LogitRows wanted, const Tensor& x, const HiddenHook& on_hidden,
                const OpHook& on_op);
};

Tensor LlamaModel::Impl::forward(KvCache& cache, const Step& step, LogitRows wanted,
                                 const HiddenHook& on_hidden, const OpHook& on_op) {
  cache.reserve(step.max_length);
  rotary.reserve(step.max_length);
  const Angles angles = angles_of(step);

  const bool prompt_end_only = wanted == LogitRows::kLast && !on_hidden && !on_op &&
                               step.groups.size() == 1 && step.groups.front().tokens > 1;

  Tensor x = activations.x.rows(ctx, step.tokens());  // [tokens, hidden]
  embed(step, x);
  if (on_op) on_op(std::nullopt, "embedding", "out", x);
  if (on_hidden) on_hidden(0, x);
  for (std::uint32_t l = 0; l < config.num_layers; ++l) {
    const runtime::OpScope scope(ctx.queue(), scopes[l]);
    // Nothing reads the other rows behind the keys and values of the last layer.
    const bool last_row_only = prompt_end_only && l + 1 == config.num_layers;
    // x += Attention(RMSNorm(x))
    attention(weights.layers[l], l, cache, step, angles, x, last_row_only, on_op);
    if (last_row_only) x = x.slice(0, step.tokens() - 1, step.tokens());
    // x += SwiGLU(RMSNorm(x))
    feed_forward(weights.layers[l], l, x, on_op);
    if (on_hidden) on_hidden(l + 1, x);
  }
  const Tensor logits = output(step, wanted, x, on_hidden, on_op);  // [rows, vocab]

  for (const AttentionGroup& group : step.groups) {
    for (std::uint32_t s = 0; s < group.sequences; ++s) {
      cache.advance(group.first_sequence + s, group.tokens);
    }
  }
  ctx.queue().flush();
  return logits;
}

void LlamaModel::Impl::embed(const Step& step, const Tensor& x) {
  for_each_upload(ctx, step.ids, [&](const Tensor& ids, std::uint64_t first) {
    ops::embedding(ctx, weights.token_embedding.weight, ids, x.slice(0, first, first + ids.dim(0)));
  });
}

// Rows of the rotary table, one per token, or one for all where all are at the same position.
LlamaModel::Impl::Angles LlamaModel::Impl::angles_of(const Step& step) {
  if (step.groups.size() == 1) {
    const AttentionGroup& group = step.groups.front();
    return {rotary.cos(group.position, group.tokens), rotary.sin(group.position, group.tokens)};
  }
  std::vector<std::int32_t> positions;
  for (const AttentionGroup& group : step.groups) {
    for (std::uint32_t i = 0; i < group.sequences * group.tokens; ++i) {
      // A group has several sequences or several tokens, never both.
      positions.push_back(static_cast<std::int32_t>(group.position + (group.tokens == 1 ? 0 : i)));
    }
  }
  const Tensor cos = activations.cos.rows(ctx, positions.size());
  const Tensor sin = activations.sin.rows(ctx, positions.size());
  for_each_upload(ctx, positions, [&](const Tensor& index, std::uint64_t first) {
    const std::uint64_t end = first + index.dim(0);
    ops::index_select(ctx, rotary.all_cos(), 0, index, cos.slice(0, first, end));
    ops::index_select(ctx, rotary.all_sin(), 0, index, sin.slice(0, first, end));
  });
  return {cos.unsqueeze(1), sin.unsqueeze(1)};
}

void LlamaModel::Impl::attention(const LlamaLayer& layer, std::uint32_t l, KvCache& cache,
                                 const Step& step, const Angles& angles, const Tensor& x,
                                 bool last_row_only, const OpHook& on_op) {
  const std::uint64_t heads = config.num_heads;
  const std::uint64_t kv_heads = config.num_kv_heads;
  const std::uint64_t dim = config.head_dim;
  const std::uint64_t tokens = step.tokens();

  const Tensor h = activations.h.rows(ctx, tokens);  // [tokens, hidden]
  ops::rmsnorm(ctx, x, layer.attention_norm.tensor, config.rms_norm_eps, 0.0f, h);
  if (on_op) on_op(l, "attention_norm", "out", h);
  const Tensor qkv = activations.qkv.rows(ctx, tokens);  // [tokens, (heads + 2 kv_heads) * dim]
  layer.qkv.apply(ctx, h, qkv);
  if (on_op) {
    const std::uint64_t k = heads * dim, v = k + kv_heads * dim;
    on_op(l, "q", "out", qkv.slice(1, 0, k));
    on_op(l, "k", "out", qkv.slice(1, k, v));
    on_op(l, "v", "out", qkv.slice(1, v, qkv.dim(1)));
  }

  // q and k lie side by side and turn together, in place.
  Tensor qk(qkv.addr, qkv.dtype, {tokens, heads + kv_heads, dim});
  qk.stride[0] = qkv.stride[0];
  ops::rotary(ctx, qk, angles.cos, angles.sin,
              config.rotary_pairs == RotaryPairs::kHalfSplit ? ops::RotaryStyle::kHalfSplit
                                                             : ops::RotaryStyle::kInterleaved,
              qk);
  if (on_op) {
    on_op(l, "rotary", "out.q", qk.slice(1, 0, heads));
    on_op(l, "rotary", "out.k", qk.slice(1, heads, heads + kv_heads));
  }

  ops::AttentionOptions options;
  options.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim)));
  options.causal = true;
  options.window = config.window_of_layer(l);
  const std::uint64_t first_row = last_row_only ? tokens - 1 : 0;
  const Tensor out = activations.attention.rows(ctx, tokens);  // [tokens, heads * dim]
  for (const AttentionGroup& g : step.groups) {
    const std::uint32_t length = g.position + g.tokens;
    ops::kv_append(ctx, heads_of(qkv, g, heads, kv_heads, dim),
                   heads_of(qkv, g, heads + kv_heads, kv_heads, dim),
                   cache.keys(l, g.first_sequence, g.sequences, g.position, g.tokens),
                   cache.values(l, g.first_sequence, g.sequences, g.position, g.tokens));
    AttentionGroup queries = g;
    if (last_row_only) {
      queries.first_token += g.tokens - 1;
      queries.tokens = 1;
    }
    ops::sdpa(ctx, heads_of(qkv, queries, 0, heads, dim),
              cache.keys(l, g.first_sequence, g.sequences, 0, length),
              cache.values(l, g.first_sequence, g.sequences, 0, length), options,
              heads_of(out, queries, 0, heads, dim));
  }
  if (on_op) on_op(l, "sdpa", "out", out);
  layer.attention_output.apply_add(ctx, out.slice(0, first_row, tokens),
                                   x.slice(0, first_row, tokens));
  if (on_op) on_op(l, "attention_residual", "out", x);
}

void LlamaModel::Impl::feed_forward(const LlamaLayer& layer, std::uint32_t l, const Tensor& x,
                                    const OpHook& on_op) {
  const std::uint64_t tokens = x.dim(0);
  const Tensor h = activations.h.rows(ctx, tokens);  // [tokens, hidden]
  ops::rmsnorm(ctx, x, layer.ffn_norm.tensor, config.rms_norm_eps, 0.0f, h);
  if (on_op) on_op(l, "ffn_norm", "out", h);
  const Tensor gate_up = activations.gate_up.rows(ctx, tokens);  // [tokens, 2 intermediate]
  layer.gate_up.apply(ctx, h, gate_up);
  const Tensor gate = gate_up.slice(1, 0, config.intermediate_size);
  const Tensor up = gate_up.slice(1, config.intermediate_size, gate_up.dim(1));
  if (on_op) {
    on_op(l, "gate", "out", gate);
    on_op(l, "up", "out", up);
  }
  const Tensor a = activations.mlp.rows(ctx, tokens);  // [tokens, intermediate]
  ops::silu_mul(ctx, gate, up, a);
  if (on_op) on_op(l, "silu_mul", "out", a);
  layer.down.apply_add(ctx, a, x);
  if (on_op) on_op(l, "block", "out", x);
}

Tensor LlamaModel::Impl::output(const Step& step, LogitRows wanted, const Tensor& x,
                                const HiddenHook& on_hidden, const OpHook& on_op) {
  const auto norm = [&](const Tensor& from, const Tensor& to) {
    ops::rmsnorm(ctx, from, weights.output_norm.tensor, config.rms_norm_eps, 0.0f, to);
  };
  const std::uint64_t rows = wanted == LogitRows::kAll ? step.tokens() : step.last_rows.size();
  if (on_hidden) {
    const Tensor all = activations.h.rows(ctx, step.tokens());
    norm(x, all);
    on_hidden(config.num_layers + 1, all);
  }
  const Tensor h = activations.last.rows(ctx, rows);  // [rows, hidden]
  if (rows == x.dim(0)) {
    norm(x, h);
  } else {
    for (std::uint64_t i = 0; i < rows; ++i) {
      norm(x.slice(0, step.last_rows[i], step.last_rows[i] + 1), h.slice(0, i, i + 1));
    }
  }
  if (on_op) on_op(std::nullopt, "norm", "out", h);
  const Tensor logits = activations.logits.rows(ctx, rows);  // [rows, vocab]
  const runtime::OpScope scope(ctx.queue(), "output");
  weights.apply_output(ctx, h, logits);
  if (on_op) on_op(std::nullopt, "logits", "out", logits);
  return logits;
}

LlamaModel::LlamaModel(ops::Context& ctx, const WeightSource& source, WeightStorage storage,
                       const LoadProgress& on_progress)
    : impl_(std::make_unique<Impl>(ctx, source, storage, on_progress)) {}
LlamaModel::~LlamaModel() = default;
LlamaModel::LlamaModel(LlamaModel&&) noexcept = default;
LlamaModel& LlamaModel::operator=(LlamaModel&&) noexcept = default;

const LlamaConfig& LlamaModel::config() const { return impl_->config; }
const LlamaWeights& LlamaModel::weights() const { return impl_->weights; }
WeightStorage LlamaModel::storage() const { return impl_->storage; }
ops::Context& LlamaModel::context() const { return impl_->ctx; }

Tensor LlamaModel::forward(KvCache& cache, std::span<const TokenRun> step, LogitRows wanted,
                           const HiddenHook& on_hidden, const OpHook& on_op) {
  return impl_->forward(cache, plan_step(impl_->config, cache, step), wanted, on_hidden, on_op);
}

}  // namespace tandem::models

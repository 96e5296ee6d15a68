// SPDX-License-Identifier: Apache-2.0
// The one table of weight names, and the shapes that a configuration demands.
#include <fmt/format.h>

#include <array>

#include "tandem/base/error.hpp"
#include "tandem/models/files/weight_source.hpp"

namespace tandem::models {
namespace {

struct NameRow {
  WeightRole role;
  bool per_layer;
  std::string_view canonical;  // behind "layer.N." where per_layer
  std::string_view gguf;       // behind "blk.N."
  std::string_view hf;         // behind "model.layers.N."
};

constexpr std::array kNames{
    NameRow{WeightRole::kTokenEmbedding, false, "token_embd", "token_embd.weight",
            "model.embed_tokens.weight"},
    NameRow{WeightRole::kOutputNorm, false, "output_norm", "output_norm.weight",
            "model.norm.weight"},
    NameRow{WeightRole::kOutput, false, "output", "output.weight", "lm_head.weight"},
    NameRow{WeightRole::kAttentionNorm, true, "attn_norm", "attn_norm.weight",
            "input_layernorm.weight"},
    NameRow{WeightRole::kQuery, true, "q", "attn_q.weight", "self_attn.q_proj.weight"},
    NameRow{WeightRole::kKey, true, "k", "attn_k.weight", "self_attn.k_proj.weight"},
    NameRow{WeightRole::kValue, true, "v", "attn_v.weight", "self_attn.v_proj.weight"},
    NameRow{WeightRole::kAttentionOutput, true, "o", "attn_output.weight",
            "self_attn.o_proj.weight"},
    NameRow{WeightRole::kQueryBias, true, "q_bias", "attn_q.bias", "self_attn.q_proj.bias"},
    NameRow{WeightRole::kKeyBias, true, "k_bias", "attn_k.bias", "self_attn.k_proj.bias"},
    NameRow{WeightRole::kValueBias, true, "v_bias", "attn_v.bias", "self_attn.v_proj.bias"},
    NameRow{WeightRole::kAttentionOutputBias, true, "o_bias", "attn_output.bias",
            "self_attn.o_proj.bias"},
    NameRow{WeightRole::kFfnNorm, true, "ffn_norm", "ffn_norm.weight",
            "post_attention_layernorm.weight"},
    NameRow{WeightRole::kGate, true, "gate", "ffn_gate.weight", "mlp.gate_proj.weight"},
    NameRow{WeightRole::kUp, true, "up", "ffn_up.weight", "mlp.up_proj.weight"},
    NameRow{WeightRole::kDown, true, "down", "ffn_down.weight", "mlp.down_proj.weight"},
    NameRow{WeightRole::kGateBias, true, "gate_bias", "ffn_gate.bias", "mlp.gate_proj.bias"},
    NameRow{WeightRole::kUpBias, true, "up_bias", "ffn_up.bias", "mlp.up_proj.bias"},
    NameRow{WeightRole::kDownBias, true, "down_bias", "ffn_down.bias", "mlp.down_proj.bias"},
};

const NameRow& row_of(WeightRole role) {
  const NameRow& row = kNames.at(static_cast<std::size_t>(role));
  TANDEM_CHECK(row.role == role);
  return row;
}

std::string place(const NameRow& row, std::string_view prefix, std::uint32_t layer,
                  std::string_view name) {
  return row.per_layer ? fmt::format("{}{}.{}", prefix, layer, name) : std::string(name);
}

}  // namespace

bool is_per_layer(WeightRole role) { return row_of(role).per_layer; }

std::string canonical_name(WeightName name) {
  const NameRow& row = row_of(name.role);
  return place(row, "layer.", name.layer, row.canonical);
}

std::string gguf_name(WeightName name) {
  const NameRow& row = row_of(name.role);
  return place(row, "blk.", name.layer, row.gguf);
}

std::string hf_name(WeightName name) {
  const NameRow& row = row_of(name.role);
  return place(row, "model.layers.", name.layer, row.hf);
}

WeightShape expected_shape(const LlamaConfig& config, WeightName name) {
  const std::uint64_t hidden = config.hidden_size;
  const std::uint64_t queries = std::uint64_t{config.num_heads} * config.head_dim;
  const std::uint64_t keys = std::uint64_t{config.num_kv_heads} * config.head_dim;
  const std::uint64_t inner = config.intermediate_size;
  switch (name.role) {
    case WeightRole::kTokenEmbedding:
    case WeightRole::kOutput:
      return {config.vocab_size, hidden};
    case WeightRole::kOutputNorm:
    case WeightRole::kAttentionNorm:
    case WeightRole::kFfnNorm:
    case WeightRole::kAttentionOutputBias:
    case WeightRole::kDownBias:
      return {1, hidden};
    case WeightRole::kQuery:
      return {queries, hidden};
    case WeightRole::kKey:
    case WeightRole::kValue:
      return {keys, hidden};
    case WeightRole::kAttentionOutput:
      return {hidden, queries};
    case WeightRole::kQueryBias:
      return {1, queries};
    case WeightRole::kKeyBias:
    case WeightRole::kValueBias:
      return {1, keys};
    case WeightRole::kGate:
    case WeightRole::kUp:
      return {inner, hidden};
    case WeightRole::kDown:
      return {hidden, inner};
    case WeightRole::kGateBias:
    case WeightRole::kUpBias:
      return {1, inner};
  }
  TANDEM_CHECK(false);
  return {};
}

}  // namespace tandem::models

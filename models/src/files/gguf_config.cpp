// SPDX-License-Identifier: Apache-2.0
// Model configuration from GGUF metadata.
#include <fmt/format.h>

#include <algorithm>

#include "config_checks.hpp"
#include "printable.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/files/llama_config.hpp"
#include "tandem/models/files/weight_source.hpp"

namespace tandem::models {
namespace {

/// Reads the keys of one architecture: "llama.block_count" and the like.
class ArchKeys {
 public:
  ArchKeys(const GgufFile& file, std::string arch) : file_(file), arch_(std::move(arch)) {}

  std::string key(const std::string& name) const { return arch_ + "." + name; }
  std::string place(const std::string& name) const {
    return fmt::format("{}: metadata key {}", file_.path().string(), printable(key(name)));
  }

  std::optional<double> number(const std::string& name) const { return file_.number(key(name)); }
  std::optional<std::string_view> text(const std::string& name) const {
    return file_.text(key(name));
  }

  std::uint32_t count(const std::string& name, std::int64_t max) const {
    const auto value = uniform(name);
    if (!value) missing(name);
    return checked_count(*value, max, place(name));
  }

  /// As count; absent gives `otherwise`.
  std::uint32_t count(const std::string& name, std::int64_t max, std::uint32_t otherwise) const {
    const auto value = uniform(name);
    return value ? checked_count(*value, max, place(name)) : otherwise;
  }

  /// For keys whose zero means the same as their absence.
  std::uint32_t count_or_zero(const std::string& name, std::int64_t max) const {
    return uniform(name).value_or(0) == 0 ? 0 : count(name, max);
  }

  [[noreturn]] void missing(const std::string& name) const {
    throw Error(ErrorCode::kInvalidArgument, place(name) + " is missing");
  }
  [[noreturn]] void unimplemented(const std::string& name, const std::string& what) const {
    throw Error(ErrorCode::kUnimplemented, fmt::format("{}: {}", place(name), what));
  }

 private:
  /// A number, or an array with one number per layer when all of them are equal.
  std::optional<std::int64_t> uniform(const std::string& name) const {
    const GgufValue* value = file_.find(key(name));
    if (!value || value->type != GgufType::kArray) return file_.integer(key(name));
    const auto values = *file_.integers(key(name));
    if (values.empty()) missing(name);
    if (std::ranges::any_of(values, [&](std::int64_t v) { return v != values.front(); })) {
      unimplemented(name, "different values per layer are not supported");
    }
    return values.front();
  }

  const GgufFile& file_;
  std::string arch_;
};

void take_sizes(const GgufFile& file, const ArchKeys& keys, LlamaConfig& config) {
  config.hidden_size = keys.count("embedding_length", kMaxWidth);
  config.intermediate_size = keys.count("feed_forward_length", kMaxWidth);
  config.num_layers = keys.count("block_count", kMaxLayers);
  config.num_heads = keys.count("attention.head_count", kMaxWidth);
  config.num_kv_heads = keys.count("attention.head_count_kv", kMaxWidth, config.num_heads);
  config.max_positions = keys.count("context_length", kMaxPositions, 0);
  config.head_dim =
      keys.count("attention.key_length", kMaxWidth, config.hidden_size / config.num_heads);
  if (config.head_dim == 0) keys.unimplemented("attention.head_count", "more heads than width");
  if (keys.count("attention.value_length", kMaxWidth, config.head_dim) != config.head_dim) {
    keys.unimplemented("attention.value_length", "differs from attention.key_length");
  }
  const auto epsilon = keys.number("attention.layer_norm_rms_epsilon");
  if (!epsilon) keys.missing("attention.layer_norm_rms_epsilon");
  config.rms_norm_eps = static_cast<float>(*epsilon);
  const GgufTensor* embedding = file.find_tensor(gguf_name({WeightRole::kTokenEmbedding, 0}));
  config.vocab_size = embedding ? checked_count(static_cast<std::int64_t>(embedding->rows),
                                                kMaxVocab, file.path().string() + ": token_embd")
                                : keys.count("vocab_size", kMaxVocab);
}

void take_rope(const GgufFile& file, const ArchKeys& keys, LlamaConfig& config) {
  config.rotary_dims = keys.count("rope.dimension_count", kMaxWidth, config.head_dim);
  config.rope_theta = keys.number("rope.freq_base").value_or(10000.0);
  const std::string type(keys.text("rope.scaling.type").value_or("none"));
  const auto old_linear = keys.number("rope.scale_linear");
  RopeScaling& scaling = config.rope_scaling;
  if (type == "linear" || old_linear) {
    scaling.kind = RopeScaling::Kind::kLinear;
    scaling.factor = keys.number("rope.scaling.factor").value_or(old_linear.value_or(1.0));
  } else if (type != "none") {
    keys.unimplemented("rope.scaling.type",
                       fmt::format("rope type {} is not supported; supported: none, linear, "
                                   "frequency factors (rope_freqs.weight)",
                                   printable(type)));
  }
  const GgufTensor* factors = file.find_tensor("rope_freqs.weight");
  if (!factors) return;
  if (scaling.kind != RopeScaling::Kind::kNone) {
    keys.unimplemented("rope.scaling.type", "linear scaling together with rope_freqs.weight");
  }
  if (factors->rows != 1 || factors->cols != config.rotary_dims / 2) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: tensor rope_freqs.weight: expected {} values, found {} x {}",
                    file.path().string(), config.rotary_dims / 2, factors->rows, factors->cols));
  }
  scaling.kind = RopeScaling::Kind::kFactors;
  scaling.factors.resize(factors->cols);
  file.dequantise_rows(*factors, 0, 1, scaling.factors);
}

void take_biases(const GgufFile& file, LlamaConfig& config) {
  const auto has = [&](WeightRole role) {
    return file.find_tensor(gguf_name({role, 0})) != nullptr;
  };
  config.tied_output = !has(WeightRole::kOutput);
  config.qkv_bias = has(WeightRole::kQueryBias);
  config.attention_output_bias = has(WeightRole::kAttentionOutputBias);
  config.mlp_bias = has(WeightRole::kGateBias);
  if (const GgufTensor* q = file.find_tensor(gguf_name({WeightRole::kQuery, 0}))) {
    config.weight_type = q->type;
  }
}

void take_token_ids(const GgufFile& file, LlamaConfig& config) {
  const auto id = [&](const std::string& key) -> std::optional<std::int32_t> {
    const auto value = file.integer(key);
    if (!value) return std::nullopt;
    return checked_token_id(*value, fmt::format("{}: metadata key {}", file.path().string(), key));
  };
  config.bos_id = id("tokenizer.ggml.bos_token_id");
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    const auto end = id(key);
    if (end && std::ranges::find(config.eos_ids, *end) == config.eos_ids.end()) {
      config.eos_ids.push_back(*end);
    }
  }
}

}  // namespace

LlamaConfig config_from_gguf(const GgufFile& file) {
  const auto arch = file.text("general.architecture");
  if (!arch) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: metadata key 'general.architecture' is missing", file.path().string()));
  }
  if (*arch != "llama" && *arch != "qwen2") {
    throw Error(ErrorCode::kUnimplemented,
                fmt::format("{}: architecture {} is not supported; supported: llama, qwen2",
                            file.path().string(), printable(*arch)));
  }
  const ArchKeys keys(file, std::string(*arch));
  LlamaConfig config;
  config.family = *arch == "qwen2" ? ModelFamily::kQwen2 : ModelFamily::kLlama;
  config.rotary_pairs = *arch == "qwen2" ? RotaryPairs::kHalfSplit : RotaryPairs::kInterleaved;
  config.name = file.text("general.name").value_or(*arch);
  if (keys.count_or_zero("expert_count", 1 << 16) > 0) {
    keys.unimplemented("expert_count", "mixtures of experts are not supported");
  }
  take_sizes(file, keys, config);
  take_rope(file, keys, config);
  take_biases(file, config);
  config.sliding_window = keys.count_or_zero("attention.sliding_window", kMaxPositions);
  take_token_ids(file, config);
  check_config(config, file.path().string());
  return config;
}

}  // namespace tandem::models

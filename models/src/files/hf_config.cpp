// SPDX-License-Identifier: Apache-2.0
// Hugging Face config.json, as transformers 4 and 5 write it, and generation_config.json.
#include <fmt/format.h>

#include <cmath>

#include "config_checks.hpp"
#include "json_text.hpp"
#include "printable.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/files/llama_config.hpp"

namespace tandem::models {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void unimplemented(const JsonFields& fields, const std::string& key,
                                const std::string& found, const std::string& supported) {
  throw Error(ErrorCode::kUnimplemented, fmt::format("{}: {} is not supported; supported: {}",
                                                     fields.place(key), found, supported));
}

std::uint32_t take_count(const JsonFields& fields, const std::string& key, std::int64_t max) {
  const auto value = fields.integer(key);
  if (!value) fields.missing(key, "a count");
  return checked_count(*value, max, fields.place(key));
}

std::uint32_t take_count(const JsonFields& fields, const std::string& key, std::int64_t max,
                         std::uint32_t otherwise) {
  return fields.has(key) ? take_count(fields, key, max) : otherwise;
}

ModelFamily take_family(const JsonFields& fields) {
  const auto type = fields.text("model_type");
  if (!type) fields.missing("model_type", "\"llama\", \"mistral\" or \"qwen2\"");
  if (*type == "llama") return ModelFamily::kLlama;
  if (*type == "mistral") return ModelFamily::kMistral;
  if (*type == "qwen2") return ModelFamily::kQwen2;
  unimplemented(fields, "model_type", printable(*type), "llama, mistral, qwen2");
}

StoredType take_dtype(const JsonFields& fields) {
  const std::string key = fields.has("dtype") ? "dtype" : "torch_dtype";
  const std::string dtype = fields.text(key).value_or("float32");
  if (dtype == "float32") return StoredType::kF32;
  if (dtype == "float16") return StoredType::kF16;
  if (dtype == "bfloat16") return StoredType::kBf16;
  unimplemented(fields, key, printable(dtype), "float32, float16, bfloat16");
}

void take_sizes(const JsonFields& fields, LlamaConfig& config) {
  config.hidden_size = take_count(fields, "hidden_size", kMaxWidth);
  config.intermediate_size = take_count(fields, "intermediate_size", kMaxWidth);
  config.num_layers = take_count(fields, "num_hidden_layers", kMaxLayers);
  config.num_heads = take_count(fields, "num_attention_heads", kMaxWidth);
  // Absent in the first Llama files: as many as query heads.
  config.num_kv_heads = take_count(fields, "num_key_value_heads", kMaxWidth, config.num_heads);
  config.vocab_size = take_count(fields, "vocab_size", kMaxVocab);
  config.max_positions = take_count(fields, "max_position_embeddings", kMaxPositions, 0);
  if (!fields.has("head_dim") && config.hidden_size % config.num_heads != 0) {
    fields.fail("num_attention_heads", fmt::format("{} heads do not divide hidden_size {}",
                                                   config.num_heads, config.hidden_size));
  }
  config.head_dim =
      take_count(fields, "head_dim", kMaxWidth, config.hidden_size / config.num_heads);
  config.rms_norm_eps = static_cast<float>(fields.number("rms_norm_eps").value_or(1e-6));
}

void take_llama3_scaling(const JsonFields& rope, LlamaConfig& config) {
  RopeScaling& scaling = config.rope_scaling;
  scaling.kind = RopeScaling::Kind::kLlama3;
  const auto number = [&](const std::string& key) {
    const auto value = rope.number(key);
    if (!value) rope.missing(key, "a number");
    return *value;
  };
  scaling.factor = number("factor");
  scaling.low_freq_factor = number("low_freq_factor");
  scaling.high_freq_factor = number("high_freq_factor");
  scaling.original_max_positions =
      take_count(rope, "original_max_position_embeddings", kMaxPositions, config.max_positions);
}

/// Both styles keep the scaling in one object; version 5 has the base in it too.
void take_rope(const JsonFields& fields, LlamaConfig& config) {
  config.rotary_dims = config.head_dim;
  config.rope_theta = fields.number("rope_theta").value_or(10000.0);
  double partial = fields.number("partial_rotary_factor").value_or(1.0);
  const std::string key = fields.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  if (fields.has(key)) {
    const JsonFields rope = fields.object(key);
    config.rope_theta = rope.number("rope_theta").value_or(config.rope_theta);
    partial = rope.number("partial_rotary_factor").value_or(partial);
    const std::string type_key = rope.has("rope_type") ? "rope_type" : "type";
    const auto type = rope.text(type_key);
    if (!type) rope.missing("rope_type", "\"default\", \"linear\" or \"llama3\"");
    if (*type == "linear") {
      config.rope_scaling.kind = RopeScaling::Kind::kLinear;
      const auto factor = rope.number("factor");
      if (!factor) rope.missing("factor", "a number");
      config.rope_scaling.factor = *factor;
    } else if (*type == "llama3") {
      take_llama3_scaling(rope, config);
    } else if (*type != "default") {
      unimplemented(rope, type_key, "rope type " + printable(*type), "default, linear, llama3");
    }
  }
  if (!(partial > 0.0 && partial <= 1.0)) {
    fields.fail("partial_rotary_factor",
                fmt::format("expected 0 < factor <= 1, found {}", partial));
  }
  config.rotary_dims = static_cast<std::uint32_t>(config.head_dim * partial);
}

void take_biases(const JsonFields& fields, LlamaConfig& config) {
  config.tied_output = fields.flag("tie_word_embeddings").value_or(false);
  if (config.family == ModelFamily::kQwen2) {
    config.qkv_bias = true;
  } else if (config.family == ModelFamily::kLlama) {
    config.qkv_bias = fields.flag("attention_bias").value_or(false);
    config.attention_output_bias = config.qkv_bias;
    config.mlp_bias = fields.flag("mlp_bias").value_or(false);
  }
}

void take_layer_types(const JsonFields& fields, LlamaConfig& config) {
  const Json& types = fields.array("layer_types");
  if (types.size() != config.num_layers) {
    fields.fail("layer_types",
                fmt::format("expected {} entries, found {}", config.num_layers, types.size()));
  }
  for (const Json& type : types) {
    const bool sliding = type == "sliding_attention";
    if (!sliding && type != "full_attention") {
      unimplemented(fields, "layer_types", describe(type), "full_attention, sliding_attention");
    }
    config.windowed_layers.push_back(sliding && config.sliding_window > 0);
  }
}

void take_window(const JsonFields& fields, const Json& json, LlamaConfig& config) {
  if (config.family == ModelFamily::kLlama) return;
  if (config.family == ModelFamily::kMistral) {
    // transformers' default, which files of that time do not repeat; null means none.
    const std::uint32_t otherwise = json.contains("sliding_window") ? 0 : 4096;
    config.sliding_window = take_count(fields, "sliding_window", kMaxPositions, otherwise);
  } else if (fields.flag("use_sliding_window").value_or(false)) {
    config.sliding_window = take_count(fields, "sliding_window", kMaxPositions, 4096);
  }
  if (fields.has("layer_types")) {
    take_layer_types(fields, config);
  } else if (config.family == ModelFamily::kQwen2 && config.sliding_window > 0) {
    const std::int64_t first = fields.integer("max_window_layers").value_or(28);
    for (std::int64_t layer = 0; layer < config.num_layers; ++layer) {
      config.windowed_layers.push_back(layer >= first);
    }
  }
}

/// bos_token_id and eos_token_id, each an id, a list of ids, or absent.
void take_token_ids(const JsonFields& fields, LlamaConfig& config) {
  const auto ids = [&](const std::string& key) {
    std::vector<std::int32_t> out;
    const Json* value = fields.find(key);
    if (!value) return out;
    const Json list = value->is_array() ? *value : Json::array({*value});
    for (const Json& id : list) {
      if (!id.is_number_integer()) {
        fields.fail(key, fmt::format("expected a token id, found {}", describe(id)));
      }
      out.push_back(checked_token_id(id.get<std::int64_t>(), fields.place(key)));
    }
    return out;
  };
  const auto bos = ids("bos_token_id");
  if (!bos.empty()) config.bos_id = bos.front();
  auto eos = ids("eos_token_id");
  if (!eos.empty()) config.eos_ids = std::move(eos);
}

void refuse_unsupported(const JsonFields& fields) {
  const std::string activation = fields.text("hidden_act").value_or("silu");
  if (activation != "silu") unimplemented(fields, "hidden_act", printable(activation), "silu");
  if (fields.has("quantization_config")) {
    const std::string method =
        fields.object("quantization_config").text("quant_method").value_or("unnamed");
    unimplemented(fields, "quantization_config", "quantisation " + printable(method),
                  "unquantised safetensors; quantised weights come from GGUF files");
  }
}

}  // namespace

LlamaConfig config_from_hf(const fs::path& path) {
  std::error_code ignored;
  const bool directory = fs::is_directory(path, ignored);
  const fs::path file = directory ? path / "config.json" : path;
  const Json json = read_json_file(file);
  const JsonFields fields(json, file.string());
  LlamaConfig config;
  config.family = take_family(fields);
  const fs::path folder = fs::absolute(file).parent_path();
  config.name = folder.filename().string();
  refuse_unsupported(fields);
  take_sizes(fields, config);
  config.weight_type = take_dtype(fields);
  take_biases(fields, config);
  take_rope(fields, config);
  take_window(fields, json, config);
  take_token_ids(fields, config);
  const fs::path generation = folder / "generation_config.json";
  if (fs::exists(generation, ignored)) {
    const Json more = read_json_file(generation);
    take_token_ids(JsonFields(more, generation.string()), config);
  }
  check_config(config, file.string());
  return config;
}

}  // namespace tandem::models

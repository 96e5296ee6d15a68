// SPDX-License-Identifier: Apache-2.0
// Shape and constants of a model of the Llama family, from config.json or GGUF metadata.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tandem/models/files/gguf_file.hpp"

namespace tandem::models {

/// Which of the supported families; they differ in biases and sliding window only.
enum class ModelFamily { kLlama, kMistral, kQwen2 };

/// "llama", "mistral", "qwen2".
std::string_view to_string(ModelFamily family);

/// Which two elements of a head's vector turn together.
enum class RotaryPairs {
  kHalfSplit,    ///< (i, i + dims/2): Hugging Face files, GGUF qwen2.
  kInterleaved,  ///< (2i, 2i + 1): GGUF llama, whose q and k rows are permuted for it.
};

/// How the rotary frequencies f_i = theta^(-2i / dims) are changed for long contexts.
struct RopeScaling {
  enum class Kind {
    kNone,
    kLinear,   ///< f_i / factor.
    kLlama3,   ///< Long wavelengths divided by factor, short ones kept, blended between.
    kFactors,  ///< f_i / factors[i], the table of a GGUF file.
  };
  Kind kind = Kind::kNone;
  double factor = 1.0;                       ///< kLinear, kLlama3.
  double low_freq_factor = 1.0;              ///< kLlama3.
  double high_freq_factor = 4.0;             ///< kLlama3; greater than low_freq_factor.
  std::uint32_t original_max_positions = 0;  ///< kLlama3.
  std::vector<float> factors;                ///< kFactors: rotary_dims / 2 values.
};

/// Everything the forward pass must know besides the weights. All counts are positive and
/// consistent: num_heads is a multiple of num_kv_heads, rotary_dims is even and at most head_dim.
struct LlamaConfig {
  ModelFamily family = ModelFamily::kLlama;
  std::string name;  ///< For messages: directory or general.name; may be empty.
  std::uint32_t hidden_size = 0;
  std::uint32_t intermediate_size = 0;
  std::uint32_t num_layers = 0;
  std::uint32_t num_heads = 0;
  std::uint32_t num_kv_heads = 0;
  std::uint32_t head_dim = 0;  ///< Of q, k and v; num_heads * head_dim may differ from hidden.
  std::uint32_t vocab_size = 0;
  std::uint32_t max_positions = 0;  ///< Context length the model was made for; 0 = not said.
  float rms_norm_eps = 0;
  bool tied_output = false;  ///< The output head is the embedding table.
  bool qkv_bias = false;     ///< q, k and v projections have a bias.
  bool attention_output_bias = false;
  bool mlp_bias = false;  ///< gate, up and down have a bias.

  RotaryPairs rotary_pairs = RotaryPairs::kHalfSplit;
  std::uint32_t rotary_dims = 0;  ///< Leading elements of a head that turn.
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;

  std::uint32_t sliding_window =
      0;  ///< w: key j is visible to query i when i - w < j <= i. 0 = all.
  std::vector<bool> windowed_layers;  ///< Which layers use the window; num_layers entries.

  StoredType weight_type = StoredType::kBf16;  ///< `torch_dtype`/`dtype`; of GGUF: the type of the
                                               ///< first layer's q. Single tensors may differ.
  std::optional<std::int32_t> bos_id;
  std::vector<std::int32_t> eos_ids;  ///< Generation stops at any of them; may be empty.

  /// The window of one layer, 0 where it sees everything.
  std::uint32_t window_of_layer(std::uint32_t layer) const {
    return windowed_layers.at(layer) ? sliding_window : 0;
  }
};

/// rotary_dims / 2 angular frequencies after scaling: the angle at position p is p * value[i].
/// Computed in double.
std::vector<double> rotary_frequencies(const LlamaConfig& config);

/// Reads config.json (as transformers 4 or 5 write it) and generation_config.json where present.
/// `path` is the directory or the config.json itself.
/// Errors, with file and line or key: kNotFound; kInvalidArgument (malformed, missing key,
/// inconsistent); kUnimplemented (model_type, rope type, activation, quantisation not supported).
LlamaConfig config_from_hf(const std::filesystem::path& path);

/// Reads the metadata of a GGUF file of architecture llama or qwen2.
/// Errors: kInvalidArgument and kUnimplemented as above, naming file and key.
LlamaConfig config_from_gguf(const GgufFile& file);

}  // namespace tandem::models

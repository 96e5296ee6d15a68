// SPDX-License-Identifier: Apache-2.0
// Weights by role, whatever file they come from: the only way forward passes load them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "tandem/models/files/gguf_file.hpp"
#include "tandem/models/files/llama_config.hpp"
#include "tandem/models/files/safetensors_file.hpp"
#include "tandem/models/files/stored_type.hpp"
#include "tandem/models/files/weight_groups.hpp"

namespace tandem::models {

/// What a weight does. Matrices are [out_features, in_features], row-major.
enum class WeightRole : std::uint8_t {
  // Of the model.
  kTokenEmbedding,  ///< [vocab, hidden]
  kOutputNorm,      ///< [hidden]
  kOutput,          ///< [vocab, hidden]; absent when tied, then kTokenEmbedding serves.
  // Of a layer.
  kAttentionNorm,        ///< [hidden]
  kQuery,                ///< [heads * head_dim, hidden]
  kKey,                  ///< [kv_heads * head_dim, hidden]
  kValue,                ///< [kv_heads * head_dim, hidden]
  kAttentionOutput,      ///< [hidden, heads * head_dim]
  kQueryBias,            ///< [heads * head_dim]
  kKeyBias,              ///< [kv_heads * head_dim]
  kValueBias,            ///< [kv_heads * head_dim]
  kAttentionOutputBias,  ///< [hidden]
  kFfnNorm,              ///< [hidden]
  kGate,                 ///< [intermediate, hidden]
  kUp,                   ///< [intermediate, hidden]
  kDown,                 ///< [hidden, intermediate]
  kGateBias,             ///< [intermediate]
  kUpBias,               ///< [intermediate]
  kDownBias,             ///< [hidden]
};

/// One weight of a model. `layer` is ignored for the model's own roles.
struct WeightName {
  WeightRole role = WeightRole::kTokenEmbedding;
  std::uint32_t layer = 0;
};

/// Whether the role exists once per layer.
bool is_per_layer(WeightRole role);

/// Tandem's own name, for messages, dumps and annotations: "token_embd", "layer.3.q".
std::string canonical_name(WeightName name);
/// The name in GGUF files: "token_embd.weight", "blk.3.attn_q.weight".
std::string gguf_name(WeightName name);
/// The name in Hugging Face files: "model.embed_tokens.weight",
/// "model.layers.3.self_attn.q_proj.weight".
std::string hf_name(WeightName name);

/// A weight's shape; vectors have one row.
struct WeightShape {
  std::uint64_t rows = 0;
  std::uint64_t cols = 0;
  bool operator==(const WeightShape&) const = default;
};

/// The shape that `config` demands for a weight.
WeightShape expected_shape(const LlamaConfig& config, WeightName name);

/// An opened model: its configuration and its weights in place. Nothing is copied until read.
///
/// All calls with a WeightName: kNotFound naming the weight (and its name in the file) when it is
/// absent, kInvalidArgument for rows outside it. Thread-safety: const calls may run in parallel.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  virtual const LlamaConfig& config() const = 0;
  /// File or directory it was opened from.
  virtual const std::filesystem::path& path() const = 0;

  virtual bool has(WeightName name) const = 0;
  virtual WeightShape shape(WeightName name) const = 0;
  virtual StoredType stored_type(WeightName name) const = 0;

  /// Stored bytes of rows [first_row, first_row + num_rows), in place in the mapping. For F16,
  /// BF16, F8 and F32 this is a plain row-major array, at any alignment.
  virtual std::span<const std::byte> raw_rows(WeightName name, std::uint64_t first_row,
                                              std::uint64_t num_rows) const = 0;

  /// Lets the system drop the weight's pages once it was copied to the device.
  virtual void done_with(WeightName name) const = 0;

  /// Rows as fp32; `out` holds num_rows x cols values.
  /// Errors: kUnimplemented for a stored type that cannot be widened.
  void read_rows_f32(WeightName name, std::uint64_t first_row, std::uint64_t num_rows,
                     std::span<float> out) const;

  /// How the weight reads as integer groups; nullopt when it is not stored quantised.
  std::optional<GroupLayout> group_layout(WeightName name) const;

  /// Rows as integer groups: `q` num_rows x cols, `scales` (and `mins` unless the layout has none)
  /// num_rows x cols / group_size. Errors: kUnimplemented without a group layout.
  void read_groups(WeightName name, std::uint64_t first_row, std::uint64_t num_rows,
                   std::span<std::int8_t> q, std::span<float> scales, std::span<float> mins) const;

  /// Checks that every weight that config() demands is there with the right shape and can be read.
  /// Errors: kNotFound, kMismatch (shape: expected and found), kUnimplemented (type).
  void check_complete() const;
};

/// Opens a GGUF file, or a Hugging Face directory (config.json and safetensors), checked complete.
/// Errors: those of the readers, and of check_complete.
std::unique_ptr<WeightSource> open_weights(const std::filesystem::path& path);

}  // namespace tandem::models

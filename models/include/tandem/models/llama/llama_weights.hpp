// SPDX-License-Identifier: Apache-2.0
// All weights of a Llama-family model on the device.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tandem/models/files/weight_source.hpp"
#include "tandem/models/llama/projection.hpp"

namespace tandem::models {

/// One transformer block.
struct LlamaLayer {
  VectorWeight attention_norm;  // [hidden]
  Projection qkv;               // [(heads + 2 kv_heads) * head_dim, hidden]: q, k, v
  Projection attention_output;  // [hidden, heads * head_dim]
  VectorWeight ffn_norm;        // [hidden]
  Projection gate_up;           // [2 intermediate, hidden]: gate, up
  Projection down;              // [hidden, intermediate]
};

/// Called while weights load with device bytes done and in total.
using LoadProgress = std::function<void(std::uint64_t, std::uint64_t)>;

/// Weights in region "weights", as `load` left them: nothing is copied twice, and the file's pages
/// are given back weight by weight.
struct LlamaWeights {
  ops::WeightBuffer token_embedding;  // [vocab, hidden], the file's precision
  std::vector<LlamaLayer> layers;
  VectorWeight output_norm;  // [hidden]
  Projection output;         // [vocab, hidden]; empty when tied: token_embedding serves

  /// Errors: those of WeightSource and Projection::load.
  static LlamaWeights load(runtime::Device& device, const WeightSource& source,
                           WeightStorage storage, const LoadProgress& on_progress = nullptr);

  /// The matrix that turns the last hidden state into logits.
  void apply_output(ops::Context& ctx, const ops::Tensor& h, const ops::Tensor& logits) const;

  /// Number of matrices per format, e.g. {"f16": 120, "i8 in groups of 32": 1}.
  std::map<std::string, std::uint64_t> formats() const;
  /// Device bytes of all matrices.
  std::uint64_t num_bytes() const;
};

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
// Which weights a model of the Llama family has, and loading them in order.
#include "tandem/models/llama/llama_weights.hpp"

#include <fmt/format.h>
#include <array>

#include "load_matrix.hpp"
#include "tandem/ops/matmul.hpp"

namespace tandem::models {

namespace {

using Roles = std::vector<WeightRole>;

ProjectionNames names_of(const WeightSource& source, std::uint32_t layer, const char* label,
                         const Roles& weights, const Roles& biases) {
  ProjectionNames names;
  names.label = fmt::format("layer.{}.{}", layer, label);
  for (WeightRole role : weights) names.weights.push_back({role, layer});
  // A family has biases on all weights of a projection or on none.
  if (source.has({biases.front(), layer})) {
    for (WeightRole role : biases) names.biases.push_back({role, layer});
  }
  return names;
}

struct LayerNames {
  ProjectionNames qkv, attention_output, gate_up, down;

  LayerNames(const WeightSource& source, std::uint32_t layer)
      : qkv(names_of(source, layer, "qkv",
                     {WeightRole::kQuery, WeightRole::kKey, WeightRole::kValue},
                     {WeightRole::kQueryBias, WeightRole::kKeyBias, WeightRole::kValueBias})),
        attention_output(names_of(source, layer, "attention_output", {WeightRole::kAttentionOutput},
                                  {WeightRole::kAttentionOutputBias})),
        gate_up(names_of(source, layer, "gate_up", {WeightRole::kGate, WeightRole::kUp},
                         {WeightRole::kGateBias, WeightRole::kUpBias})),
        down(names_of(source, layer, "down", {WeightRole::kDown}, {WeightRole::kDownBias})) {}

  std::array<const ProjectionNames*, 4> all() const {
    return {&qkv, &attention_output, &gate_up, &down};
  }
};

constexpr WeightName kEmbedding{WeightRole::kTokenEmbedding};
constexpr WeightName kOutput{WeightRole::kOutput};

std::uint64_t total_bytes(const WeightSource& source, WeightStorage storage) {
  const auto bytes_as = [&](WeightName name, const ops::WeightFormat& format) {
    const WeightShape shape = source.shape(name);
    return device_bytes(format, shape.rows, shape.cols);
  };
  std::uint64_t total = bytes_as(kEmbedding, exact_format(source.stored_type(kEmbedding)));
  if (!source.config().tied_output) {
    total += bytes_as(kOutput, weight_format(source.stored_type(kOutput), storage));
  }
  for (std::uint32_t layer = 0; layer < source.config().num_layers; ++layer) {
    const LayerNames layer_names(source, layer);
    for (const ProjectionNames* names : layer_names.all()) {
      for (WeightName name : names->weights) {
        total += bytes_as(name, weight_format(source.stored_type(name), storage));
      }
    }
  }
  return total;
}

}  // namespace

LlamaWeights LlamaWeights::load(runtime::Device& device, const WeightSource& source,
                                WeightStorage storage, const LoadProgress& on_progress) {
  const std::uint64_t total = total_bytes(source, storage);
  std::uint64_t done = 0;
  const auto on_bytes = [&](std::uint64_t bytes) {
    done = std::min(done + bytes, total);
    if (on_progress) on_progress(done, total);
  };
  const auto projection = [&](const ProjectionNames& names) {
    return Projection::load(device, source, names, storage, on_bytes);
  };

  LlamaWeights weights;
  weights.token_embedding =
      load_matrix(device, source, {&kEmbedding, 1}, exact_format(source.stored_type(kEmbedding)),
                  canonical_name(kEmbedding), on_bytes);
  for (std::uint32_t layer = 0; layer < source.config().num_layers; ++layer) {
    const LayerNames names(source, layer);
    weights.layers.push_back(
        {.attention_norm = VectorWeight::load(device, source, {WeightRole::kAttentionNorm, layer}),
         .qkv = projection(names.qkv),
         .attention_output = projection(names.attention_output),
         .ffn_norm = VectorWeight::load(device, source, {WeightRole::kFfnNorm, layer}),
         .gate_up = projection(names.gate_up),
         .down = projection(names.down)});
  }
  weights.output_norm = VectorWeight::load(device, source, {WeightRole::kOutputNorm});
  if (!source.config().tied_output) {
    weights.output = projection({.label = canonical_name(kOutput), .weights = {kOutput}});
  }
  if (on_progress) on_progress(total, total);
  return weights;
}

void LlamaWeights::apply_output(ops::Context& ctx, const ops::Tensor& h,
                                const ops::Tensor& logits) const {
  if (output.parts().empty()) {
    ops::linear(ctx, h, token_embedding.weight, logits);
  } else {
    output.apply(ctx, h, logits);
  }
}

std::map<std::string, std::uint64_t> LlamaWeights::formats() const {
  std::map<std::string, std::uint64_t> counts;
  const auto count = [&](const ops::WeightBuffer& buffer) {
    const ops::Weight& weight = buffer.weight;
    ++counts[describe({.dtype = weight.dtype,
                       .group_size = weight.group_size,
                       .scale_dtype = weight.scale_dtype})];
  };
  const auto count_parts = [&](const Projection& projection) {
    for (const Projection::Part& part : projection.parts()) count(part.buffer);
  };
  count(token_embedding);
  count_parts(output);
  for (const LlamaLayer& layer : layers) {
    for (const Projection* p : {&layer.qkv, &layer.attention_output, &layer.gate_up, &layer.down}) {
      count_parts(*p);
    }
  }
  return counts;
}

std::uint64_t LlamaWeights::num_bytes() const {
  std::uint64_t bytes = token_embedding.num_bytes();
  const auto add_parts = [&](const Projection& projection) {
    for (const Projection::Part& part : projection.parts()) bytes += part.buffer.num_bytes();
  };
  add_parts(output);
  for (const LlamaLayer& layer : layers) {
    for (const Projection* p : {&layer.qkv, &layer.attention_output, &layer.gate_up, &layer.down}) {
      add_parts(*p);
    }
  }
  return bytes;
}

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
// What all weight sources share: conversion, groups, the completeness check, opening by path.
#include "tandem/models/files/weight_source.hpp"

#include <fmt/format.h>

#include <cstring>
#include <vector>

#include "sources.hpp"
#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

/// Every weight that a model of this configuration has.
std::vector<WeightName> demanded_weights(const LlamaConfig& config) {
  using enum WeightRole;
  std::vector<WeightName> out{{kTokenEmbedding, 0}, {kOutputNorm, 0}};
  if (!config.tied_output) out.push_back({kOutput, 0});
  std::vector<WeightRole> roles{kAttentionNorm, kQuery, kKey, kValue, kAttentionOutput,
                                kFfnNorm,       kGate,  kUp,  kDown};
  if (config.qkv_bias) roles.insert(roles.end(), {kQueryBias, kKeyBias, kValueBias});
  if (config.attention_output_bias) roles.push_back(kAttentionOutputBias);
  if (config.mlp_bias) roles.insert(roles.end(), {kGateBias, kUpBias, kDownBias});
  for (std::uint32_t layer = 0; layer < config.num_layers; ++layer) {
    for (const WeightRole role : roles) out.push_back({role, layer});
  }
  return out;
}

}  // namespace

void WeightSource::read_rows_f32(WeightName name, std::uint64_t first_row, std::uint64_t num_rows,
                                 std::span<float> out) const {
  const auto bytes = raw_rows(name, first_row, num_rows);
  try {
    widen_to_f32(stored_type(name), bytes, out);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("{}: weight {}", path().string(), canonical_name(name)));
  }
}

std::optional<GroupLayout> WeightSource::group_layout(WeightName name) const {
  return models::group_layout(stored_type(name));
}

void WeightSource::read_groups(WeightName name, std::uint64_t first_row, std::uint64_t num_rows,
                               std::span<std::int8_t> q, std::span<float> scales,
                               std::span<float> mins) const {
  const auto bytes = raw_rows(name, first_row, num_rows);
  try {
    unpack_groups(stored_type(name), bytes, q, scales, mins);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("{}: weight {}", path().string(), canonical_name(name)));
  }
}

void WeightSource::check_complete() const {
  for (const WeightName name : demanded_weights(config())) {
    const WeightShape expected = expected_shape(config(), name);
    const WeightShape found = shape(name);
    if (found != expected) {
      throw Error(
          ErrorCode::kMismatch,
          fmt::format("{}: weight {}: expected shape {} x {}, found {} x {}", path().string(),
                      canonical_name(name), expected.rows, expected.cols, found.rows, found.cols));
    }
    raw_rows(name, 0, 0);  // refuses types whose data cannot be read
    if (!is_widenable(stored_type(name))) {
      throw Error(ErrorCode::kUnimplemented,
                  fmt::format("{}: weight {} is stored as {}, which is no type for weights",
                              path().string(), canonical_name(name), to_string(stored_type(name))));
    }
  }
}

std::unique_ptr<WeightSource> open_weights(const std::filesystem::path& path) {
  std::error_code ignored;
  std::unique_ptr<WeightSource> source;
  if (std::filesystem::is_directory(path, ignored)) {
    source = std::make_unique<HfSource>(path);
  } else {
    if (path.extension() == ".safetensors" || path.extension() == ".json") {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected a GGUF file or a Hugging Face directory; pass the "
                              "directory that holds this file",
                              path.string()));
    }
    source = std::make_unique<GgufSource>(path);
  }
  source->check_complete();
  return source;
}

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
// Configurations and weights made up for unit tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tandem/base/error.hpp"
#include "tandem/models/files/llama_config.hpp"
#include "tandem/models/files/weight_source.hpp"

namespace tandem::tests {

inline models::LlamaConfig tiny_config() {
  models::LlamaConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 8;
  config.vocab_size = 64;
  config.rms_norm_eps = 1e-5f;
  config.rotary_dims = 8;
  config.windowed_layers.assign(config.num_layers, false);
  return config;
}

/// Weights given as fp32 matrices; every one is stored as F32.
class FakeSource : public models::WeightSource {
 public:
  void add(models::WeightName name, std::uint64_t rows, std::uint64_t cols,
           std::vector<float> values) {
    weights_[models::canonical_name(name)] = {{rows, cols}, std::move(values)};
  }

  const models::LlamaConfig& config() const override { return config_; }
  const std::filesystem::path& path() const override { return path_; }
  bool has(models::WeightName name) const override {
    return weights_.count(models::canonical_name(name)) != 0;
  }
  models::WeightShape shape(models::WeightName name) const override { return find(name).shape; }
  models::StoredType stored_type(models::WeightName) const override {
    return models::StoredType::kF32;
  }
  std::span<const std::byte> raw_rows(models::WeightName name, std::uint64_t first,
                                      std::uint64_t rows) const override {
    const Weight& weight = find(name);
    return std::as_bytes(
        std::span(weight.values).subspan(first * weight.shape.cols, rows * weight.shape.cols));
  }
  void done_with(models::WeightName name) const override {
    done_.push_back(models::canonical_name(name));
  }

  const std::vector<std::string>& done() const { return done_; }

 private:
  struct Weight {
    models::WeightShape shape;
    std::vector<float> values;
  };
  const Weight& find(models::WeightName name) const {
    const auto it = weights_.find(models::canonical_name(name));
    if (it == weights_.end()) {
      throw Error(ErrorCode::kNotFound, "no weight " + models::canonical_name(name));
    }
    return it->second;
  }

  models::LlamaConfig config_ = tiny_config();
  std::filesystem::path path_ = "fake.gguf";
  std::map<std::string, Weight> weights_;
  mutable std::vector<std::string> done_;
};

}  // namespace tandem::tests

// SPDX-License-Identifier: Apache-2.0
// A tiny model of tests/data with its reference data, on a device.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tandem/models/files/safetensors_file.hpp"
#include "tandem/models/llama/generator.hpp"
#include "tandem/models/llama/llama_model.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::tests {

using models::TokenId;

/// Rows of numbers, row-major.
struct Rows {
  std::size_t width = 0;
  std::vector<float> values;
  std::size_t count() const { return width == 0 ? 0 : values.size() / width; }
};

/// Device, weights and golden.json of tests/data/<name>.
class GoldenModel {
 public:
  explicit GoldenModel(const std::string& name,
                       models::WeightStorage storage = models::WeightStorage::kAuto);

  models::LlamaModel& model() { return *model_; }
  runtime::Device& device() { return *device_; }
  const nlohmann::json& golden() const { return golden_; }

  std::vector<TokenId> prompt(std::size_t index) const;
  std::vector<TokenId> greedy(std::size_t index) const;
  /// Prompt and greedy continuation without its last token: what the stored logits are for.
  std::vector<TokenId> fed(std::size_t index) const;

  /// A tensor of golden.safetensors, as fp32 (logits are stored in double).
  Rows reference(const std::string& name) const;

  /// One step over `runs` on `cache`; all rows of logits, and hidden states if wanted.
  struct Pass {
    Rows logits;
    std::map<std::uint32_t, Rows> hidden;
  };
  Pass forward(models::KvCache& cache, const std::vector<models::TokenRun>& runs,
               bool want_hidden = false);
  models::KvCache make_cache(std::uint32_t sequences, abi::Dtype dtype = abi::Dtype::kF16);

 private:
  Rows read_back(const ops::Tensor& tensor);

  std::string directory_;
  nlohmann::json golden_;
  std::unique_ptr<models::SafetensorsFile> arrays_;
  std::unique_ptr<runtime::Device> device_;
  std::unique_ptr<ops::Context> context_;
  std::unique_ptr<models::LlamaModel> model_;
};

/// Expects every figure of `bounds` (golden.json) to hold for `got` against `want`.
void expect_within(const Rows& got, const Rows& want, const nlohmann::json& bounds,
                   const std::string& what);

/// Bit for bit.
void expect_same_bits(std::span<const float> got, std::span<const float> want,
                      const std::string& what);

}  // namespace tandem::tests

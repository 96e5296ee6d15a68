// SPDX-License-Identifier: Apache-2.0
// A model under check: runs token ids and reads everything back.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "bounds.hpp"
#include "tandem/models/llama/llama_model.hpp"

namespace tandem::check {

/// One loaded model with its own op context.
class ModelUnderCheck {
 public:
  ModelUnderCheck(runtime::Device& device, const std::filesystem::path& path);

  const models::LlamaConfig& config() const { return model_->config(); }
  ops::Context& ctx() { return *ctx_; }

  /// Results of one pass over `ids` from an empty cache.
  struct Pass {
    Matrix logits;               ///< [ids, vocab]
    std::vector<Matrix> hidden;  ///< 0: embedding, l: after layer l; [ids, hidden]
    Matrix norm;                 ///< [ids, hidden]
  };
  Pass run_all(const std::vector<models::TokenId>& ids, abi::Dtype cache_type, bool want_hidden);

  /// Last logits of several prompts that go through one step together.
  std::vector<Matrix> run_batch(const std::vector<std::vector<models::TokenId>>& prompts,
                                abi::Dtype cache_type);

  /// Greedy generation with a cache. Step s is fed `forced[s]` instead of its own choice from step
  /// `free_steps` on.
  struct Generation {
    std::vector<models::TokenId> ids;  ///< The device's own choice in every step.
    Matrix logits;                     ///< Of every step; [steps, vocab]
  };
  Generation generate(const std::vector<models::TokenId>& prompt,
                      const std::vector<models::TokenId>& forced, std::size_t free_steps,
                      abi::Dtype cache_type);

 private:
  Matrix fetch(const ops::Tensor& tensor);
  std::unique_ptr<ops::Context> ctx_;
  std::unique_ptr<models::LlamaModel> model_;
};

}  // namespace tandem::check

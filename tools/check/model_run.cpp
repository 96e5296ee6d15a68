// SPDX-License-Identifier: Apache-2.0
#include "model_run.hpp"

#include <algorithm>

#include "tandem/runtime/device.hpp"

namespace tandem::check {

using models::TokenId;

ModelUnderCheck::ModelUnderCheck(runtime::Device& device, const std::filesystem::path& path)
    : ctx_(std::make_unique<ops::Context>(device)) {
  const auto source = models::open_weights(path);
  model_ = std::make_unique<models::LlamaModel>(*ctx_, *source);
}

Matrix ModelUnderCheck::fetch(const ops::Tensor& tensor) {
  Matrix matrix;
  matrix.cols = tensor.dim(-1);
  matrix.rows = tensor.numel() / matrix.cols;
  matrix.values.resize(matrix.rows * matrix.cols);
  ctx_->device().copy_out(tensor.addr, std::as_writable_bytes(std::span(matrix.values)));
  return matrix;
}

ModelUnderCheck::Pass ModelUnderCheck::run_all(const std::vector<TokenId>& ids,
                                               abi::Dtype cache_type, bool want_hidden) {
  models::KvCache cache(*ctx_, config(), 1, cache_type);
  Pass pass;
  models::HiddenHook hook;
  if (want_hidden) {
    hook = [&](std::uint32_t number, const ops::Tensor& state) {
      if (number == config().num_layers + 1) {
        pass.norm = fetch(state);
      } else {
        pass.hidden.push_back(fetch(state));
      }
    };
  }
  const models::TokenRun run{0, ids};
  pass.logits = fetch(model_->forward(cache, {&run, 1}, models::LogitRows::kAll, hook));
  return pass;
}

std::vector<Matrix> ModelUnderCheck::run_batch(const std::vector<std::vector<TokenId>>& prompts,
                                               abi::Dtype cache_type) {
  models::KvCache cache(*ctx_, config(), static_cast<std::uint32_t>(prompts.size()), cache_type);
  std::vector<models::TokenRun> step;
  for (const std::vector<TokenId>& prompt : prompts) {
    step.push_back({static_cast<std::uint32_t>(step.size()), prompt});
  }
  const Matrix all = fetch(model_->forward(cache, step, models::LogitRows::kAll));
  std::vector<Matrix> out;
  const float* next = all.values.data();
  for (const std::vector<TokenId>& prompt : prompts) {
    out.push_back({prompt.size(), all.cols, {next, next + prompt.size() * all.cols}});
    next += prompt.size() * all.cols;
  }
  return out;
}

ModelUnderCheck::Generation ModelUnderCheck::generate(const std::vector<TokenId>& prompt,
                                                      const std::vector<TokenId>& forced,
                                                      std::size_t free_steps,
                                                      abi::Dtype cache_type) {
  models::KvCache cache(*ctx_, config(), 1, cache_type);
  Generation out;
  std::vector<TokenId> next = prompt;
  for (std::size_t s = 0; s < forced.size(); ++s) {
    const models::TokenRun run{0, next};
    const Matrix logits = fetch(model_->forward(cache, {&run, 1}));
    out.logits.cols = logits.cols;
    ++out.logits.rows;
    out.logits.values.insert(out.logits.values.end(), logits.values.begin(), logits.values.end());
    // max_element keeps the first of equal values: the lowest id.
    const auto best = std::max_element(logits.values.begin(), logits.values.end());
    out.ids.push_back(static_cast<TokenId>(best - logits.values.begin()));
    next = {s < free_steps ? out.ids.back() : forced[s]};
  }
  return out;
}

}  // namespace tandem::check

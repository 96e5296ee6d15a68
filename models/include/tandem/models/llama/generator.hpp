// SPDX-License-Identifier: Apache-2.0
// Generation: prompts in, tokens out, one or many sequences at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "tandem/models/llama/kv_cache.hpp"
#include "tandem/models/llama/llama_model.hpp"
#include "tandem/models/text/sampler.hpp"

namespace tandem::models {

struct GenerateOptions {
  std::uint32_t max_new_tokens = 128;
  SamplerOptions sampler;   ///< Sequence i draws with seed + i.
  bool stop_at_eos = true;  ///< At any of the model's end tokens.
};

enum class StopReason : std::uint8_t {
  kLength,   ///< max_new_tokens.
  kEos,      ///< An end token, which is the last id.
  kContext,  ///< The model was not made for more positions.
};

/// "length", "eos", "context".
std::string_view to_string(StopReason reason);

struct GeneratedSequence {
  std::vector<TokenId> ids;
  StopReason stopped_by = StopReason::kLength;
};

/// Rows of a step that belong to one sequence.
struct SequenceRows {
  std::uint32_t sequence = 0;
  std::uint32_t first_row = 0;
  std::uint32_t rows = 0;
};

/// What a caller can watch; all may be empty. Calls come from the generating thread.
struct GenerateHooks {
  /// A new token.
  std::function<void(std::uint32_t sequence, TokenId id)> on_token;
  /// The logits [vocab] that the next token of a sequence is chosen from.
  std::function<void(std::uint32_t sequence, std::span<const float> logits)> on_logits;
  /// Hidden states as HiddenHook; `rows` names the sequences of the step.
  std::function<void(std::span<const SequenceRows> rows, std::uint32_t index,
                     const ops::Tensor& hidden)>
      on_hidden;
  /// Results of ops as OpHook; of all sequences of the step.
  OpHook on_op;
};

struct GenerateResult {
  std::vector<GeneratedSequence> sequences;
  std::uint64_t prefill_tokens = 0;  ///< That went through the model (equal prompts go once).
  double prefill_seconds = 0;
  std::uint64_t decode_tokens = 0;  ///< Of all sequences, without each one's first.
  double decode_seconds = 0;
};

/// Runs a model on up to num_sequences prompts at a time and keeps the cache between calls: what a
/// new prompt has in common with what its sequence already holds is not computed again.
class Generator {
 public:
  /// `model` outlives this object. Errors: those of KvCache.
  explicit Generator(LlamaModel& model, std::uint32_t num_sequences = 1,
                     abi::Dtype cache_dtype = abi::Dtype::kF16);

  /// Generates for prompts[i] in sequence i. Errors: kInvalidArgument for more prompts than
  /// sequences, an empty prompt, an id outside the vocabulary, a prompt longer than the model's
  /// context; those of LlamaModel::forward.
  GenerateResult generate(std::span<const std::vector<TokenId>> prompts,
                          const GenerateOptions& options, const GenerateHooks& hooks = {});

  const KvCache& cache() const noexcept { return cache_; }

 private:
  void prefill(std::span<const std::vector<TokenId>> prompts, const GenerateHooks& hooks,
               GenerateResult& result);
  void share_prompt(std::uint32_t from, std::uint32_t first, std::uint32_t end);
  void step(std::span<const TokenRun> runs, const GenerateHooks& hooks);
  std::span<float> logits_of(std::uint32_t sequence);
  bool take(std::uint32_t sequence, Sampler& sampler, const GenerateOptions& options,
            const GenerateHooks& hooks, GeneratedSequence& generated);
  void check(std::span<const std::vector<TokenId>> prompts) const;
  std::size_t keep_common_prefix(std::uint32_t sequence, std::span<const TokenId> prompt);

  LlamaModel* model_;
  KvCache cache_;
  std::vector<std::vector<TokenId>> held_;  // ids in the cache, of each sequence
  std::vector<float> logits_;               // [sequence, vocab]: of each sequence's last token
};

}  // namespace tandem::models

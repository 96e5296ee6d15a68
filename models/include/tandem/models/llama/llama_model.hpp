// SPDX-License-Identifier: Apache-2.0
// Forward pass of the Llama family: Llama 1 to 3, SmolLM2, Mistral, Qwen2.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "tandem/models/files/weight_source.hpp"
#include "tandem/models/llama/kv_cache.hpp"
#include "tandem/models/llama/llama_weights.hpp"
#include "tandem/models/text/tokenizer.hpp"
#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::models {

/// New tokens of one sequence; they continue what the cache holds of it.
struct TokenRun {
  std::uint32_t sequence = 0;
  std::span<const TokenId> ids;  ///< At least one.
};

/// Which positions of a step get logits.
enum class LogitRows : std::uint8_t {
  kLast,  ///< The last token of every run: one row per run.
  kAll,   ///< Every token: one row per token.
};

/// Called after the packets that make a hidden state were submitted, with its number (0: embedding,
/// l: after layer l, num_layers + 1: after the final norm) and the state [tokens, hidden] f32 of
/// all tokens of the step. The tensor may be read until the call returns.
using HiddenHook = std::function<void(std::uint32_t, const ops::Tensor&)>;

/// Called after the packets that make a result of an op were submitted. `layer`: of the decoder
/// block, none outside. `op`, `port`: as in docs/reference/record_format.md; `value` [tokens, ...]
/// f32, or [rows, ...] for norm and logits. It may be read, and written over: what follows then
/// computes with what was written.
using OpHook = std::function<void(std::optional<std::uint32_t> layer, std::string_view op,
                                  std::string_view port, const ops::Tensor& value)>;

/// A model on a device. The context and the device outlive it. Not thread-safe.
class LlamaModel {
 public:
  /// Loads the weights. Errors: those of LlamaWeights::load.
  LlamaModel(ops::Context& ctx, const WeightSource& source,
             WeightStorage storage = WeightStorage::kAuto,
             const LoadProgress& on_progress = nullptr);
  ~LlamaModel();
  LlamaModel(LlamaModel&&) noexcept;
  LlamaModel& operator=(LlamaModel&&) noexcept;

  const LlamaConfig& config() const;
  const LlamaWeights& weights() const;
  WeightStorage storage() const;
  ops::Context& context() const;

  /// One pass over the new tokens of several sequences: all of them go through each projection as
  /// one matrix product, attention runs per sequence (sequences side by side with one new token and
  /// equal length together). The numbers of a sequence do not depend on the others, nor on how its
  /// tokens were cut into steps.
  ///
  /// Returns logits [rows, vocab] f32, in order of the runs; valid until the next call. Submits
  /// packets and returns: reading the logits waits for them.
  /// Errors: kInvalidArgument for an id outside the vocabulary (with its place), an empty run, or a
  /// sequence that is unknown or named twice; kOutOfMemory.
  ops::Tensor forward(KvCache& cache, std::span<const TokenRun> step,
                      LogitRows wanted = LogitRows::kLast, const HiddenHook& on_hidden = nullptr,
                      const OpHook& on_op = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::models

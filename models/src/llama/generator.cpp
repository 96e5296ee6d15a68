// SPDX-License-Identifier: Apache-2.0
// The generation loop.
#include "tandem/models/llama/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "tandem/base/error.hpp"

namespace tandem::models {

namespace {

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

std::string_view to_string(StopReason reason) {
  switch (reason) {
    case StopReason::kLength:
      return "length";
    case StopReason::kEos:
      return "eos";
    case StopReason::kContext:
      return "context";
  }
  return "?";
}

Generator::Generator(LlamaModel& model, std::uint32_t num_sequences, abi::Dtype cache_dtype)
    : model_(&model),
      cache_(model.context(), model.config(), num_sequences, cache_dtype),
      held_(num_sequences),
      logits_(std::size_t{num_sequences} * model.config().vocab_size) {}

GenerateResult Generator::generate(std::span<const std::vector<TokenId>> prompts,
                                   const GenerateOptions& options, const GenerateHooks& hooks) {
  check(prompts);
  GenerateResult result;
  result.sequences.resize(prompts.size());
  std::vector<Sampler> samplers;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    SamplerOptions sampler = options.sampler;
    sampler.seed += i;
    samplers.emplace_back(sampler);
  }

  prefill(prompts, hooks, result);
  const Stopwatch watch;
  std::vector<std::uint32_t> active(prompts.size());
  std::iota(active.begin(), active.end(), 0u);
  std::vector<TokenRun> runs;
  for (;;) {
    runs.clear();
    for (const std::uint32_t i : active) {
      GeneratedSequence& generated = result.sequences[i];
      if (take(i, samplers[i], options, hooks, generated)) {
        runs.push_back({i, std::span(generated.ids).last(1)});
      }
    }
    if (runs.empty()) break;
    step(runs, hooks);
    result.decode_tokens += runs.size();
    active.clear();
    for (const TokenRun& run : runs) active.push_back(run.sequence);
  }
  result.decode_seconds = watch.seconds();
  return result;
}

// Chooses the next token of a sequence; false if it was the last.
bool Generator::take(std::uint32_t sequence, Sampler& sampler, const GenerateOptions& options,
                     const GenerateHooks& hooks, GeneratedSequence& generated) {
  if (generated.ids.size() >= options.max_new_tokens) return false;
  const std::span<const float> logits = logits_of(sequence);
  if (hooks.on_logits) hooks.on_logits(sequence, logits);
  const TokenId id = sampler.sample(logits);
  generated.ids.push_back(id);
  if (hooks.on_token) hooks.on_token(sequence, id);

  const LlamaConfig& config = model_->config();
  if (options.stop_at_eos && std::count(config.eos_ids.begin(), config.eos_ids.end(), id) != 0) {
    generated.stopped_by = StopReason::kEos;
    return false;
  }
  if (generated.ids.size() >= options.max_new_tokens) return false;
  if (config.max_positions != 0 && cache_.length(sequence) >= config.max_positions) {
    generated.stopped_by = StopReason::kContext;
    return false;
  }
  return true;
}

void Generator::prefill(std::span<const std::vector<TokenId>> prompts, const GenerateHooks& hooks,
                        GenerateResult& result) {
  const Stopwatch watch;
  std::vector<bool> done(prompts.size());
  for (std::uint32_t i = 0; i < prompts.size(); ++i) {
    if (done[i]) continue;
    const std::size_t kept = keep_common_prefix(i, prompts[i]);
    const TokenRun run{i, std::span(prompts[i]).subspan(kept)};
    result.prefill_tokens += run.ids.size();
    step({&run, 1}, hooks);
    if (hooks.on_hidden || hooks.on_op) continue;  // a watcher wants to see every sequence
    for (std::uint32_t first = i + 1; first < prompts.size();) {
      std::uint32_t end = first;
      while (end < prompts.size() && !done[end] && prompts[end] == prompts[i]) done[end++] = true;
      if (end > first) share_prompt(i, first, end);
      first = end + 1;
    }
  }
  result.prefill_seconds = watch.seconds();
}

// Sequences [first, end) have the prompt of `from`, which was computed.
void Generator::share_prompt(std::uint32_t from, std::uint32_t first, std::uint32_t end) {
  cache_.copy_sequence(from, first, end - first);
  for (std::uint32_t i = first; i < end; ++i) {
    held_[i] = held_[from];
    std::ranges::copy(logits_of(from), logits_of(i).begin());
  }
}

void Generator::step(std::span<const TokenRun> runs, const GenerateHooks& hooks) {
  HiddenHook on_hidden;
  if (hooks.on_hidden) {
    std::vector<SequenceRows> of_step;
    std::uint32_t first = 0;
    for (const TokenRun& run : runs) {
      const auto count = static_cast<std::uint32_t>(run.ids.size());
      of_step.push_back({run.sequence, first, count});
      first += count;
    }
    on_hidden = [&hooks, of_step](std::uint32_t index, const ops::Tensor& hidden) {
      hooks.on_hidden(of_step, index, hidden);
    };
  }
  const ops::Tensor logits =
      model_->forward(cache_, runs, LogitRows::kLast, on_hidden, hooks.on_op);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::vector<TokenId>& held = held_[runs[i].sequence];
    held.insert(held.end(), runs[i].ids.begin(), runs[i].ids.end());
    model_->context().device().copy_out(logits.addr + i * logits.stride[0],
                                        std::as_writable_bytes(logits_of(runs[i].sequence)));
  }
}

std::span<float> Generator::logits_of(std::uint32_t sequence) {
  const std::size_t vocab = model_->config().vocab_size;
  return std::span(logits_).subspan(sequence * vocab, vocab);
}

void Generator::check(std::span<const std::vector<TokenId>> prompts) const {
  if (prompts.size() > held_.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("generate: {} prompts for {} sequences", prompts.size(), held_.size()));
  }
  const std::uint32_t limit = model_->config().max_positions;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (prompts[i].empty()) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("generate: prompt {} is empty", i));
    }
    if (limit != 0 && prompts[i].size() > limit) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("generate: prompt {} has {} tokens, this model takes up to {}", i,
                              prompts[i].size(), limit));
    }
  }
}

// The last token of the prompt is always computed, because its logits are wanted.
std::size_t Generator::keep_common_prefix(std::uint32_t sequence, std::span<const TokenId> prompt) {
  std::vector<TokenId>& held = held_[sequence];
  const std::size_t limit = std::min(held.size(), prompt.size() - 1);
  std::size_t common = 0;
  while (common < limit && held[common] == prompt[common]) ++common;
  held.resize(common);
  cache_.truncate(sequence, static_cast<std::uint32_t>(common));
  return common;
}

}  // namespace tandem::models

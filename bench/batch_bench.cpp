// SPDX-License-Identifier: Apache-2.0
// Decode throughput of SmolLM2-135M by batch size: one step gives every sequence its next token.
#include <fmt/format.h>

#include <thread>

#include "bench.hpp"
#include "device.hpp"
#include "model_path.hpp"
#include "tandem/models/llama/llama_model.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::bench {
namespace {

using models::TokenId;

constexpr std::uint32_t kContext = 16;  ///< Tokens that every sequence holds before it is timed.
constexpr int kSteps = 4;

// Tokens/s of `batch` sequences that decode side by side.
double decode_rate(const Options& options, models::LlamaModel& model, std::uint32_t batch) {
  models::KvCache cache(model.context(), model.config(), batch);
  std::vector<float> logits(std::size_t{batch} * model.config().vocab_size);
  const auto step = [&](std::span<const TokenId> ids) {
    std::vector<models::TokenRun> runs;
    for (std::uint32_t s = 0; s < batch; ++s) runs.push_back({s, ids});
    const ops::Tensor result = model.forward(cache, runs);
    model.context().device().copy_out(result.addr, std::as_writable_bytes(std::span(logits)));
  };
  std::vector<TokenId> prompt(kContext);
  for (std::uint32_t i = 0; i < kContext; ++i)
    prompt[i] = static_cast<TokenId>(1 + i * 7919 % 40000);
  step(prompt);
  const double seconds = median_seconds(std::min(options.repeats, 3), [&] {
    for (std::uint32_t s = 0; s < batch; ++s) cache.truncate(s, kContext);
    for (TokenId i = 0; i < kSteps; ++i) step(std::array{TokenId{100} + i});
  });
  return kSteps * batch / seconds;
}

}  // namespace

std::vector<Case> run_batch(const Options& options) {
  const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  BenchDevice device(options, {{"threads", std::to_string(threads)}});
  ops::Context ctx(*device);
  const auto source = models::open_weights(model_path(options));
  models::LlamaModel model(ctx, *source);
  std::vector<Case> cases;
  for (std::uint32_t batch = 1; batch <= 256; batch *= 2) {
    const double rate = decode_rate(options, model, batch);
    const double single = cases.empty() ? rate : cases.front().value;
    cases.push_back(rate_case(fmt::format("decode_batch{}", batch), rate, "tokens/s",
                              "batch 1, same run", single,
                              {{"batch", batch}, {"threads", threads}}));
  }
  return cases;
}

}  // namespace tandem::bench

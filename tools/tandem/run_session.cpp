// SPDX-License-Identifier: Apache-2.0
// Opening, loading and describing a run.
#include "run_session.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>

#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"

namespace tandem::cli {

void LoadProgressLine::update(std::uint64_t done, std::uint64_t total) {
  if (quiet_ || !stderr_is_terminal() || total == 0) return;
  const int percent = static_cast<int>(done * 100 / total);
  if (percent == percent_) return;
  percent_ = percent;
  fmt::print(stderr, "\rloading weights {:3d} %", percent);
}

void LoadProgressLine::finish(std::uint64_t num_bytes, double seconds) {
  if (quiet_) return;
  fmt::print(stderr, "{}loaded {:.1f} MB of weights in {:.2f} s\n",
             stderr_is_terminal() ? "\r" : "", static_cast<double>(num_bytes) / 1e6, seconds);
}

RunSession::RunSession(const RunOptions& options) : options_(options) {
  source_ = models::open_weights(options.model);
  load_text_parts();
  // A prompt that cannot be made should fail before the weights are loaded.
  if (!options.is_conversation()) prompt_ids();

  device_ = std::make_unique<runtime::Device>(open_device(options.device));
  context_ = std::make_unique<ops::Context>(*device_);

  LoadProgressLine progress(options.quiet);
  const auto start = std::chrono::steady_clock::now();
  model_ = std::make_unique<models::LlamaModel>(
      *context_, *source_, weight_storage(options),
      [&progress](std::uint64_t done, std::uint64_t total) { progress.update(done, total); });
  load_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  progress.finish(model_->weights().num_bytes(), load_seconds_);
}

void RunSession::load_text_parts() {
  try {
    tokenizer_ = models::Tokenizer::load(options_.model);
  } catch (const Error& error) {
    // A directory with weights only serves --prompt-ids.
    if (error.code() != ErrorCode::kNotFound) throw;
    tokenizer_problem_ = error.what();
  }
  if (options_.chat) template_ = models::ChatTemplate::load(options_.model);
}

const models::Tokenizer& RunSession::need_tokenizer(const char* option) const {
  if (tokenizer_) return *tokenizer_;
  throw Error(ErrorCode::kNotFound,
              fmt::format("{} needs a tokenizer: {}; --prompt-ids works without one", option,
                          tokenizer_problem_));
}

std::vector<models::TokenId> RunSession::prompt_ids() const {
  if (!options_.prompt_ids.empty()) {
    const std::vector<models::TokenId> ids = parse_ids(options_.prompt_ids, "--prompt-ids");
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (static_cast<std::uint32_t>(ids[i]) >= source_->config().vocab_size) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("--prompt-ids: entry {} is {}, this model has ids 0 to {}", i,
                                ids[i], source_->config().vocab_size - 1));
      }
    }
    return ids;
  }
  const char* option = options_.has_prompt() ? "--prompt" : "--prompt-file";
  std::string text = options_.prompt;
  if (!options_.has_prompt()) {
    text = read_text_file(options_.prompt_file);
    if (!text.empty() && text.back() == '\n') text.pop_back();
  }
  if (options_.chat) {
    std::vector<models::ChatMessage> messages;
    if (!options_.system.empty()) messages.push_back({"system", options_.system});
    messages.push_back({"user", text});
    return chat_ids(messages);
  }
  const auto ids = need_tokenizer(option).encode(text, models::SpecialTokens::kAdd);
  if (ids.empty()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: the text has no tokens; a model needs at least one to continue", option));
  }
  return ids;
}

std::vector<models::TokenId> RunSession::chat_ids(
    const std::vector<models::ChatMessage>& messages) const {
  if (!template_) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: this model brings no chat template; use --prompt without --chat",
                            options_.model));
  }
  return need_tokenizer("--chat").encode(template_->render(messages));
}

std::string RunSession::text_of(const std::vector<models::TokenId>& ids) const {
  return tokenizer_ ? tokenizer_->decode(ids, models::SpecialText::kSkip) : std::string();
}

std::uint64_t RunSession::host_ops() const {
  std::uint64_t count = 0;
  for (const auto& [name, times] : context_->host_ops()) count += times;
  return count;
}

std::uint64_t RunSession::cycles() const {
  driver::Backend& backend = device_->driver().backend();
  // The low word may overflow between two reads of the high one.
  for (;;) {
    const std::uint64_t high = backend.read32(abi::reg::kCyclesHi);
    const std::uint64_t low = backend.read32(abi::reg::kCyclesLo);
    if (backend.read32(abi::reg::kCyclesHi) == high) return high << 32 | low;
  }
}

Json kcycles_per_s(const models::GenerateResult& result, const RunCost& cost) {
  const double seconds = result.prefill_seconds + result.decode_seconds;
  return seconds <= 0 ? Json() : Json(static_cast<double>(cost.cycles) / seconds / 1000);
}

Json speeds(const models::GenerateResult& result) {
  const auto rate = [](std::uint64_t tokens, double seconds) {
    return tokens == 0 || seconds <= 0 ? Json() : Json(static_cast<double>(tokens) / seconds);
  };
  Json json;
  json["prefill"] = rate(result.prefill_tokens, result.prefill_seconds);
  json["decode"] = rate(result.decode_tokens, result.decode_seconds);
  return json;
}

void RunSession::add_summary(Json& summary, const models::GenerateResult& result,
                             const models::Generator& generator, const RunCost& cost) const {
  summary["model"] = options_.model;
  summary["sequences"] = result.sequences.size();
  summary["tokens_per_s"] = speeds(result);
  summary["prefill_tokens"] = result.prefill_tokens;
  summary["prefill_seconds"] = result.prefill_seconds;
  summary["decode_tokens"] = result.decode_tokens;
  summary["decode_seconds"] = result.decode_seconds;
  summary["packets"] = device_->counters().packets;
  if (is_timed()) {
    summary["cycles"] = cycles();
    summary["kcycles_per_s"] = kcycles_per_s(result, cost);
  }
  summary["host_ops"] = host_ops();
  summary["host_ops_by_name"] = Json::object();
  for (const auto& [name, times] : context_->host_ops()) summary["host_ops_by_name"][name] = times;
  Json& weights = summary["weights"];
  weights["storage"] = options_.weights;
  weights["matrices"] = model_->weights().formats();
  weights["bytes"] = model_->weights().num_bytes();
  weights["load_seconds"] = load_seconds_;
  Json& kv = summary["kv_cache"];
  kv["type"] = options_.kv;
  kv["capacity"] = generator.cache().capacity();
  kv["bytes"] = generator.cache().num_bytes();
  const runtime::TransferCounters counters = device_->counters();
  summary["packet_digest"] = fmt::format("{:016x}", counters.packet_digest);
  summary["bytes_to_device"] = counters.bytes_in;
  summary["bytes_from_device"] = counters.bytes_out;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    summary["peak_memory_bytes"] = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  }
}

}  // namespace tandem::cli

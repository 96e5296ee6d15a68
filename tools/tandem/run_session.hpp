// SPDX-License-Identifier: Apache-2.0
// A loaded model with everything that `tandem run` needs round it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "report.hpp"
#include "run_options.hpp"
#include "tandem/models/files/weight_source.hpp"
#include "tandem/models/llama/generator.hpp"
#include "tandem/models/text/chat_template.hpp"
#include "tandem/models/text/tokenizer.hpp"

namespace tandem::cli {

/// Prints loading progress on stderr: a line that counts up on a terminal, one line at the end
/// elsewhere.
class LoadProgressLine {
 public:
  explicit LoadProgressLine(bool quiet) : quiet_(quiet) {}
  void update(std::uint64_t done, std::uint64_t total);
  void finish(std::uint64_t num_bytes, double seconds);

 private:
  bool quiet_;
  int percent_ = -1;
};

/// What a call of Generator::generate took on the device.
struct RunCost {
  std::uint64_t packets = 0;
  std::uint64_t cycles = 0;  ///< 0 on devices without simulated time.
};

/// Device, model and tokenizer of one run. Construction opens the files, then the device, then
/// loads.
class RunSession {
 public:
  explicit RunSession(const RunOptions& options);

  runtime::Device& device() { return *device_; }
  ops::Context& context() { return *context_; }
  models::LlamaModel& model() { return *model_; }
  /// Null for a directory without tokenizer files, which is enough for --prompt-ids.
  const models::Tokenizer* tokenizer() const { return tokenizer_ ? &*tokenizer_ : nullptr; }

  /// Prompt ids of the options that are not a conversation.
  std::vector<models::TokenId> prompt_ids() const;
  /// The conversation so far as the model's template writes it.
  std::vector<models::TokenId> chat_ids(const std::vector<models::ChatMessage>& messages) const;
  /// The text of generated ids, special tokens left out.
  std::string text_of(const std::vector<models::TokenId>& ids) const;

  /// Adds what identifies the run and what it cost to a report's summary.
  void add_summary(Json& summary, const models::GenerateResult& result,
                   const models::Generator& generator, const RunCost& cost) const;
  std::uint64_t host_ops() const;
  /// Cycles that the device has simulated; 0 on devices without simulated time.
  std::uint64_t cycles() const;
  bool is_timed() const { return device_->driver().capabilities().timed; }

 private:
  void load_text_parts();
  const models::Tokenizer& need_tokenizer(const char* option) const;

  const RunOptions& options_;
  std::unique_ptr<models::WeightSource> source_;
  std::optional<models::Tokenizer> tokenizer_;
  std::string tokenizer_problem_;
  std::optional<models::ChatTemplate> template_;
  std::unique_ptr<runtime::Device> device_;
  std::unique_ptr<ops::Context> context_;
  std::unique_ptr<models::LlamaModel> model_;
  double load_seconds_ = 0;
};

/// {"prefill", "decode"} in tokens per second; null where nothing was measured.
Json speeds(const models::GenerateResult& result);
/// Simulated cycles a second of wall time, in thousands; null where nothing was measured.
Json kcycles_per_s(const models::GenerateResult& result, const RunCost& cost);

}  // namespace tandem::cli

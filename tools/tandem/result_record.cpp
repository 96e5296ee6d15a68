// SPDX-License-Identifier: Apache-2.0
#include "result_record.hpp"

#include <fmt/format.h>

#include <utility>

#include "tandem/abi/isa.hpp"
#include "tandem/debug/record_diff.hpp"

namespace tandem::cli {

namespace {

debug::RecordInfo info_of(const RunOptions& options, RunSession& session,
                          const std::vector<models::TokenId>& prompt) {
  const models::LlamaConfig& config = session.model().config();
  debug::RecordInfo info;
  info.kind = "device";
  info.backend = options.device.backend;
  info.device = session.device().backend_name();
  info.dtype = "float32";
  info.model = {.name = options.model,
                .family = "llama",
                .layers = config.num_layers,
                .hidden = config.hidden_size,
                .heads = config.num_heads,
                .kv_heads = config.num_kv_heads,
                .head_dim = config.head_dim,
                .vocab = config.vocab_size,
                .interleaved = config.rotary_pairs == models::RotaryPairs::kInterleaved};
  info.contents = debug::record_contents(options.record_contents);
  info.prompt_ids.assign(prompt.begin(), prompt.end());
  info.config = session.device().config().name;
  info.abi_hash = fmt::format("{:#018x}", abi::kAbiHash);
  return info;
}

/// Results that stay in a record of blocks.
bool is_block(std::string_view op) {
  return op == "embedding" || op == "block" || op == "norm" || op == "logits";
}

}  // namespace

ResultRecord::ResultRecord(const RunOptions& options, RunSession& session,
                           const std::vector<models::TokenId>& prompt)
    : session_(session),
      contents_(debug::record_contents(options.record_contents)),
      writer_(options.record, info_of(options, session, prompt)),
      next_ids_(prompt) {
  session_.device().queue().set_completion_hook(
      [this](const abi::Packet& packet, const abi::Completion& done, std::string_view op) {
        begin_step_if_new();
        writer_.add({.seq = packet.seq,
                     .step = steps_ - 1,
                     .op = std::string(op),
                     .opcode = static_cast<std::uint8_t>(packet.opcode),
                     .error = done.error,
                     .checksum = done.checksum});
      });
}

ResultRecord::~ResultRecord() { session_.device().queue().set_completion_hook(nullptr); }

void ResultRecord::attach(models::GenerateHooks& hooks) {
  hooks.on_token = [this, on_token = std::move(hooks.on_token)](std::uint32_t sequence,
                                                                models::TokenId id) {
    writer_.add_new_id(id);
    next_ids_ = {id};
    if (on_token) on_token(sequence, id);
  };
  if (contents_ == debug::RecordContents::kChecksums) return;
  hooks.on_op = [this](std::optional<std::uint32_t> layer, std::string_view op,
                       std::string_view port, const ops::Tensor& value) {
    if (contents_ == debug::RecordContents::kOps || is_block(op)) add_value(layer, op, port, value);
  };
}

// The id after the last step is not fed to the model: its step never begins.
void ResultRecord::begin_step_if_new() {
  if (next_ids_.empty()) return;
  const auto count = static_cast<std::uint32_t>(next_ids_.size());
  writer_.begin_step({next_ids_.begin(), next_ids_.end()}, position_);
  position_ += count;
  ++steps_;
  next_ids_.clear();
}

void ResultRecord::add_value(std::optional<std::uint32_t> layer, std::string_view op,
                             std::string_view port, const ops::Tensor& value) {
  begin_step_if_new();
  const std::vector<float> values = debug::values_of(session_.device(), value);
  writer_.add(debug::record_op(layer, op), port,
              {value.shape.begin(), value.shape.begin() + value.rank}, values);
}

void ResultRecord::finish() {
  session_.device().queue().finish();
  writer_.finish(session_.device().counters().packet_digest);
}

}  // namespace tandem::cli

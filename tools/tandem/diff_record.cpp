// SPDX-License-Identifier: Apache-2.0
#include "diff_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "run_session.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/record_diff.hpp"
#include "tandem/models/llama/kv_cache.hpp"

namespace tandem::cli {

namespace {

constexpr std::string_view kScheme = "record:";

void check_model(const debug::RecordModel& recorded, const models::LlamaConfig& model,
                 const std::string& path) {
  const auto same = [&](const char* what, std::uint32_t there, std::uint32_t here) {
    if (there == here) return;
    throw Error(
        ErrorCode::kMismatch,
        fmt::format("{}: recorded from a model with {} {}, --model has {}: give the model of "
                    "the record ({})",
                    path, there, what, here, recorded.name));
  };
  same("layers", recorded.layers, model.num_layers);
  same("hidden values", recorded.hidden, model.hidden_size);
  same("heads", recorded.heads, model.num_heads);
  same("key/value heads", recorded.kv_heads, model.num_kv_heads);
  same("ids", recorded.vocab, model.vocab_size);
}

void check_contract(const debug::Record& record, const std::string& config) {
  const debug::RecordInfo& info = record.info();
  const std::string hash = fmt::format("{:#018x}", abi::kAbiHash);
  if (info.abi_hash != hash) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("{}: recorded with ABI hash {}, this build has {}: other packets; "
                            "record again with the same version",
                            record.path().string(), info.abi_hash, hash));
  }
  if (info.config != config) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("{}: recorded on configuration {}, the device has {}: give --a a URI "
                            "with {}",
                            record.path().string(), info.config, config, info.config));
  }
}

std::int32_t largest(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

/// The recorded steps on the device, with the recorded ids whatever the device would choose.
void play(const RunOptions& run, RunSession& session, const debug::Record& record,
          debug::RecordDiff& diff, bool isolated) {
  models::LlamaModel& model = session.model();
  models::KvCache cache(session.context(), model.config(), 1, cache_dtype(run));
  models::OpHook on_op;
  if (diff.has_tensors()) {
    on_op = [&](std::optional<std::uint32_t> layer, std::string_view op, std::string_view port,
                const ops::Tensor& value) { diff.value(session.device(), layer, op, port, value); };
  }
  diff.begin_pass(isolated);
  const auto& steps = record.info().steps;
  for (std::uint32_t s = 0; s < steps.size(); ++s) {
    diff.begin_step(s);
    const models::TokenRun tokens{0, steps[s].ids};
    // In the isolated pass norm and head take part, with all positions.
    const auto rows = isolated ? models::LogitRows::kAll : models::LogitRows::kLast;
    const ops::Tensor logits = model.forward(cache, {&tokens, 1}, rows, nullptr, on_op);
    const auto values =
        debug::values_of(session.device(), logits.slice(0, logits.dim(0) - 1, logits.dim(0)));
    diff.next_id(largest(values));
  }
}

std::string record_command(const RunOptions& run, const debug::RecordInfo& info) {
  return fmt::format(
      "tandem run --model {} --prompt-ids {} --max-new-tokens {} --backend '{}' --record FILE",
      run.model, fmt::join(info.prompt_ids, ","), info.steps.size(), info.backend);
}

}  // namespace

std::string record_path(const std::string& uri) {
  return uri.starts_with(kScheme) ? uri.substr(kScheme.size()) : "";
}

debug::DiffReport diff_record(RunOptions run, const std::string& path, bool bounds) {
  const debug::Record record = debug::Record::open(path);
  const debug::RecordInfo& info = record.info();
  const bool exact = info.kind == "device" && !bounds;
  run.prompt_ids = fmt::format("{}", fmt::join(info.prompt_ids, ","));
  run.quiet = true;
  RunSession session(run);
  check_model(info.model, session.model().config(), path);
  if (exact) check_contract(record, session.device().config().name);

  const models::LlamaConfig& config = session.model().config();
  debug::RecordDiff diff(record,
                         {.a = session.device().backend_name(),
                          .exact = exact,
                          .interleaved = config.rotary_pairs == models::RotaryPairs::kInterleaved,
                          .record_command = record_command(run, info)});
  if (!diff.has_tensors() && !diff.has_packets()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: a record of checksums alone, of another arithmetic: nothing can be "
                    "compared; record with --record-contents ops",
                    path));
  }
  session.device().queue().set_completion_hook(
      [&diff](const abi::Packet& packet, const abi::Completion& done, std::string_view op) {
        diff.packet(packet, done, op);
      });
  play(run, session, record, diff, false);
  session.device().queue().finish();
  if (diff.has_tensors() && diff.differs()) play(run, session, record, diff, true);
  session.device().queue().finish();
  session.device().queue().set_completion_hook(nullptr);
  return diff.finish();
}

}  // namespace tandem::cli

// SPDX-License-Identifier: Apache-2.0
// tandem run: a model writes text.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli.hpp"
#include "report.hpp"
#include "result_record.hpp"
#include "run_dump.hpp"
#include "run_options.hpp"
#include "run_progress.hpp"
#include "run_session.hpp"
#include "run_trace.hpp"
#include "tandem/base/error.hpp"

namespace tandem::cli {

namespace {

using models::TokenId;

void add_case(Report& report, std::string name, const RunSession& session,
              const std::vector<TokenId>& prompt, const models::GeneratedSequence& sequence,
              const models::GenerateResult& result, const RunCost& cost) {
  Json& entry = report.add_case(std::move(name));
  entry["prompt_ids"] = prompt;
  entry["ids"] = sequence.ids;
  entry["text"] = session.text_of(sequence.ids);
  entry["stopped_by"] = models::to_string(sequence.stopped_by);
  entry["tokens_per_s"] = speeds(result);
  entry["packets"] = cost.packets;
  if (session.is_timed()) {
    entry["cycles"] = cost.cycles;
    entry["kcycles_per_s"] = kcycles_per_s(result, cost);
  }
  entry["host_ops"] = session.host_ops();
}

std::string speed_text(const Json& speed) {
  return speed.is_null() ? "-" : fmt::format("{:.1f}", speed.get<double>());
}

void print_figures(const RunOptions& options, const RunSession& session,
                   const models::GenerateResult& result, const RunCost& cost) {
  if (options.quiet) return;
  const Json speed = speeds(result);
  const Json rate = kcycles_per_s(result, cost);
  const std::string simulated =
      session.is_timed() && !rate.is_null()
          ? fmt::format("; {}, {:.0f} kcycles/s", cycles_text(cost.cycles), rate.get<double>())
          : "";
  fmt::print(stderr,
             "prefill {} tokens, {} tokens/s; decode {} tokens, {} tokens/s; {} packets, {} "
             "ops on the host{}\n",
             result.prefill_tokens, speed_text(speed["prefill"]), result.decode_tokens,
             speed_text(speed["decode"]), cost.packets, session.host_ops(), simulated);
}

// Generates, and measures what that took.
models::GenerateResult generate(RunSession& session, models::Generator& generator,
                                std::span<const std::vector<TokenId>> prompts,
                                const RunOptions& options, models::GenerateHooks hooks,
                                RunProgress& progress, RunCost& cost) {
  progress.begin_prompt();
  hooks.on_token = [&progress, on_token = std::move(hooks.on_token)](std::uint32_t sequence,
                                                                     TokenId id) {
    progress.token();
    if (on_token) on_token(sequence, id);
  };
  const RunCost before{session.device().counters().packets, session.cycles()};
  models::GenerateResult result = generator.generate(prompts, options.generate, hooks);
  cost = {session.device().counters().packets - before.packets, session.cycles() - before.cycles};
  return result;
}

// Prints tokens as they come, whole characters at a time.
class TextStream {
 public:
  explicit TextStream(const models::Tokenizer* tokenizer) {
    if (tokenizer != nullptr) decoder_.emplace(*tokenizer);
  }
  void push(TokenId id) {
    // Without a tokenizer there is no text; the ids are what can be shown.
    const std::string piece =
        decoder_ ? decoder_->push(id) : fmt::format("{}{}", count_ == 0 ? "" : ",", id);
    ++count_;
    std::cout << piece << std::flush;
  }
  void finish() { std::cout << (decoder_ ? decoder_->finish() : "") << std::endl; }

 private:
  std::optional<models::StreamingDecoder> decoder_;
  std::uint64_t count_ = 0;
};

int run_prompt(const RunOptions& options, RunSession& session) {
  const std::vector<TokenId> prompt = session.prompt_ids();
  const std::vector<std::vector<TokenId>> prompts(options.batch, prompt);
  models::Generator generator(session.model(), options.batch, cache_dtype(options));

  RunProgress progress(options, session);
  models::GenerateHooks hooks;
  std::optional<ResultRecord> record;
  if (options.records_results()) {
    record.emplace(options, session, prompt);
    record->attach(hooks);
  }
  std::optional<RunDump> dump;
  if (!options.dump.empty()) {
    dump.emplace(options.dump, session.model(), options.batch);
    dump->attach(hooks);
  }
  std::optional<TextStream> stream;
  if (!options.json && options.batch == 1) {
    stream.emplace(session.tokenizer());
    hooks.on_token = [&stream, on_token = std::move(hooks.on_token)](std::uint32_t sequence,
                                                                     TokenId id) {
      if (on_token) on_token(sequence, id);
      stream->push(id);
    };
  }

  RunCost cost;
  const models::GenerateResult result =
      generate(session, generator, prompts, options, hooks, progress, cost);
  if (stream) stream->finish();
  if (dump) dump->write();
  if (record) record->finish();

  if (options.json) {
    Report report(session.device().backend_name());
    for (std::size_t i = 0; i < result.sequences.size(); ++i) {
      add_case(report, fmt::format("sequence.{}", i), session, prompt, result.sequences[i], result,
               cost);
    }
    session.add_summary(report.summary(), result, generator, cost);
    report.print();
    return kSuccess;
  }
  if (options.batch > 1) {
    for (std::size_t i = 0; i < result.sequences.size(); ++i) {
      std::cout << fmt::format("--- sequence {}\n{}\n", i,
                               session.text_of(result.sequences[i].ids));
    }
    std::cout << std::flush;
  }
  print_figures(options, session, result, cost);
  return kSuccess;
}

// Reads a line from stdin; nullopt at its end.
std::optional<std::string> next_line() {
  if (stdout_is_terminal()) std::cout << "> " << std::flush;
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

int run_conversation(const RunOptions& options, RunSession& session) {
  models::Generator generator(session.model(), 1, cache_dtype(options));
  std::vector<models::ChatMessage> messages;
  if (!options.system.empty()) messages.push_back({"system", options.system});
  Report report(session.device().backend_name());
  models::GenerateResult last;
  RunCost cost;
  RunProgress progress(options, session);
  for (int turn = 0; const std::optional<std::string> line = next_line();) {
    if (line->empty()) continue;
    messages.push_back({"user", *line});
    const std::vector<TokenId> prompt = session.chat_ids(messages);
    models::GenerateHooks hooks;
    TextStream stream(session.tokenizer());
    if (!options.json) hooks.on_token = [&stream](std::uint32_t, TokenId id) { stream.push(id); };
    last = generate(session, generator, {&prompt, 1}, options, hooks, progress, cost);
    messages.push_back({"assistant", session.text_of(last.sequences.front().ids)});
    if (options.json) {
      add_case(report, fmt::format("turn.{}", turn), session, prompt, last.sequences.front(), last,
               cost);
    } else {
      stream.finish();
      print_figures(options, session, last, cost);
    }
    ++turn;
  }
  if (options.json) {
    session.add_summary(report.summary(), last, generator, cost);
    report.print();
  }
  return kSuccess;
}

int run(RunOptions& options) {
  check_run_options(options);
  const std::vector<driver::WatchRange> watch = watch_ranges(options.watch);
  options.generate.stop_at_eos = !options.ignore_eos;
  RunSession session(options);
  session.device().set_watch(watch);
  // Weights are memory found at the start of the recording.
  const bool traces = !options.record.empty() && !options.records_results();
  if (traces) session.device().start_recording(options.record);
  const RunTrace trace(session.context(), options.trace);
  int code = kSuccess;
  try {
    code = options.is_conversation() ? run_conversation(options, session)
                                     : run_prompt(options, session);
  } catch (const driver::WatchStop& stop) {
    if (!options.json) std::cout << std::endl;
    Report report(session.device().backend_name());
    code = report_stop(stop, options.json ? &report : nullptr);
  }
  session.device().set_watch({});
  if (traces) session.device().stop_recording();
  const int findings = report_findings(session.device().take_findings());
  return code != kSuccess ? code : findings;
}

}  // namespace

Command add_run_command(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Let a language model continue a prompt");
  add_run_options(*command, *options);
  return {command, [options] { return run(*options); }};
}

}  // namespace tandem::cli

// SPDX-License-Identifier: Apache-2.0
// Options of `tandem run`.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "cli.hpp"
#include "tandem/models/llama/generator.hpp"
#include "watch_flags.hpp"

namespace tandem::cli {

struct RunOptions {
  DeviceFlags device;
  WatchFlags watch;
  std::string model;

  // Where the prompt comes from. With `chat`, a text goes through the model's chat template; chat
  // alone is a conversation on the terminal.
  CLI::Option* prompt_option = nullptr;
  std::string prompt;
  std::string prompt_file;
  std::string prompt_ids;
  bool chat = false;
  std::string system;

  models::GenerateOptions generate;
  bool ignore_eos = false;
  unsigned batch = 1;
  std::string weights = "auto";
  std::string kv = "f16";

  std::string dump;    // directory
  std::string record;  // trace file, or what docs/reference/record_format.md describes
  std::string record_contents = "trace";
  unsigned trace = 0;
  bool json = false;
  bool quiet = false;

  bool is_conversation() const {
    return chat && !has_prompt() && prompt_file.empty() && prompt_ids.empty();
  }
  /// Whether `record` gets results instead of a trace.
  bool records_results() const { return !record.empty() && record_contents != "trace"; }
  bool has_prompt() const { return prompt_option->count() != 0; }
};

void add_run_options(CLI::App& command, RunOptions& options);

/// Those that decide what a run computes: model, prompt, sampling, types in device memory. Returns
/// --model, which is not required.
CLI::Option* add_model_options(CLI::App& command, RunOptions& options);

/// What the parser cannot see: contradictions and values out of range. Throws UsageError.
void check_run_options(const RunOptions& options);

models::WeightStorage weight_storage(const RunOptions& options);
abi::Dtype cache_dtype(const RunOptions& options);

}  // namespace tandem::cli

// SPDX-License-Identifier: Apache-2.0
// Parsing and checking the options of `tandem run`.
#include "run_options.hpp"

#include <fmt/format.h>

namespace tandem::cli {

namespace {

void add_prompt_options(CLI::App& command, RunOptions& o) {
  o.prompt_option = command.add_option("--prompt", o.prompt, "Text to continue")
                        ->type_name("TEXT")
                        ->group("Prompt");
  auto* file = command
                   .add_option("--prompt-file", o.prompt_file,
                               "File with the text to continue; one newline at its end is "
                               "dropped")
                   ->type_name("FILE")
                   ->group("Prompt");
  auto* ids = command.add_option("--prompt-ids", o.prompt_ids, "Token ids, e.g. 1,22007,314")
                  ->type_name("LIST")
                  ->group("Prompt");
  auto* chat = command
                   .add_flag("--chat", o.chat,
                             "Use the model's chat template: on the text given, or line by line "
                             "from the terminal")
                   ->group("Prompt");
  command.add_option("--system", o.system, "System message of a chat")
      ->type_name("TEXT")
      ->needs(chat)
      ->group("Prompt");
  o.prompt_option->excludes(file)->excludes(ids);
  file->excludes(ids);
  chat->excludes(ids);
}

void add_sampling_options(CLI::App& command, RunOptions& o) {
  command.add_option("--max-new-tokens", o.generate.max_new_tokens, "Tokens to generate at most")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str()
      ->group("Sampling");
  command.add_option("--temperature", o.generate.sampler.temperature, "0 is greedy")
      ->type_name("T")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str()
      ->group("Sampling");
  command.add_option("--top-k", o.generate.sampler.top_k, "Keep the k best tokens; 0 keeps all")
      ->type_name("K")
      ->check(CLI::Range(0, 10'000'000))
      ->capture_default_str()
      ->group("Sampling");
  command
      .add_option("--top-p", o.generate.sampler.top_p,
                  "Keep the best tokens that together have probability P")
      ->type_name("P")
      ->capture_default_str()
      ->group("Sampling");
  command.add_option("--seed", o.generate.sampler.seed, "Sequence i draws with seed + i")
      ->type_name("N")
      ->capture_default_str()
      ->group("Sampling");
  command.add_flag("--ignore-eos", o.ignore_eos, "Do not stop at the model's end tokens")
      ->group("Sampling");
}

void add_device_memory_options(CLI::App& command, RunOptions& o) {
  command.add_option("--batch", o.batch, "Sequences that run side by side from the same prompt")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str()
      ->group("Device");
  command
      .add_option("--weights", o.weights,
                  "Weights in device memory: auto (16-bit floats as stored, everything else "
                  "f16), f16, bf16, f32, or stored (quantised weights stay quantised)")
      ->check(CLI::IsMember({"auto", "f16", "bf16", "f32", "stored"}))
      ->type_name("TYPE")
      ->capture_default_str()
      ->group("Device");
  command.add_option("--kv", o.kv, "Type of the key/value cache")
      ->check(CLI::IsMember({"f16", "bf16", "f32"}))
      ->type_name("TYPE")
      ->capture_default_str()
      ->group("Device");
}

void add_output_options(CLI::App& command, RunOptions& o) {
  command
      .add_option("--dump", o.dump,
                  "Write DIR/dump.safetensors: `logits` of every step, `hidden.N` after each "
                  "layer (0: embedding), `norm`")
      ->type_name("DIR")
      ->group("Output");
  CLI::Option* record =
      command
          .add_option("--record", o.record,
                      "Record the run: packets and memory for `tandem replay`, or what "
                      "--record-contents says")
          ->type_name("FILE")
          ->group("Output");
  command
      .add_option("--record-contents", o.record_contents,
                  "trace; or for `tandem diff --b record:FILE` the checksums of packets, also the "
                  "results of blocks, or of all ops (FILE: a folder, or an archive .tar.zst)")
      ->check(CLI::IsMember({"trace", "checksums", "blocks", "ops"}))
      ->capture_default_str()
      ->needs(record)
      ->type_name("WHAT")
      ->group("Output");
  command
      .add_option("--trace", o.trace,
                  "Print to stderr: 1 ops, 2 also transfers and views, 3 also packets")
      ->type_name("0..3")
      ->check(CLI::Range(0, 3))
      ->capture_default_str()
      ->group("Output");
  command.add_flag("--json", o.json, "Print JSON instead of the text")->group("Output");
  command.add_flag("--quiet", o.quiet, "No progress and no figures on stderr")->group("Output");
}

}  // namespace

CLI::Option* add_model_options(CLI::App& command, RunOptions& o) {
  CLI::Option* model =
      command.add_option("--model", o.model, "GGUF file or Hugging Face directory")
          ->type_name("PATH");
  add_prompt_options(command, o);
  add_sampling_options(command, o);
  add_device_memory_options(command, o);
  return model;
}

void add_run_options(CLI::App& command, RunOptions& o) {
  add_model_options(command, o)->required();
  add_device_flags(command, o.device);
  add_hybrid_flags(command, o.device);
  add_watch_flags(command, o.watch);
  add_output_options(command, o);
}

void check_run_options(const RunOptions& o) {
  const bool has_text = o.has_prompt() || !o.prompt_file.empty();
  if (!has_text && o.prompt_ids.empty() && !o.chat) {
    throw UsageError("no prompt: give --prompt, --prompt-file, --prompt-ids or --chat");
  }
  if (o.has_prompt() && o.prompt.empty()) {
    throw UsageError("--prompt is empty: a model needs at least one token to continue");
  }
  if (!o.prompt_ids.empty()) parse_ids(o.prompt_ids, "--prompt-ids");
  if (!(o.generate.sampler.top_p > 0.0f && o.generate.sampler.top_p <= 1.0f)) {
    throw UsageError(fmt::format("--top-p {}: expected a number above 0 and at most 1",
                                 o.generate.sampler.top_p));
  }
  if (o.is_conversation() && o.batch != 1) {
    throw UsageError("--batch needs a prompt; a conversation on the terminal has one sequence");
  }
  if (o.records_results() && (o.is_conversation() || o.batch != 1)) {
    throw UsageError(fmt::format(
        "--record-contents {} records one sequence with a prompt: leave --batch out, give --prompt",
        o.record_contents));
  }
  if (o.records_results() && o.trace >= 3) {
    throw UsageError(
        "--trace 3 and --record-contents both take the packets' completions: give one of them");
  }
  if (o.is_conversation() && !o.dump.empty()) {
    throw UsageError("--dump needs a prompt; a conversation on the terminal cannot be dumped");
  }
}

models::WeightStorage weight_storage(const RunOptions& options) {
  return models::parse_weight_storage(options.weights).value();
}

abi::Dtype cache_dtype(const RunOptions& options) {
  if (options.kv == "bf16") return abi::Dtype::kBF16;
  return options.kv == "f32" ? abi::Dtype::kF32 : abi::Dtype::kF16;
}

}  // namespace tandem::cli

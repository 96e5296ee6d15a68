// SPDX-License-Identifier: Apache-2.0
// tandem bisect: from two devices that disagree to the packet, the element, the cycle and its
// waves.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "case_commands.hpp"
#include "cli.hpp"
#include "report.hpp"
#include "run_options.hpp"
#include "run_record.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/bisect.hpp"
#include "wave_report.hpp"

namespace tandem::cli {

namespace {

struct BisectFlags {
  RunOptions run;
  std::string a = "cmodel:";
  std::string b;
  std::string config;
  std::string trace;
  std::string out;
  double timeout = 0;
  std::int64_t checkpoint = 60;
  bool json = false;
};

// What decides A's run, as text.
std::string run_identity(const BisectFlags& flags) {
  const RunOptions& run = flags.run;
  const auto& sampler = run.generate.sampler;
  return Json{{"model", run.model},
              {"prompt", run.prompt_file.empty() ? run.prompt : read_text_file(run.prompt_file)},
              {"prompt_ids", run.prompt_ids},
              {"chat", run.chat},
              {"system", run.system},
              {"max_new_tokens", run.generate.max_new_tokens},
              {"ignore_eos", run.ignore_eos},
              {"sampler", {sampler.temperature, sampler.top_k, sampler.top_p, sampler.seed}},
              {"batch", run.batch},
              {"weights", run.weights},
              {"kv", run.kv},
              {"a", flags.a},
              {"config", flags.config}}
      .dump();
}

// A's run of the model, recorded once: a search that goes on finds it in its folder.
std::string record_once(BisectFlags& flags) {
  const std::filesystem::path out = flags.out;
  const std::filesystem::path trace = out / "a.trace";
  const std::filesystem::path identity = out / "a.run.json";
  const std::string wanted = run_identity(flags);
  if (std::filesystem::exists(trace)) {
    const std::string found = read_text_file(identity.string());
    if (found == wanted) return trace.string();
    throw Error(ErrorCode::kMismatch,
                fmt::format("{} holds another run: expected {}, found {}; give another folder, or "
                            "remove this one",
                            flags.out, wanted, found));
  }
  std::filesystem::create_directories(out);
  flags.run.device.backend = flags.a;
  flags.run.device.config = flags.config;
  flags.run.quiet = true;
  const std::filesystem::path part = out / "a.trace.part";
  record_run(flags.run, part.string());
  std::ofstream(identity) << wanted;
  std::filesystem::rename(part, trace);
  return trace.string();
}

Json to_json(const debug::BisectReport& report) {
  Json json{{"packet", report.packet},
            {"op", report.op},
            {"text", report.text},
            {"expected", report.expected},
            {"found", report.result},
            {"hung", report.hung},
            {"in_flight", report.in_flight},
            {"case_packets", report.case_packets},
            {"case", report.case_file.string()}};
  if (report.element) json["element"] = element_json(*report.element);
  if (report.reg) {
    json["register"] = {
        {"name", report.reg->name}, {"expected", report.reg->a}, {"found", report.reg->b}};
    if (!report.reg->where.empty()) json["register"]["with"] = report.reg->where;
    json["at_reset"] = report.at_reset;
  }
  if (report.wave) json["wave"] = wave_json(*report.wave);
  if (!report.no_wave.empty()) json["no_wave"] = report.no_wave;
  return json;
}

void print_json(const debug::BisectReport& result, const std::string& backend) {
  Report report(backend);
  if (result.found)
    report.add_case(fmt::format("packet.{}", result.packet)).update(to_json(result));
  Json& summary = report.summary();
  summary["passed"] = result.found ? 0 : 1;
  summary["failed"] = result.found ? 1 : 0;
  summary["unsupported"] = 0;
  summary["packets"] = result.packets;
  summary["resumed"] = result.resumed;
  summary["seconds"] = {{"search", result.search_seconds},
                        {"case", result.case_seconds},
                        {"wave", result.wave_seconds}};
  report.print();
}

int bisect(BisectFlags& flags) {
  if (flags.run.model.empty() == flags.trace.empty()) {
    throw UsageError("give either --model (with a prompt) or --trace");
  }
  const bool progress = stderr_is_terminal() && !flags.json;
  const std::string trace = flags.trace.empty() ? record_once(flags) : flags.trace;
  debug::BisectOptions options;
  options.trace = trace;
  options.a = flags.a;
  options.b = flags.b;
  options.open_a = opener(flags.a);
  options.open_b = opener(flags.b);
  options.out = flags.out;
  options.model = flags.run.model;
  options.deadline = std::chrono::nanoseconds(static_cast<std::int64_t>(flags.timeout * 1e9));
  options.checkpoint_interval = std::chrono::seconds(flags.checkpoint);
  if (progress) {
    options.on_progress = [](std::uint64_t packets, const std::string& op) {
      fmt::print(stderr, "\r{} packets equal, {:<50.50}", packets, op);
    };
    options.on_part = [](const char* part) {
      fmt::print(stderr, "\r{:<70}", fmt::format("{} ...", part));
    };
  }
  const debug::BisectReport report = debug::bisect(options);
  if (progress) fmt::print(stderr, "\r{:70}\r", "");
  if (flags.json) {
    print_json(report, flags.b);
  } else {
    fmt::print("{}", debug::bisect_text(report));
    if (report.wave) fmt::print("gtkwave {}\n", report.wave->view.string());
  }
  return report.found ? kFailure : kSuccess;
}

}  // namespace

Command add_bisect_command(CLI::App& app) {
  auto flags = std::make_shared<BisectFlags>();
  flags->run.generate.max_new_tokens = 4;
  CLI::App* command = app.add_subcommand(
      "bisect", "Find the packet, the element and the clock cycle where a device goes wrong");
  const auto add = [&](const char* name, std::string& value, const char* text, const char* type) {
    return command->add_option(name, value, text)->type_name(type)->group("Search");
  };
  add("--a", flags->a, "The reference", "URI")->capture_default_str();
  add("--b", flags->b, "The device that goes wrong", "URI")->required();
  add("--config", flags->config, "Configuration of the run on A (default: the URI's, else edge)",
      "FILE");
  add("--trace", flags->trace, "A recorded run instead of a model", "FILE");
  add("-o,--out", flags->out, "Folder for the case, the waves and what a search goes on from",
      "DIR")
      ->required();
  command->add_option("--timeout", flags->timeout, "Seconds that a packet may take before it hangs")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber)
      ->group("Search");
  command
      ->add_option("--checkpoint", flags->checkpoint, "Seconds after which a checkpoint is written")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group("Search");
  add_model_options(*command, flags->run);
  command->add_flag("--json", flags->json, "Print JSON")->group("Output");
  return {command, [flags] { return comparing([&] { return bisect(*flags); }); }};
}

}  // namespace tandem::cli

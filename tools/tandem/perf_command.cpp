// SPDX-License-Identifier: Apache-2.0
// tandem perf: where the time of a run goes.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "cli.hpp"
#include "report.hpp"
#include "run_options.hpp"
#include "run_session.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/perf.hpp"

namespace tandem::cli {

namespace {

struct PerfFlags {
  std::string trace;
  std::string packets;
  std::string html;
  double ghz = 1;
  RunOptions run;
};

/// A directory that goes with the object.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "tandem-perf-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("{}: no directory for the recording can be made there; set TMPDIR",
                              std::filesystem::temp_directory_path().string()));
    }
    path_ = name;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Runs the model once, recording into `path`.
void record(RunOptions& options, const std::string& path) {
  check_run_options(options);
  if (options.is_conversation()) throw UsageError("--chat needs --prompt or --prompt-file here");
  if (!options.dump.empty() || options.trace != 0 || !options.watch.ranges.empty()) {
    throw UsageError("--dump, --trace and --watch belong to `tandem run`");
  }
  options.generate.stop_at_eos = !options.ignore_eos;
  RunSession session(options);
  if (!session.is_timed()) {
    throw UsageError(fmt::format("--backend {}: counts no cycles; choose a device with time, rtl:",
                                 options.device.backend));
  }
  const std::vector<std::vector<models::TokenId>> prompts(options.batch, session.prompt_ids());
  models::Generator generator(session.model(), options.batch, cache_dtype(options));
  session.device().start_recording(path);
  generator.generate(prompts, options.generate);
  session.device().stop_recording();
}

void add_row(Report& report, const char* kind, const debug::Perf& perf, const debug::PerfRow& row) {
  const debug::PerfRates rates = perf.rates(row);
  Json& entry = report.add_case(fmt::format("{}.{}", kind, row.name));
  entry["time_cycles"] = row.time;
  entry["packets"] = row.packets;
  entry["cycles"] = row.cycles;
  entry["macs"] = row.work.macs;
  entry["bytes_read"] = row.work.bytes_read;
  entry["bytes_written"] = row.work.bytes_written;
  entry["bytes_per_cycle"] = rates.bytes_per_cycle;
  entry["macs_per_cycle"] = rates.macs_per_cycle;
  entry["array_use"] = row.matrix_cycles == 0 ? Json() : Json(rates.array_use);
  entry["lane_ops"] = row.work.lane_ops;
  entry["lane_use"] = row.vector_cycles == 0 ? Json() : Json(rates.lane_use);
  entry["port_use"] = rates.port_use;
}

void print_json(const debug::Perf& perf, double ghz) {
  Report report(perf.backend);
  for (const debug::PerfRow& row : perf.ops) add_row(report, "op", perf, row);
  for (const debug::PerfRow& row : perf.layers) add_row(report, "layer", perf, row);
  for (const debug::PerfRow& row : perf.engines) {
    if (row.packets != 0) add_row(report, "engine", perf, row);
  }
  const debug::PerfRates rates = perf.rates(perf.total);
  Json& summary = report.summary();
  summary["time_cycles"] = perf.time;
  summary["idle_cycles"] = perf.idle;
  summary["overlap_cycles"] = perf.overlap();
  summary["packets"] = perf.total.packets;
  summary["first_packet"] = perf.first_seq;
  summary["last_packet"] = perf.last_seq;
  summary["untimed"] = perf.untimed;
  summary["unfinished"] = perf.unfinished;
  summary["macs"] = perf.total.work.macs;
  summary["bytes_read"] = perf.total.work.bytes_read;
  summary["bytes_written"] = perf.total.work.bytes_written;
  summary["array_use"] = rates.array_use;
  summary["lane_use"] = rates.lane_use;
  summary["port_use"] = rates.port_use;
  summary["bytes_per_cycle"] = rates.bytes_per_cycle;
  summary["ghz"] = ghz;
  summary["gb_per_s"] = rates.bytes_per_cycle * ghz;
  report.print();
}

int perf(PerfFlags& flags) {
  if (flags.trace.empty() == flags.run.model.empty()) {
    throw UsageError("name a TRACE, or a model with --model and a prompt; not both");
  }
  const debug::SeqRange range = parse_seq_range(flags.packets, "--packets");
  std::optional<ScratchDirectory> scratch;
  std::string trace = flags.trace;
  if (trace.empty()) {
    trace = flags.run.record.empty() ? scratch.emplace().file("perf.trace") : flags.run.record;
    record(flags.run, trace);
  }
  debug::TimedRun run = debug::load_timed_run(trace, range);
  if (flags.trace.empty()) run.path = flags.run.model;
  const debug::Perf result = debug::measure(run);
  if (!flags.html.empty()) {
    std::ofstream file(flags.html, std::ios::binary | std::ios::trunc);
    file << debug::perf_html(result, flags.ghz);
    file.close();
    if (!file) {
      throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written", flags.html));
    }
  }
  if (flags.run.json) {
    print_json(result, flags.ghz);
  } else {
    fmt::print("{}", debug::perf_text(result, flags.ghz));
    if (!flags.html.empty()) fmt::print("page with roofline: {}\n", flags.html);
  }
  return kSuccess;
}

}  // namespace

Command add_perf_command(CLI::App& app) {
  auto flags = std::make_shared<PerfFlags>();
  CLI::App* command = app.add_subcommand(
      "perf", "Show where the time of a run on a timed device goes, by op, layer and engine");
  command->add_option("trace", flags->trace, "From `tandem run --record` on rtl:; or use --model")
      ->type_name("TRACE");
  command->add_option("--packets", flags->packets, "Only packets with these sequence numbers")
      ->type_name("A-B");
  command->add_option("--html", flags->html, "Also write a page with tables and roofline plot")
      ->type_name("FILE");
  command->add_option("--ghz", flags->ghz, "Clock for which GB/s are shown")
      ->type_name("F")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_run_options(*command, flags->run);
  command->get_option("--model")->required(false);
  return {command, [flags] { return perf(*flags); }};
}

}  // namespace tandem::cli

// SPDX-License-Identifier: Apache-2.0
// tandem timeline: a recorded run for ui.perfetto.dev.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli.hpp"
#include "report.hpp"
#include "tandem/debug/timeline.hpp"

namespace tandem::cli {

namespace {

struct TimelineFlags {
  std::string trace;
  std::string output;
  std::string packets;
  bool json = false;
};

int timeline(const TimelineFlags& flags) {
  const debug::TimedRun run =
      debug::load_timed_run(flags.trace, parse_seq_range(flags.packets, "--packets"));
  debug::write_timeline(run, flags.output);
  if (flags.json) {
    Report report(run.backend);
    Json& entry = report.add_case(flags.trace);
    entry["timeline"] = flags.output;
    Json& summary = report.summary();
    summary["packets"] = run.packets.size();
    summary["ops"] = run.op_spans.size();
    summary["layers"] = run.layer_spans.size();
    summary["begin_cycle"] = run.begin();
    summary["end_cycle"] = run.end();
    summary["untimed"] = run.untimed;
    summary["unfinished"] = run.unfinished;
    report.print();
    return kSuccess;
  }
  fmt::print("{}: {} packets, {} ops, {} layers, cycles {} to {}; open it in ui.perfetto.dev\n",
             flags.output, run.packets.size(), run.op_spans.size(), run.layer_spans.size(),
             run.begin(), run.end());
  if (run.untimed + run.unfinished != 0) {
    fmt::print("left out: {} packets of a device without time, {} that did not complete\n",
               run.untimed, run.unfinished);
  }
  return kSuccess;
}

}  // namespace

Command add_timeline_command(CLI::App& app) {
  auto flags = std::make_shared<TimelineFlags>();
  CLI::App* command = app.add_subcommand(
      "timeline", "Show a run recorded on a timed device in ui.perfetto.dev: layers, ops, packets");
  command->add_option("trace", flags->trace, "From `tandem run --record` on rtl:")
      ->type_name("TRACE")
      ->required();
  command->add_option("-o,--output", flags->output, "Timeline as JSON")
      ->type_name("FILE")
      ->required();
  command->add_option("--packets", flags->packets, "Only packets with these sequence numbers")
      ->type_name("A-B");
  command->add_flag("--json", flags->json, "Print JSON about it");
  return {command, [flags] { return timeline(*flags); }};
}

}  // namespace tandem::cli

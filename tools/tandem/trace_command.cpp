// SPDX-License-Identifier: Apache-2.0
// tandem trace record, tandem trace diff.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "case_commands.hpp"
#include "cli.hpp"
#include "diff_report.hpp"
#include "run_options.hpp"
#include "run_record.hpp"
#include "tandem/debug/diff.hpp"

namespace tandem::cli {

namespace {

struct RecordFlags {
  RunOptions run;
  std::string out;
};

int record(RecordFlags& flags) {
  record_run(flags.run, flags.out);
  if (!flags.run.quiet) fmt::print(stderr, "recorded {}\n", flags.out);
  return kSuccess;
}

Command add_record_command(CLI::App& trace) {
  auto flags = std::make_shared<RecordFlags>();
  CLI::App* command =
      trace.add_subcommand("record", "Record a model run; the same as `tandem run --record`");
  command->add_option("-o,--output", flags->out, "The trace")->type_name("TRACE")->required();
  add_model_options(*command, flags->run)->required();
  add_device_flags(*command, flags->run.device);
  add_hybrid_flags(*command, flags->run.device);
  command->add_flag("--quiet", flags->run.quiet, "Nothing on stderr");
  return {command, [flags] { return record(*flags); }};
}

struct TraceDiffFlags {
  std::string a;
  std::string b;
  bool json = false;
};

Command add_trace_diff_command(CLI::App& trace) {
  auto flags = std::make_shared<TraceDiffFlags>();
  CLI::App* command = trace.add_subcommand(
      "diff", "Compare the completions of two recorded runs of the same program");
  command->add_option("a", flags->a, "The reference")->type_name("A.trace")->required();
  command->add_option("b", flags->b, "What is compared with it")->type_name("B.trace")->required();
  command->add_flag("--json", flags->json, "Print JSON");
  return {command, [flags] {
            return comparing([&] {
              const debug::DiffReport report = debug::diff_traces(flags->a, flags->b);
              print_diff(report, flags->json);
              return diff_exit_code(report);
            });
          }};
}

}  // namespace

std::vector<Command> add_trace_commands(CLI::App& app) {
  CLI::App* trace = app.add_subcommand("trace", "Record and compare packet traces");
  trace->require_subcommand(1);
  return {add_record_command(*trace), add_trace_diff_command(*trace)};
}

}  // namespace tandem::cli

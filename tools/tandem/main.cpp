// SPDX-License-Identifier: Apache-2.0
// The command-line program.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli.hpp"
#include "tandem/base/error.hpp"

namespace {

using namespace tandem::cli;

constexpr const char* kFooter =
    "Exit codes: 0 success; 1 the command failed or what it checked is wrong; 2 wrong command line;"
    "\n3 nothing could be compared.\nEnvironment: TANDEM_LOG=debug shows what the "
    "layers do, TANDEM_PLUGIN_PATH and "
    "TANDEM_CONFIG_PATH\nadd directories of backends and configurations, NO_COLOR turns colours "
    "off.\n`tandem COMMAND --help` tells about a command.";

int run_chosen(const std::vector<Command>& commands) {
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    try {
      return command.run();
    } catch (const UsageError& error) {
      print_error(error.what());
      fmt::print(stderr, "See: tandem {} --help\n", command.app->get_name());
      return kUsage;
    }
  }
  return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Tandem: run, check and compare neural-network processors.", "tandem");
  app.require_subcommand(1);
  app.set_version_flag("--version", "tandem " + version());
  app.footer(kFooter);

  std::vector<Command> commands{
      add_run_command(app),      add_tokenize_command(app), add_info_command(app),
      add_dis_command(app),      add_asm_command(app),      add_exec_command(app),
      add_replay_command(app),   add_check_command(app),    add_soak_command(app),
      add_timeline_command(app), add_perf_command(app),     add_who_command(app),
  };
  commands.push_back(add_diff_command(app));
  commands.push_back(add_reduce_command(app));
  for (Command& command : add_trace_commands(app)) commands.push_back(std::move(command));
#ifdef TANDEM_WITH_WAVE
  commands.push_back(add_wave_command(app));
  commands.push_back(add_bisect_command(app));
#endif
#ifdef TANDEM_WITH_BENCH
  commands.push_back(add_bench_command(app));
#endif
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kSuccess : kUsage;
  }
  try {
    return run_chosen(commands);
  } catch (const std::exception& error) {
    print_error(error.what());
  }
  return kFailure;
}

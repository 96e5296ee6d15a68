// SPDX-License-Identifier: Apache-2.0
// What the commands of `tandem` share: exit codes, device options, terminal output.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/base/error.hpp"
#include "tandem/debug/timed_run.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::cli {

/// Exit codes of every command, as docs/reference/cli.md lists them.
enum ExitCode : int {
  kSuccess = 0,
  kFailure = 1,  ///< The command ran into an error, or what it checked is wrong.
  kUsage = 2,    ///< The command line is wrong; nothing was done.
  kNothing = 3,  ///< Nothing could be compared.
};

/// A command line that parses but makes no sense; printed with the command's usage.
class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One subcommand: its parser and what it does when chosen. The result is the exit code.
struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;
};

// Every command is one file with one of these.
Command add_run_command(CLI::App& app);
Command add_tokenize_command(CLI::App& app);
Command add_info_command(CLI::App& app);
Command add_dis_command(CLI::App& app);
Command add_asm_command(CLI::App& app);
Command add_exec_command(CLI::App& app);
Command add_replay_command(CLI::App& app);
Command add_check_command(CLI::App& app);
Command add_soak_command(CLI::App& app);
Command add_timeline_command(CLI::App& app);
Command add_perf_command(CLI::App& app);
Command add_who_command(CLI::App& app);
Command add_diff_command(CLI::App& app);
Command add_reduce_command(CLI::App& app);
std::vector<Command> add_trace_commands(CLI::App& app);
Command add_wave_command(CLI::App& app);    // only in builds with zlib and lz4
Command add_bisect_command(CLI::App& app);  // likewise
Command add_bench_command(CLI::App& app);  // only in builds with TANDEM_BENCH

/// --backend, --config and --threads.
struct DeviceFlags {
  std::string backend = "cmodel:";
  std::string config;
  unsigned threads = 0;  ///< 0: up to the backend.
  // Packets that the second device of a hybrid runs.
  bool chooses = false;  ///< The command has these options.
  std::string rtl_packets;
  std::string rtl_layers;
  std::string rtl_ops;
};
void add_device_flags(CLI::App& app, DeviceFlags& flags);
/// --rtl-packets, --rtl-layers and --rtl-ops, for commands that run packets.
void add_hybrid_flags(CLI::App& app, DeviceFlags& flags);
/// The URI with --threads and the packets of a hybrid merged in. Throws UsageError if it names
/// other threads already, for such packets of a backend that is no hybrid, and for a hybrid without
/// any.
std::string backend_uri(const DeviceFlags& flags);
runtime::Device open_device(const DeviceFlags& flags);

/// What check mode found (Backend::take_findings): lines that the log has not shown and their
/// number go to stderr. kFailure if there are any, else kSuccess.
int report_findings(std::string_view findings);

/// Comma-separated token ids, e.g. "1,22007,314". Throws UsageError with the place of what is
/// wrong.
std::vector<std::int32_t> parse_ids(std::string_view text, std::string_view option);

/// "5-9", "5" for 5-5, "5-" and "-9" for open ends; empty: all. Throws UsageError.
debug::SeqRange parse_seq_range(std::string_view text, std::string_view option);

/// The whole file. Throws tandem::Error (kNotFound, kUnavailable).
std::string read_text_file(const std::string& path);

/// Whether stderr is a terminal (progress) and whether colours may be used on it (NO_COLOR unset).
bool stderr_is_terminal();
bool stdout_is_terminal();
/// `text` in a colour ("1;31") where stderr takes colours.
std::string coloured(std::string_view text, std::string_view code);

/// Prints "tandem: error: TEXT" on stderr, behind what stdout holds.
void print_error(const std::string& text);

/// Runs a comparison: what goes wrong in it is printed, and the exit code is kNothing, as nothing
/// is known of the devices then.
template <class Call>
int comparing(Call&& call) {
  try {
    return call();
  } catch (const Error& error) {
    print_error(error.what());
  }
  return kNothing;
}

/// The version of the program, e.g. "0.1.0".
std::string version();

}  // namespace tandem::cli

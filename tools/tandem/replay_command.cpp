// SPDX-License-Identifier: Apache-2.0
// tandem replay: runs a recorded trace again and compares every completion.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "case_commands.hpp"
#include "cli.hpp"
#include "report.hpp"
#include "tandem/debug/history.hpp"
#include "tandem/runtime/trace.hpp"
#include "watch_flags.hpp"

namespace tandem::cli {

namespace {

struct ReplayFlags {
  DeviceFlags device;
  WatchFlags watch;
  std::string trace;
  bool keep_going = false;
  bool json = false;
};

int replay(const ReplayFlags& flags, runtime::Device& device) {
  runtime::TraceReader trace(flags.trace);
  const runtime::ReplayResult result =
      runtime::replay(trace, device, {.stop_at_difference = !flags.keep_going});
  const bool equal = result.differences == 0;
  if (flags.json) {
    Report report(device.backend_name());
    Json& entry = report.add_case(flags.trace);
    entry["recorded_on"] = trace.info().backend;
    entry["status"] = equal ? "pass" : "fail";
    if (result.first) {
      entry["packet"] = result.first->packet;
      entry["op"] = result.first->op;
      entry["detail"] = result.first->text;
    }
    Json& summary = report.summary();
    summary["passed"] = equal ? 1 : 0;
    summary["failed"] = equal ? 0 : 1;
    summary["unsupported"] = 0;
    summary["packets"] = result.packets;
    summary["compared"] = result.compared;
    summary["differences"] = result.differences;
    report.print();
  } else {
    fmt::print("{} packets, {} completions compared with {}, {} differ\n", result.packets,
               result.compared, trace.info().backend, result.differences);
    if (result.first) fmt::print("first: {}\n", result.first->text);
  }
  // Not Device::take_findings: a packet that failed as recorded is no error here.
  const int findings = report_findings(device.driver().backend().take_findings());
  return equal ? findings : kFailure;
}

/// The same stop with what the trace says of the address: a replay allocates nothing.
driver::WatchStop in_trace(const driver::WatchStop& stop, const std::string& trace) {
  const std::uint64_t addr = stop.hit().addr;
  const debug::History history =
      debug::history_of(trace, {addr, addr + 1}, stop.hit().packet.seq + 1);
  if (history.accesses.empty()) return stop;
  return driver::WatchStop(stop.hit(), stop.op(), history.accesses.back().place);
}

int replay(const ReplayFlags& flags) {
  if (is_case_file(flags.trace)) return replay_case(flags.trace, flags.device, flags.json);
  const std::vector<driver::WatchRange> watch = watch_ranges(flags.watch);
  runtime::Device device = open_device(flags.device);
  device.set_watch(watch);
  try {
    return replay(flags, device);
  } catch (const driver::WatchStop& stop) {
    Report report(device.backend_name());
    return report_stop(in_trace(stop, flags.trace), flags.json ? &report : nullptr);
  }
}

}  // namespace

Command add_replay_command(CLI::App& app) {
  auto flags = std::make_shared<ReplayFlags>();
  CLI::App* command = app.add_subcommand(
      "replay", "Run a recorded trace on any backend and compare every completion");
  command->add_option("trace", flags->trace, "From `tandem run --record`, or a case")
      ->type_name("TRACE")
      ->required();
  add_device_flags(*command, flags->device);
  add_hybrid_flags(*command, flags->device);
  add_watch_flags(*command, flags->watch);
  command->add_flag("--keep-going", flags->keep_going, "Do not stop at the first difference");
  command->add_flag("--json", flags->json, "Print JSON");
  return {command, [flags] { return replay(*flags); }};
}

}  // namespace tandem::cli

// SPDX-License-Identifier: Apache-2.0
// tandem wave: a packet on the RTL with waves, and the cycle in which it went wrong.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli.hpp"
#include "report.hpp"
#include "tandem/debug/wave.hpp"
#include "tandem/runtime/trace.hpp"
#include "wave_report.hpp"

namespace tandem::cli {

namespace {

struct WaveFlags {
  std::string trace;
  std::string backend;
  std::string dir;
  std::uint64_t packet = 0;
  bool json = false;
};

void print_json(const debug::WaveReport& result) {
  Report report(result.backend);
  report.add_case(fmt::format("packet.{}", result.packet)).update(wave_json(result));
  const bool right = result.symptom == debug::WaveReport::Symptom::kNone;
  Json& summary = report.summary();
  summary["passed"] = right ? 1 : 0;
  summary["failed"] = right ? 0 : 1;
  summary["unsupported"] = 0;
  summary["wave_bytes"] = result.wave_bytes;
  report.print();
}

/// The folder for `CASE.case`: `CASE.wave` beside it.
std::string default_dir(const std::string& trace) {
  return std::filesystem::path(trace).replace_extension(".wave").string();
}

int run(const WaveFlags& flags, bool has_packet) {
  debug::WaveOptions options;
  if (has_packet) options.packet = flags.packet;
  std::string backend = flags.backend;
  if (backend.empty()) backend = "rtl:" + runtime::TraceReader(flags.trace).info().config.name;
  const std::string dir = flags.dir.empty() ? default_dir(flags.trace) : flags.dir;
  const debug::WaveReport result = debug::find_first_wrong(flags.trace, backend, dir, options);
  if (flags.json) {
    print_json(result);
  } else {
    fmt::print("{}\ngtkwave {}\n", debug::wave_text(result), result.view.string());
  }
  return result.symptom == debug::WaveReport::Symptom::kNone ? kSuccess : kFailure;
}

}  // namespace

Command add_wave_command(CLI::App& app) {
  auto flags = std::make_shared<WaveFlags>();
  CLI::App* command = app.add_subcommand(
      "wave", "Run a packet on the RTL with waves and find the cycle in which it went wrong");
  command->add_option("case", flags->trace, "A case, or a trace from `tandem run --record`")
      ->type_name("CASE")
      ->required();
  command
      ->add_option("--backend", flags->backend,
                   "An rtl: device (default: rtl: in the configuration of the case)")
      ->type_name("URI");
  command->add_option("-o,--out", flags->dir, "Folder for the files (default: CASE.wave)")
      ->type_name("DIR");
  CLI::Option* packet = command
                            ->add_option("--packet", flags->packet,
                                         "Sequence number of the packet (default: the last one)")
                            ->type_name("N");
  command->add_flag("--json", flags->json, "Print JSON");
  return {command, [flags, packet] { return run(*flags, packet->count() > 0); }};
}

}  // namespace tandem::cli

// SPDX-License-Identifier: Apache-2.0
// tandem diff: where two devices disagree in a model run or a trace.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "case_commands.hpp"
#include "cli.hpp"
#include "diff_record.hpp"
#include "diff_report.hpp"
#include "run_options.hpp"
#include "run_record.hpp"
#include "tandem/debug/case_file.hpp"
#include "tandem/debug/diff.hpp"

namespace tandem::cli {

namespace {

struct DiffFlags {
  RunOptions run;
  std::string a = "cmodel:";
  std::string b;
  std::string trace;
  std::string trace_a;
  std::string trace_b;
  std::string config;
  std::string bounds;
  std::string html;
  std::string keep;
  std::string case_file;
  double timeout = 0;
  bool accumulated_only = false;
  bool json = false;
};

void check_record_flags(const DiffFlags& flags) {
  if (flags.run.model.empty()) {
    throw UsageError("--b record:PATH needs --model, the model that was recorded");
  }
  if (!flags.trace.empty() || !flags.trace_a.empty() || !flags.trace_b.empty() ||
      !flags.keep.empty() || !flags.case_file.empty() || flags.accumulated_only) {
    throw UsageError(
        "--b record:PATH compares results: --trace, --a-trace, --b-trace, --keep-trace, --case and "
        "--accumulated belong to comparisons of devices");
  }
  if (!flags.bounds.empty() && flags.bounds != "standard") {
    throw UsageError("--b record:PATH takes --bounds standard or none, not a file");
  }
}

void check_flags(const DiffFlags& flags) {
  if (!record_path(flags.b).empty()) return check_record_flags(flags);
  const bool saved = !flags.trace_a.empty() || !flags.trace_b.empty();
  const int sources =
      (flags.run.model.empty() ? 0 : 1) + (flags.trace.empty() ? 0 : 1) + (saved ? 1 : 0);
  if (sources != 1) {
    throw UsageError("give one of --model (with a prompt), --trace, or --a-trace with --b-trace");
  }
  if (saved && (flags.trace_a.empty() || flags.trace_b.empty())) {
    throw UsageError("--a-trace and --b-trace belong together");
  }
  if (!saved && flags.b.empty()) throw UsageError("--b URI: the device to compare is missing");
  if (saved && !flags.case_file.empty()) {
    throw UsageError("--case needs devices: saved runs hold no memory of B");
  }
  if (flags.bounds == "standard" && flags.accumulated_only) {
    throw UsageError(
        "--bounds standard decides in the isolated pass: leave --accumulated out, or give a file");
  }
  if (!flags.keep.empty() && flags.run.model.empty()) {
    throw UsageError("--keep-trace needs --model: there is no other run to record");
  }
}

/// The trace of the model's run on A; removed at the end unless it is to be kept.
class RecordedTrace {
 public:
  explicit RecordedTrace(DiffFlags& flags) : kept_(!flags.keep.empty()) {
    path_ = kept_ ? flags.keep
                  : (std::filesystem::temp_directory_path() /
                     fmt::format("tandem-diff-{}.trace", getpid()))
                        .string();
    flags.run.device.backend = flags.a;
    flags.run.device.config = flags.config;
    flags.run.quiet = true;
    record_run(flags.run, path_);
  }
  ~RecordedTrace() {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove(path_, ignored);
  }
  RecordedTrace(const RecordedTrace&) = delete;
  RecordedTrace& operator=(const RecordedTrace&) = delete;
  const std::string& path() const { return path_; }

 private:
  bool kept_;
  std::string path_;
};

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written", path));
}

/// What a fault of order needs: packets in front of the failing one.
constexpr std::uint64_t kLeadingPackets = 16;

/// Number of the first of them, and how many packets there are up to the failing one.
std::uint64_t first_of_case(const std::string& trace, std::uint64_t number,
                            std::uint64_t& packets) {
  std::deque<std::uint64_t> numbers;
  debug::TracePackets reader{runtime::TraceReader(trace)};
  debug::TracePacket packet;
  while (reader.next(packet)) {
    numbers.push_back(packet.number);
    if (numbers.size() > kLeadingPackets + 1) numbers.pop_front();
    if (packet.number == number) break;
  }
  packets = numbers.size();
  return numbers.front();
}

/// The first packet that is wrong with A's inputs, else the first that is wrong, as a case; one
/// that is wrong only with others in flight with those in front of it.
void write_first_case(const DiffFlags& flags, const std::string& trace,
                      const debug::DiffReport& report) {
  const auto& first = report.in_flight                   ? report.in_flight
                      : report.all.isolated.outside != 0 ? report.all.isolated.first
                                                         : report.all.accumulated.first;
  if (report.equal() || !first) return;
  runtime::TraceReader reader(trace);
  const driver::DeviceConfig config = reader.info().config;
  runtime::Device device = opener(flags.a)(config);
  debug::Player player(std::move(reader), device);
  std::uint64_t packets = 1;
  player.play_to(report.in_flight ? first_of_case(trace, first->number, packets) : first->number);
  player.next();
  debug::Case item = debug::record_case(player, packets);
  item.origin.model = flags.run.model;
  item.origin.a = flags.a;
  item.origin.b = flags.b;
  item.origin.seed = flags.run.generate.sampler.seed;
  if (first->difference.first) {
    item.origin.element = debug::to_case_element(*first->difference.first);
  }
  debug::write_case(item, flags.case_file);
  if (!flags.json) {
    fmt::print("{}: packet {}; tandem replay {} --backend '{}'\n", flags.case_file, first->number,
               flags.case_file, flags.b);
  }
}

debug::DiffOptions diff_options(const DiffFlags& flags, const std::string& trace) {
  debug::DiffOptions options{
      .trace = trace,
      .a = opener(flags.a),
      .b = opener(flags.b),
      .recorded_on_a = !flags.run.model.empty(),
      .isolated = !flags.accumulated_only,
      .deadline = std::chrono::nanoseconds(static_cast<std::int64_t>(flags.timeout * 1e9))};
  if (flags.bounds == "standard") {
    options.bounds = debug::Bounds::standard();
  } else if (!flags.bounds.empty()) {
    options.bounds = debug::Bounds::load(flags.bounds);
  }
  if (stderr_is_terminal() && !flags.json) {
    options.on_progress = [](std::string_view pass, std::uint64_t packets,
                             std::uint64_t differing) {
      if (pass == "in flight" || packets % 16 == 0) {
        fmt::print(stderr, "\r{}: {} packets, {} differ ", pass, packets, differing);
      }
    };
  }
  return options;
}

int finish(const DiffFlags& flags, const debug::DiffReport& report) {
  if (!flags.html.empty()) write_file(flags.html, debug::diff_html(report));
  if (stderr_is_terminal() && !flags.json) fmt::print(stderr, "\r{:50}\r", "");
  print_diff(report, flags.json);
  return diff_exit_code(report);
}

int diff(DiffFlags& flags) {
  check_flags(flags);
  if (const std::string record = record_path(flags.b); !record.empty()) {
    flags.run.device.backend = flags.a;
    flags.run.device.config = flags.config;
    return finish(flags, diff_record(flags.run, record, flags.bounds == "standard"));
  }
  if (!flags.trace_a.empty())
    return finish(flags, debug::diff_traces(flags.trace_a, flags.trace_b));
  std::optional<RecordedTrace> recorded;
  if (!flags.run.model.empty()) recorded.emplace(flags);
  const std::string trace = recorded ? recorded->path() : flags.trace;
  const debug::DiffOptions options = diff_options(flags, trace);
  debug::DiffReport report = debug::diff_devices(options);
  if (recorded) report.trace = flags.run.model;
  const int code = finish(flags, report);
  if (!flags.case_file.empty()) write_first_case(flags, trace, report);
  return code;
}

}  // namespace

Command add_diff_command(CLI::App& app) {
  auto flags = std::make_shared<DiffFlags>();
  flags->run.generate.max_new_tokens = 4;
  CLI::App* command = app.add_subcommand(
      "diff", "Find where two devices disagree in a model run: layer, op, packet, element");
  const auto add = [&](const char* name, std::string& value, const char* text, const char* type) {
    return command->add_option(name, value, text)->type_name(type)->group("Comparison");
  };
  add("--a", flags->a, "The reference", "URI")->capture_default_str();
  add("--b", flags->b, "The device that is compared with it", "URI");
  add("--config", flags->config, "Configuration of both (default: the URIs', else edge)", "FILE");
  add("--trace", flags->trace, "Play a recorded run instead of a model", "FILE");
  add("--a-trace", flags->trace_a, "Compare saved runs: the reference's", "FILE");
  add("--b-trace", flags->trace_b, "and the other device's", "FILE");
  add("--bounds", flags->bounds,
      "B has another arithmetic: `standard` bounds or those of a JSON file decide, not bits",
      "standard|FILE");
  command->add_option("--timeout", flags->timeout, "Seconds that a packet may take before it hangs")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber)
      ->group("Comparison");
  command
      ->add_flag("--accumulated", flags->accumulated_only,
                 "Only the pass in which each device has its own data")
      ->group("Comparison");
  add_model_options(*command, flags->run);
  add("--html", flags->html, "Write the report as one HTML page", "FILE")->group("Output");
  add("--case", flags->case_file, "Write the first wrong packet as a case", "FILE")
      ->group("Output");
  add("--keep-trace", flags->keep, "Keep A's run of the model", "FILE")->group("Output");
  command->add_flag("--json", flags->json, "Print JSON")->group("Output");
  return {command, [flags] { return comparing([&] { return diff(*flags); }); }};
}

}  // namespace tandem::cli

// SPDX-License-Identifier: Apache-2.0
// tandem replay of a case, tandem reduce.
#include "case_commands.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <memory>

#include "tandem/abi/asm.hpp"
#include "tandem/debug/case_file.hpp"

namespace tandem::cli {

namespace {

std::string_view name_of(debug::CaseResult::Kind kind) {
  using Kind = debug::CaseResult::Kind;
  switch (kind) {
    case Kind::kPassed:
      return "pass";
    case Kind::kBytes:
      return "bytes";
    case Kind::kStray:
      return "stray";
    case Kind::kCompletion:
      return "completion";
    case Kind::kHung:
      return "hang";
  }
  return "";
}

// The URI without what the case says itself.
std::string uri_of(const DeviceFlags& flags) {
  if (!flags.config.empty()) {
    throw UsageError("--config: a case brings its configuration; leave the option out");
  }
  return backend_uri(flags);
}

void describe(Json& entry, const debug::Case& item, const debug::CaseResult& result) {
  entry["status"] = result.passed() ? "pass" : "fail";
  entry["kind"] = name_of(result.kind);
  entry["packet"] = item.failing().packet.seq;
  entry["op"] = item.failing().op;
  if (result.element) entry["element"] = element_json(*result.element);
  if (!result.passed()) entry["detail"] = result.text;
}

std::string origin_text(const debug::Case& item) {
  const debug::CaseOrigin& origin = item.origin;
  std::string text = fmt::format("packet {}", origin.number);
  if (!origin.op.empty()) text += fmt::format(" of {}", origin.op);
  if (!origin.model.empty()) text += fmt::format(", {}", origin.model);
  if (!origin.b.empty()) text += fmt::format(", was wrong on {}", origin.b);
  return text;
}

int run_replay(const std::string& path, const DeviceFlags& flags, bool json) {
  const std::string uri = uri_of(flags);
  const debug::Case item = debug::read_case(path);
  runtime::Device device = opener(uri)(item.config);
  const debug::CaseResult result = debug::run_case(item, device);
  if (json) {
    Report report(device.backend_name());
    describe(report.add_case(path), item, result);
    Json& summary = report.summary();
    summary["passed"] = result.passed() ? 1 : 0;
    summary["failed"] = result.passed() ? 0 : 1;
    summary["unsupported"] = 0;
    summary["packets"] = item.packets.size();
    report.print();
  } else {
    fmt::print("{}\n{}", origin_text(item), result.passed() ? "" : result.text + "\n");
    fmt::print("{} on {}\n", result.passed() ? "passed" : "failed", device.backend_name());
  }
  const int findings = report_findings(device.driver().backend().take_findings());
  return result.passed() ? findings : kFailure;
}

struct ReduceFlags {
  std::string path;
  std::string out;
  std::string backend;
  std::string reference;
  double timeout = 0;
  std::uint64_t max_runs = 1000;
  bool json = false;
};

// NAME.case gives NAME.reduced.case.
std::string reduced_path(const std::string& path) {
  constexpr std::string_view kEnd = ".case";
  const bool named = path.ends_with(kEnd);
  return (named ? path.substr(0, path.size() - kEnd.size()) : path) + ".reduced.case";
}

int reduce(const ReduceFlags& flags) {
  debug::Case item = debug::read_case(flags.path);
  const std::string b = flags.backend.empty() ? item.origin.b : flags.backend;
  if (b.empty()) {
    throw UsageError("reduce: the case names no device that is wrong; give --backend URI");
  }
  std::string a = flags.reference.empty() ? item.origin.a : flags.reference;
  if (a.empty()) a = "cmodel:";
  item.origin.a = a;
  item.origin.b = b;
  debug::ReduceOptions options{
      .deadline = std::chrono::nanoseconds(static_cast<std::int64_t>(flags.timeout * 1e9)),
      .max_runs = flags.max_runs};
  if (stderr_is_terminal()) {
    options.on_progress = [](std::uint64_t runs, const debug::Case& smallest) {
      fmt::print(stderr, "\r{} runs, {} packets, {} bytes   ", runs, smallest.packets.size(),
                 smallest.num_bytes());
    };
  }
  const debug::ReducedCase reduced = debug::reduce_case(item, opener(a), opener(b), options);
  if (options.on_progress) fmt::print(stderr, "\n");
  const std::string out = flags.out.empty() ? reduced_path(flags.path) : flags.out;
  debug::write_case(reduced.item, out);
  if (flags.json) {
    Report report(b);
    Json& entry = report.add_case(out);
    describe(entry, reduced.item, reduced.result);
    entry["text"] = abi::disassemble(reduced.item.failing().packet);
    Json& summary = report.summary();
    summary["runs"] = reduced.runs;
    summary["packets"] = {item.packets.size(), reduced.item.packets.size()};
    summary["bytes"] = {item.num_bytes(), reduced.item.num_bytes()};
    report.print();
  } else {
    fmt::print("{}\n{}: {} packets and {} bytes of memory, before {} and {}; {} runs\n",
               reduced.result.text, out, reduced.item.packets.size(), reduced.item.num_bytes(),
               item.packets.size(), item.num_bytes(), reduced.runs);
  }
  return kSuccess;
}

}  // namespace

bool is_case_file(const std::string& path) {
  try {
    return debug::is_case(runtime::TraceReader(path).info());
  } catch (const Error&) {
    return false;
  }
}

int replay_case(const std::string& path, const DeviceFlags& device, bool json) {
  return comparing([&] { return run_replay(path, device, json); });
}

debug::OpenDevice opener(const std::string& uri) {
  return
      [uri](const driver::DeviceConfig& config) { return runtime::Device::open_with(uri, config); };
}

Json element_json(const debug::ElementDifference& element) {
  const debug::CaseElement bits = debug::to_case_element(element);
  Json json{{"operand", bits.operand}, {"index", bits.index}, {"addr", bits.addr},
            {"type", bits.type},       {"a", bits.a},         {"b", bits.b}};
  json["a_text"] = value_text(element, element.a);
  json["b_text"] = value_text(element, element.b);
  // JSON has no infinity.
  json["ulp"] = std::isfinite(element.ulp) ? Json(element.ulp) : Json();
  json["relative"] = std::isfinite(element.relative) ? Json(element.relative) : Json();
  return json;
}

Command add_reduce_command(CLI::App& app) {
  auto flags = std::make_shared<ReduceFlags>();
  CLI::App* command = app.add_subcommand(
      "reduce", "Make a case smaller while it fails: fewer packets, smaller shapes");
  command->add_option("case", flags->path, "From `tandem diff --case` or `tandem bisect`")
      ->type_name("CASE")
      ->required();
  command->add_option("-o,--output", flags->out, "Default: NAME.reduced.case")->type_name("OUT");
  command->add_option("--backend", flags->backend, "The wrong device (default: the case's)")
      ->type_name("URI");
  command
      ->add_option("--a", flags->reference,
                   "The device that gives the expected bytes (default: the case's)")
      ->type_name("URI");
  command->add_option("--timeout", flags->timeout, "Seconds that a run may take before it hangs")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--max-runs", flags->max_runs, "Stop after so many runs on the wrong device")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Print JSON");
  return {command, [flags] { return comparing([&] { return reduce(*flags); }); }};
}

}  // namespace tandem::cli

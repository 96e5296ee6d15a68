// SPDX-License-Identifier: Apache-2.0
// tandem check: a device against reference data.
#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "cli.hpp"
#include "report.hpp"
#include "suites.hpp"
#include "tandem/base/error.hpp"

namespace tandem::cli {

namespace {

struct CheckOptions {
  DeviceFlags device;
  std::vector<std::string> dirs;
  std::string filter = "*";
  std::string model;
  std::string junit;
  bool json = false;
  bool verbose = false;
};

// Failures and unsupported cases at once, passes only when asked for.
void print_case(const check::CaseResult& result, bool verbose) {
  if (result.status == check::Status::kPass && !verbose) return;
  fmt::print("{:<12} {}/{}{}{}\n", check::to_string(result.status), result.suite, result.name,
             result.detail.empty() ? "" : ": ", result.detail);
}

void write_junit(const check::Report& report, const std::string& path) {
  std::ofstream file(path);
  file << report.junit();
  if (!file.flush()) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written", path));
  }
}

void print_json(const check::Report& report, const std::string& backend) {
  Report out(backend);
  for (const check::CaseResult& result : report.cases()) {
    Json& entry = out.add_case(result.suite + "/" + result.name);
    entry["status"] = check::to_string(result.status);
    entry["detail"] = result.detail;
    entry["seconds"] = result.seconds;
  }
  out.summary()["passed"] = report.count(check::Status::kPass);
  out.summary()["failed"] = report.count(check::Status::kFail);
  out.summary()["unsupported"] = report.count(check::Status::kUnsupported);
  out.print();
}

int run_check(const CheckOptions& options) {
  check::Report report([&](const check::CaseResult& result) {
    if (!options.json) print_case(result, options.verbose);
  });
  const std::string uri = backend_uri(options.device);
  check::Session session({.backend = uri,
                          .config = options.device.config,
                          .filter = options.filter,
                          .model = options.model},
                         report);
  for (const std::string& dir : options.dirs) check::check_path(session, dir);
  if (report.cases().empty()) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("no case matches --filter '{}'; names are SUITE/CASE, a glob over either",
                    options.filter));
  }
  if (!options.junit.empty()) write_junit(report, options.junit);
  if (options.json) {
    print_json(report, uri);
  } else {
    fmt::print("{} passed, {} failed, {} unsupported\n", report.count(check::Status::kPass),
               report.count(check::Status::kFail), report.count(check::Status::kUnsupported));
  }
  if (report.count(check::Status::kFail) != 0) return kFailure;
  return report.count(check::Status::kPass) != 0 ? kSuccess : kNothing;
}

}  // namespace

Command add_check_command(CLI::App& app) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand(
      "check", "Compare a device with reference data (docs/reference/reference_data.md)");
  command
      ->add_option("dirs", options->dirs, "Folders of reference data, or folders of such folders")
      ->required();
  add_device_flags(*command, options->device);
  command->add_option("--filter", options->filter, "Glob over SUITE/CASE or CASE");
  command->add_option("--model", options->model, "Model file for data that names one by its hash");
  command->add_option("--junit", options->junit, "Also write the results as JUnit XML");
  command->add_flag("--json", options->json, "Print JSON");
  command->add_flag("-v,--verbose", options->verbose, "List passing cases too");
  return {command, [options] { return run_check(*options); }};
}

}  // namespace tandem::cli

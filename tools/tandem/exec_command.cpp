// SPDX-License-Identifier: Apache-2.0
// tandem exec: memory contents and hand-written packets on any backend, and what they must leave
// behind.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli.hpp"
#include "report.hpp"
#include "tandem/abi/exec_file.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/exec_runner.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/runtime/config.hpp"
#include "tandem/runtime/trace.hpp"
#include "watch_flags.hpp"

namespace tandem::cli {

namespace {

struct ExecOptions {
  DeviceFlags device;
  WatchFlags watch;
  std::string file;
  std::string record;
  bool json = false;
};

// The configuration that Device::open would take.
driver::DeviceConfig config_of(const DeviceFlags& flags, const driver::BackendUri& uri) {
  if (!flags.config.empty()) return runtime::load_config(flags.config);
  const std::string named = driver::named_config(uri);
  return runtime::load_config(named.empty() ? "edge" : named);
}

int exec(const ExecOptions& options) {
  const std::vector<driver::WatchRange> watch = watch_ranges(options.watch);
  const driver::BackendUri uri = driver::parse_uri(backend_uri(options.device));
  const driver::DeviceConfig config = config_of(options.device, uri);
  const abi::ExecFile file = abi::load_exec_file(options.file, debug::region_names(config));

  driver::Driver driver(driver::open_backend(uri, config), config,
                        {.on_fault = driver::DriverOptions::OnFault::kHold});
  driver.start();
  driver.set_watch(watch);
  std::optional<runtime::TraceWriter> trace;
  if (!options.record.empty()) trace.emplace(options.record, driver.backend().name(), config);
  debug::ExecRunner executor(file, driver, trace ? &*trace : nullptr);
  try {
    executor.run();
    if (trace) trace->finish();
  } catch (const driver::WatchStop& stop) {
    Report report(driver.backend().name());
    return report_stop(stop, options.json ? &report : nullptr);
  }

  const bool passed = executor.failures().empty();
  if (options.json) {
    Report report(driver.backend().name());
    Json& entry = report.add_case(options.file);
    entry["status"] = passed ? "pass" : "fail";
    entry["failures"] = executor.failures();
    report.summary()["passed"] = passed ? 1 : 0;
    report.summary()["failed"] = passed ? 0 : 1;
    report.summary()["unsupported"] = 0;
    report.summary()["packets"] = executor.packets();
    report.summary()["checks"] = executor.checks();
    report.print();
  } else {
    for (const std::string& failure : executor.failures()) fmt::print("{}\n", failure);
    fmt::print("{}: {} packets, {} checks, {} failed\n", options.file, executor.packets(),
               executor.checks(), executor.failures().size());
  }
  const int findings = report_findings(driver.backend().take_findings());
  return passed ? findings : kFailure;
}

}  // namespace

Command add_exec_command(CLI::App& app) {
  auto options = std::make_shared<ExecOptions>();
  CLI::App* command =
      app.add_subcommand("exec", "Run hand-written packets and compare what they leave in memory");
  command
      ->add_option("file", options->file, "Memory, packets, expectations; docs/reference/exec.md")
      ->type_name("FILE")
      ->required();
  add_device_flags(*command, options->device);
  add_hybrid_flags(*command, options->device);
  add_watch_flags(*command, options->watch);
  command->add_option("--record", options->record, "Record packets and memory for `tandem replay`")
      ->type_name("TRACE");
  command->add_flag("--json", options->json, "Print JSON");
  return {command, [options] { return exec(*options); }};
}

}  // namespace tandem::cli

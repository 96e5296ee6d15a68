// SPDX-License-Identifier: Apache-2.0
// tandem bench: measured figures beside named rivals, in one run.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "bench.hpp"
#include "cli.hpp"
#include "device.hpp"
#include "report.hpp"

namespace tandem::cli {

namespace {

struct BenchOptions {
  std::string name;
  bench::Options bench;
  bool json = false;
};

const bench::Suite& find_suite(const std::string& name) {
  std::string known;
  for (const bench::Suite& suite : bench::suites()) {
    if (suite.name == name) return suite;
    known += fmt::format("\n  {:<8} {}", suite.name, suite.doc);
  }
  throw UsageError(fmt::format("no benchmark '{}'; there are{}", name, known));
}

void print_text(const std::vector<bench::Case>& cases) {
  for (const bench::Case& result : cases) {
    fmt::print("{:<20} {:>12.4g} {}", result.name, result.value, result.unit);
    if (result.ratio) {
      fmt::print("   {:.2f} x {} ({:.4g})", *result.ratio, result.rival, *result.rival_value);
    } else if (!result.rival.empty()) {
      fmt::print("   no ratio: {}", result.rival);
    }
    for (const auto& [key, value] : result.more.items()) {
      if (key != "summary") fmt::print("  {}={}", key, value.dump());
    }
    fmt::print("\n");
  }
}

void print_json(const std::vector<bench::Case>& cases, const std::string& backend) {
  Report report(backend);
  for (const bench::Case& result : cases) {
    Json& entry = report.add_case(result.name);
    entry["value"] = result.value;
    entry["unit"] = result.unit;
    entry["rival"] = result.rival;
    entry["rival_value"] = result.rival_value ? Json(*result.rival_value) : Json();
    entry["ratio"] = result.ratio ? Json(*result.ratio) : Json();
    for (const auto& [key, value] : result.more.items()) {
      if (key == "summary") {
        report.summary().update(value);
      } else {
        entry[key] = value;
      }
    }
  }
  report.summary()["cases"] = cases.size();
  report.print();
}

}  // namespace

Command add_bench_command(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure a benchmark beside its rival in the same run");
  std::string names;
  for (const bench::Suite& suite : bench::suites()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", suite.name);
  }
  command->add_option("name", options->name, "One of: " + names)->required();
  command->add_option("--backend", options->bench.backend,
                      "Device that is measured: name[:configuration][?key=value&...]");
  command->add_option("--config", options->bench.config, "Device configuration");
  command->add_option("--model", options->bench.model, "Model file of benchmark 'model'");
  command->add_option("--repeats", options->bench.repeats, "Timed repetitions; the median counts")
      ->check(CLI::Range(1, 1000));
  command->add_flag("--json", options->json, "Print JSON");
  return {command, [options] {
            std::string findings;
            options->bench.findings = &findings;
            const std::vector<bench::Case> cases = find_suite(options->name).run(options->bench);
            options->json ? print_json(cases, bench::backend_name(options->bench))
                          : print_text(cases);
            return report_findings(findings);
          }};
}

}  // namespace tandem::cli

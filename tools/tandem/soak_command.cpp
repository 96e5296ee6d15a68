// SPDX-License-Identifier: Apache-2.0
// tandem soak: random packets on two devices until something differs or time is up.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>

#include "cli.hpp"
#include "report.hpp"
#include "soak/soak.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/runtime/config.hpp"

namespace tandem::cli {

namespace {

struct SoakFlags {
  std::string a = "cmodel:";
  std::string b;
  std::string config;
  std::uint64_t seed = 1;
  std::uint64_t first = 0;
  std::uint64_t sequences = 0;
  std::uint64_t packets = 0;
  double seconds = 0;
  bool json = false;
};

constexpr double kDefaultSeconds = 60;
constexpr double kProgressSeconds = 10;

/// The configuration that the URIs and --config agree on.
std::string config_name(const SoakFlags& flags) {
  std::string name = flags.config;
  for (const std::string* uri : {&flags.a, &flags.b}) {
    const std::string found = driver::named_config(driver::parse_uri(*uri));
    if (!name.empty() && !found.empty() && found != name) {
      throw UsageError(fmt::format(
          "{} names configuration {}, but {} was named before; both devices need the same", *uri,
          found, name));
    }
    if (name.empty()) name = found;
  }
  return name.empty() ? "edge" : name;
}

std::string reproduce(const SoakFlags& flags, const soak::SoakFailure& failure) {
  std::string command =
      fmt::format("tandem soak --a '{}' --b '{}' --seed {} --first {} --sequences {}", flags.a,
                  flags.b, flags.seed, failure.first, failure.sequences);
  if (!flags.config.empty()) command += fmt::format(" --config '{}'", flags.config);
  return command;
}

void print_json(const SoakFlags& flags, const soak::SoakResult& result) {
  Report report(fmt::format("{} and {}", flags.a, flags.b));
  for (const auto& [opcode, faults] : result.coverage.outcomes()) {
    Json& entry = report.add_case(std::string(opcode));
    for (const auto& [fault, count] : faults) {
      entry["outcomes"][std::string(abi::to_string(fault))] = count;
    }
    if (const auto types = result.coverage.types().find(opcode);
        types != result.coverage.types().end()) {
      for (const auto& [type, count] : types->second) entry["types"][type] = count;
    }
    entry["points"] = Json::array();
    for (const auto& [point, count] : result.coverage.points()) {
      if (point.opcode != opcode) continue;
      entry["points"].push_back({{"operand", point.operand},
                                 {"type", point.type},
                                 {"alignment", point.alignment},
                                 {"stalls", point.stalls},
                                 {"packets", count}});
    }
  }
  Json& summary = report.summary();
  summary["passed"] = result.failure ? 0 : 1;
  summary["failed"] = result.failure ? 1 : 0;
  summary["unsupported"] = 0;
  summary["seed"] = flags.seed;
  summary["sequences"] = result.state.sequences;
  summary["packets"] = result.state.packets;
  summary["seconds"] = result.state.seconds;
  if (result.failure) {
    summary["difference"] = result.failure->text;
    summary["reproduce"] = reproduce(flags, *result.failure);
  }
  report.print();
}

int run(const SoakFlags& flags) {
  soak::SoakOptions options{.a = flags.a,
                            .b = flags.b,
                            .hardware = runtime::load_config(config_name(flags)),
                            .seed = flags.seed,
                            .first = flags.first};
  if (flags.sequences != 0) options.sequences = flags.sequences;
  if (flags.packets != 0) options.packets = flags.packets;
  const bool bounded = flags.sequences != 0 || flags.packets != 0;
  const double seconds = flags.seconds != 0 ? flags.seconds : bounded ? 0 : kDefaultSeconds;
  if (seconds != 0) {
    options.time = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(seconds));
  }
  double shown = 0;
  const soak::SoakResult result = run_soak(options, [&](const soak::SoakState& state) {
    if (state.seconds - shown < kProgressSeconds) return;
    shown = state.seconds;
    fmt::print(stderr, "soak: {:.0f} s, {} sequences, {} packets, no difference\n", state.seconds,
               state.sequences, state.packets);
  });
  if (flags.json) print_json(flags, result);
  if (!flags.json) {
    fmt::print("{}", result.coverage.text());
    fmt::print("{} and {}: {} sequences, {} packets, {:.1f} s, seed {}, {}\n", flags.a, flags.b,
               result.state.sequences, result.state.packets, result.state.seconds, flags.seed,
               result.failure ? "a difference" : "no difference");
  }
  if (!result.failure) return kSuccess;
  fmt::print(stderr, "{} {}\nreproduce: {}\n", coloured("soak: difference:", "1;31"),
             result.failure->text, reproduce(flags, *result.failure));
  return kFailure;
}

}  // namespace

Command add_soak_command(CLI::App& app) {
  auto flags = std::make_shared<SoakFlags>();
  CLI::App* command = app.add_subcommand(
      "soak", "Run random packets on two devices and compare everything that they leave");
  command->add_option("--a", flags->a, "First device; {seed} in a URI changes every 32 sequences")
      ->type_name("URI")
      ->capture_default_str();
  command->add_option("--b", flags->b, "Second device")->type_name("URI")->required();
  command
      ->add_option("--config", flags->config,
                   "Device configuration (default: the URIs', else edge)")
      ->type_name("FILE");
  command
      ->add_option("--seconds", flags->seconds,
                   "Stop after this time (default: 60 if nothing else ends it)")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command->add_option("--packets", flags->packets, "Stop after so many packets")->type_name("N");
  command->add_option("--seed", flags->seed, "Seed of the sequences")
      ->type_name("S")
      ->capture_default_str();
  command->add_option("--first", flags->first, "Index of the first sequence")->type_name("I");
  command->add_option("--sequences", flags->sequences, "Stop after so many sequences")
      ->type_name("N");
  command->add_flag("--json", flags->json, "Print JSON, with the coverage of opcodes and types");
  return {command, [flags] { return run(*flags); }};
}

}  // namespace tandem::cli

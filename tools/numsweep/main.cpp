// SPDX-License-Identifier: Apache-2.0
// tandem-numsweep: measures the vector functions and conversions over any part of all 2^32 inputs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "catalogue.hpp"
#include "sweep.hpp"
#include "tandem/numerics/bits.hpp"

namespace {

using namespace tandem::numsweep;

struct Options {
  std::vector<std::string> functions;
  bool all_inputs = false;
  Range range{0, std::uint64_t{1} << 32, 4099};
  unsigned threads = 1;
  std::string isa;
};

void print(const Function& function, const Result& result) {
  const auto input = [](std::uint32_t bits) {
    return fmt::format("{:08x} ({})", bits, tandem::numerics::float_of(bits));
  };
  std::string line = fmt::format("{:<20} {:>10} inputs", function.name, result.inputs);
  if (!function.conversion) {
    line += fmt::format("  worst {:.4f} ulp at {}, {:.4f} of the bound at {}", result.worst_ulp,
                        input(result.worst_ulp_input), result.worst_of_bound,
                        input(result.worst_of_bound_input));
  }
  line += fmt::format("  special-value errors {}", result.special_errors);
  if (result.special_errors != 0) line += " first at " + input(result.special_error_input);
  fmt::print("{}  {}\n", line, result.passed() ? "ok" : "FAILED");
  std::fflush(stdout);
}

int run(const Options& options) {
  Isa isa = pick_isa();
  if (options.isa == "portable") isa = Isa::kPortable;
  if (options.isa == "avx2" && isa != Isa::kPortable) isa = Isa::kAvx2;
  const ExactReference exact = mpfr_reference();
  fmt::print("{} path, {} decides near the bound\n", to_string(isa), exact ? "MPFR" : "double");
  bool passed = true;
  for (const Function& function : catalogue()) {
    const bool wanted =
        options.functions.empty() || std::find(options.functions.begin(), options.functions.end(),
                                               function.name) != options.functions.end();
    if (!wanted) continue;
    const Result result = sweep(function, options.range, isa, options.threads, exact);
    print(function, result);
    passed = passed && result.passed();
  }
  return passed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{
      "Runs Tandem's one-operand functions over fp32 inputs and reports the worst error.\n"
      "Exit codes: 0 within the bounds, 1 past a bound or a wrong special value, 2 bad usage."};
  std::vector<std::string> names;
  for (const Function& function : catalogue()) names.emplace_back(function.name);
  app.add_option("--function", options.functions, "Functions to run (default: every one)")
      ->check(CLI::IsMember(names));
  app.add_flag("--all", options.all_inputs, "All 2^32 inputs: minutes per function");
  app.add_option("--first", options.range.first, "First input pattern, e.g. 0x3f800000")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{0xFFFFFFFF}));
  app.add_option("--count", options.range.count, "How many patterns from the first on to cover");
  app.add_option("--stride", options.range.stride, "Take every n-th pattern")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads (0: one per processor)")
      ->check(CLI::Range(0u, 1024u))
      ->capture_default_str();
  app.add_option("--isa", options.isa, "Use at most this instruction set")
      ->check(CLI::IsMember({"portable", "avx2", "avx512"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (options.all_inputs) options.range = {};
  if (options.threads == 0) options.threads = std::max(1u, std::thread::hardware_concurrency());
  return run(options);
}

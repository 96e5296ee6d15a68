// SPDX-License-Identifier: Apache-2.0
// tandem-rtl-sweep: proves the arithmetic of the RTL against the numerics library.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "sweep.hpp"

namespace {

using namespace tandem::rtl_sweep;

struct Options {
  std::vector<std::string> operations;
  std::uint64_t vectors = 8'000'000;
  std::uint64_t seed = 1;
  bool all_inputs = false;
  bool list = false;
};

struct Total {
  std::uint64_t vectors = 0;
  std::uint64_t mismatches = 0;
  double seconds = 0;
};

void report(const Operation& operation, VectorClass vector_class, const Result& result) {
  fmt::print("{:<16} {:<16} {:>12} vectors  {:>6.1f} M/s  {} mismatches\n", operation.name,
             to_string(vector_class), result.vectors,
             static_cast<double>(result.vectors) / result.seconds / 1e6, result.mismatches);
  if (result.first) {
    const Mismatch& m = *result.first;
    fmt::print("  first: a {:08x} b {:08x} c {:08x}  expected {:08x}, lanes gave {:08x}\n",
               m.operands[0], m.operands[1], m.operands[2], m.expected, m.found);
  }
  std::fflush(stdout);
}

bool wanted(const Options& options, const Operation& operation) {
  return options.operations.empty() || std::ranges::count(options.operations, operation.name) != 0;
}

int run(const Options& options) {
  const std::unique_ptr<Lanes> lanes = make_lanes();
  Total total;
  fmt::print("seed {}\n", options.seed);
  for (const Operation& operation : operations()) {
    if (!wanted(options, operation)) continue;
    for (const VectorClass vector_class : classes_of(operation.operands)) {
      const bool every = vector_class == VectorClass::kEvery && options.all_inputs;
      const std::uint64_t vectors = every ? std::uint64_t{1} << 32 : options.vectors;
      const Result result = sweep(*lanes, operation, vector_class, vectors, options.seed);
      report(operation, vector_class, result);
      total.vectors += result.vectors;
      total.mismatches += result.mismatches;
      total.seconds += result.seconds;
    }
  }
  fmt::print("{} vectors in {:.1f} s, {:.1f} M/s, {} mismatches, seed {}\n", total.vectors,
             total.seconds, static_cast<double>(total.vectors) / total.seconds / 1e6,
             total.mismatches, options.seed);
  return total.mismatches == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{
      "Compares the Verilated lanes of rtl/num with the numerics library, class by class.\n"
      "Exit codes: 0 no mismatch, 1 mismatches, 2 bad usage."};
  std::vector<std::string> names;
  for (const Operation& operation : operations()) names.push_back(operation.name);
  app.add_option("--operation", options.operations, "Operations to run (default: every one)")
      ->check(CLI::IsMember(names));
  app.add_option("--vectors", options.vectors, "Vectors of each class of each operation")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 48))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Seed of the random classes")->capture_default_str();
  app.add_flag("--all", options.all_inputs,
               "All 2^32 inputs of the operations with one operand: about 20 s each");
  app.add_flag("--list", options.list, "Name the operations and stop");
  try {
    app.parse(argc, argv);
    if (options.list) {
      for (const std::string& name : names) fmt::print("{}\n", name);
      return 0;
    }
    return run(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "tandem-rtl-sweep: {}\n", error.what());
    return 2;
  }
}

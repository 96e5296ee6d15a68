// SPDX-License-Identifier: Apache-2.0
// Every fault of rtl/fault/faults.yml bisected: what is found of it, how long it takes, how large
// the waves are.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include "bench.hpp"
#include "bisect_bench_traces.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/bisect.hpp"
#include "tandem/rtlmodel/faults.hpp"

namespace tandem::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using rtlmodel::Fault;

constexpr std::chrono::seconds kDeadline{20};
constexpr unsigned kWatchdog = 50'000;  // Cycles without a transfer.

debug::OpenDevice opener(const std::string& uri) {
  return
      [uri](const driver::DeviceConfig& config) { return runtime::Device::open_with(uri, config); };
}

struct Trial {
  debug::BisectReport report;
  std::string program;  ///< Name of the trace.
  bool model = false;   ///< A pass of a model.
  double seconds = 0;
  std::string problem;       ///< Why the search itself failed.
  std::vector<json> stamps;  ///< Of every device that ran, in order.
};

class FaultBench {
 public:
  /// On the models, else, where it does not show there, on the program of the list.
  Trial run(const Fault& fault) {
    for (const std::string& model : BisectTraces::models()) {
      Trial trial = bisect(fault, model);
      trial.model = true;
      if (trial.report.found) return trial;
    }
    return bisect(fault, fault.program);
  }

 private:
  Trial bisect(const Fault& fault, const std::string& program) {
    const fs::path out = traces_.folder() / "search";
    fs::remove_all(out);
    std::size_t opened = 0;
    const auto stamp_file = [&](std::size_t i) {
      return traces_.folder() / fmt::format("stamp{}.json", i);
    };
    const auto uri = [&](const fs::path& file) {
      const std::string_view more = fault.options;
      return fmt::format("rtl:tiny?fault={}&fault_stamp={}&watchdog={}{}{}", fault.name,
                         file.string(), kWatchdog, more.empty() ? "" : "&", more);
    };
    debug::BisectOptions options;
    options.trace = traces_.trace(program);
    options.a = kBisectReference;
    options.b = uri(traces_.folder() / "waves.json");
    options.open_a = opener(options.a);
    // A stamp for each device; those with waves have options.b.
    options.open_b = [&](const driver::DeviceConfig& config) {
      return runtime::Device::open_with(uri(stamp_file(opened++)), config);
    };
    options.out = out;
    options.model = program;
    options.deadline = kDeadline;
    fs::remove(traces_.folder() / "waves.json");
    Trial trial;
    trial.program = program;
    const auto start = std::chrono::steady_clock::now();
    try {
      trial.report = debug::bisect(options);
    } catch (const Error& error) {
      trial.problem = error.what();
    }
    trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto take = [&](const fs::path& file) {
      if (fs::exists(file)) trial.stamps.push_back(json::parse(std::ifstream(file)));
      fs::remove(file);
    };
    for (std::size_t i = 0; i < opened; ++i) take(stamp_file(i));
    take(traces_.folder() / "waves.json");
    return trial;
  }

  BisectTraces traces_;
};

std::uint64_t seq_of(const json& stamp) { return stamp.value("seq", std::uint64_t{0}); }

bool activated(const Trial& trial) {
  return std::ranges::any_of(trial.stamps, [](const json& s) { return s.contains("time"); });
}

/// The stamp of the last run, the one with waves, is this packet's.
bool right_packet(const Fault& fault, const Trial& trial) {
  if (!trial.report.found || trial.stamps.empty()) return false;
  const debug::BisectReport& report = trial.report;
  const json& last = trial.stamps.back();
  if (!last.contains("time")) return false;
  if (report.at_reset) return seq_of(last) == 0;
  // A lost credit or response may be missed by a later packet only: the one that never completed.
  if (std::string_view(fault.symptom) == "hang" && !report.reg) {
    return report.hung && seq_of(last) <= report.packet;
  }
  if (seq_of(last) != report.packet) return false;
  // In the search, too, or in a packet before it whose bits all came out right.
  return seq_of(trial.stamps.front()) <= report.packet;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

/// What waits in a hang, as the list says it.
bool names_stuck(const Fault& fault, const debug::WaveReport& wave) {
  const auto named = [&](const std::string& text) { return contains(text, fault.where); };
  return std::ranges::any_of(wave.waiting, [&](const auto& w) { return named(w.valid); }) ||
         std::ranges::any_of(wave.states, named) || std::ranges::any_of(wave.in_flight, named);
}

/// The registers of an error are one: they are captured together.
bool same_register(const std::string& found, const std::string& listed) {
  constexpr const char* kError = "ERROR_";
  return found == listed || (found.starts_with(kError) && listed.starts_with(kError));
}

/// Registers, fields and stuck handshakes as the list names them. Elements: one that the packet
/// writes, with bits that differ in memory; or, of a packet whose destinations are right, the byte
/// that is none of them.
bool right_element(const Fault& fault, const Trial& trial) {
  const debug::BisectReport& report = trial.report;
  if (!report.found) return false;
  const std::string_view symptom = fault.symptom;
  if (report.reg) return same_register(report.reg->name, fault.where);
  if (symptom == "register" || !report.wave) return false;
  const debug::WaveReport& wave = *report.wave;
  using Symptom = debug::WaveReport::Symptom;
  if (symptom == "hang") return wave.symptom == Symptom::kHang && names_stuck(fault, wave);
  if (symptom == "protocol" && *fault.where == '\0') return wave.symptom == Symptom::kProtocol;
  if (symptom != "data" && *fault.where != '\0') {
    const auto named = [&](const std::optional<debug::WaveFinding>& finding) {
      return finding &&
             (contains(finding->place, fault.where) || contains(finding->stage, fault.where));
    };
    return named(wave.first_wrong_value) || named(wave.first_wrong_write);
  }
  if (report.element) return report.element->a != report.element->b;
  if (wave.element) return wave.element->expected != wave.element->found;
  return wave.first_wrong_write &&
         wave.first_wrong_write->expected != wave.first_wrong_write->found;
}

/// The first wrong recorded value within the fault's depth of the stamp of the same run. Of a hang
/// the handshake, credit or state that the list says.
bool right_cycle(const Fault& fault, const Trial& trial) {
  if (!trial.report.wave || trial.stamps.empty() || !trial.stamps.back().contains("time")) {
    return false;
  }
  const debug::WaveReport& wave = *trial.report.wave;
  const bool stuck = std::string_view(fault.symptom) == "hang";
  if (stuck && !trial.report.reg) return names_stuck(fault, wave);
  if (!wave.first_wrong_value) return false;
  const auto stamp = trial.stamps.back()["time"].get<std::uint64_t>();
  const std::uint64_t found = wave.first_wrong_value->at.time;
  // Stamps begin at the end of the first reset, in which the register keeps its value.
  if (trial.report.at_reset) return found <= stamp;
  return found >= stamp && found - stamp <= 2 * (std::uint64_t{fault.depth} + 1);
}

Case to_case(const Fault& fault, const Trial& trial) {
  const debug::BisectReport& report = trial.report;
  json more{{"symptom", fault.symptom},
            {"program", trial.program},
            {"model", trial.model},
            {"found", report.found},
            {"activated", activated(trial)},
            {"packet", report.packet},
            {"op", report.op},
            {"in_flight", report.in_flight},
            {"right_packet", right_packet(fault, trial)},
            {"right_element", right_element(fault, trial)},
            {"right_cycle", right_cycle(fault, trial)},
            {"stamps", trial.stamps}};
  if (report.reg) more["register"] = report.reg->name;
  if (report.element) more["element"] = debug::to_string(*report.element);
  if (!trial.problem.empty()) more["problem"] = trial.problem;
  if (!report.no_wave.empty()) more["no_wave"] = report.no_wave;
  if (report.wave) {
    const debug::WaveReport& wave = *report.wave;
    more["wave_bytes"] = wave.wave_bytes;
    if (wave.first_wrong_value) {
      more["time"] = wave.first_wrong_value->at.time;
      more["stage"] = wave.first_wrong_value->stage + ", " + wave.first_wrong_value->place;
    }
    if (wave.first_wrong_write) more["write"] = wave.first_wrong_write->place;
    if (wave.symptom == debug::WaveReport::Symptom::kHang) {
      for (const debug::WaveWait& wait : wave.waiting) more["waits"].push_back(wait.valid);
      more["states"] = wave.states;
      more["open"] = wave.in_flight;
    }
  }
  return {fault.name, trial.seconds, "s", "", {}, {}, std::move(more)};
}

}  // namespace

std::vector<Case> run_bisect(const Options&) {
  if (rtlmodel::faults().empty()) {
    throw Error(ErrorCode::kUnavailable,
                "bench bisect: this build has no models with faults; configure with "
                "-DTANDEM_RTL_FAULTS=ON");
  }
  FaultBench bench;
  std::vector<Case> cases;
  json counts{{"bugs", 0},          {"activated", 0},   {"found", 0}, {"right_packet", 0},
              {"right_element", 0}, {"right_cycle", 0}, {"model", 0}};
  for (const Fault& fault : rtlmodel::faults()) {
    cases.push_back(to_case(fault, bench.run(fault)));
    counts["bugs"] = counts["bugs"].get<int>() + 1;
    for (const char* key :
         {"activated", "found", "right_packet", "right_element", "right_cycle", "model"}) {
      if (cases.back().more[key].get<bool>()) counts[key] = counts[key].get<int>() + 1;
    }
  }
  if (counts["activated"] != counts["bugs"]) {
    std::string names;
    for (const Case& item : cases) {
      if (!item.more["activated"].get<bool>()) names += ' ' + item.name;
    }
    throw Error(ErrorCode::kInternal,
                fmt::format("bench bisect: faults that made no difference in any run:{}; give each "
                            "a program that shows it in rtl/fault/faults.yml",
                            names));
  }
  const double found = counts["found"].get<double>();
  json more = counts;
  more["summary"] = std::move(counts);
  cases.push_back({"all", found, "faults found", "", {}, {}, std::move(more)});
  return cases;
}

}  // namespace tandem::bench

// SPDX-License-Identifier: Apache-2.0
// Every fault of rtl/fault/faults.yml bisected: what is found of it, how long it takes, how large
// the waves are.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>
#include <variant>

#include "bench.hpp"
#include "tandem/abi/exec_file.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/bisect.hpp"
#include "tandem/models/files/weight_source.hpp"
#include "tandem/models/llama/llama_model.hpp"
#include "tandem/ops/context.hpp"
#include "tandem/rtlmodel/faults.hpp"

namespace tandem::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using rtlmodel::Fault;

constexpr const char* kReference = "cmodel:tiny";
constexpr std::chrono::seconds kDeadline{20};

fs::path model_folder() { return fs::path(TANDEM_SOURCE_DIR) / "tests/data/llama-tiny"; }

/// A folder of this run, removed at its end.
class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "tandem-bisect-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be made", name));
    }
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// A prompt of three tokens and one more of the tiny model on the reference.
void record_model(const fs::path& trace) {
  runtime::Device device = runtime::Device::open(kReference);
  ops::Context ctx(device);
  const auto source = models::open_weights(model_folder().string());
  models::LlamaModel model(ctx, *source);
  models::KvCache cache(ctx, model.config(), 1);
  std::vector<float> logits(model.config().vocab_size);
  device.start_recording(trace.string());
  const auto step = [&](std::span<const models::TokenId> ids) {
    const models::TokenRun run{0, ids};
    device.copy_out(model.forward(cache, {&run, 1}).addr,
                    std::as_writable_bytes(std::span(logits)));
  };
  step(std::array<models::TokenId, 3>{1, 2, 3});
  step(std::array<models::TokenId, 1>{4});
  device.stop_recording();
}

/// rtl/fault/programs/NAME.exec on the reference. A packet that shall fail runs alone.
class ProgramRecorder {
 public:
  explicit ProgramRecorder(runtime::Device& device) : device_(device) {}

  void run(const abi::ExecFile& file) {
    for (const abi::ExecStep& step : file.steps) {
      std::visit([this](const auto& item) { take(item); }, step);
    }
    settle();
  }

 private:
  void settle() {
    try {
      device_.queue().finish();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kDeviceFault) throw;
    }
  }
  void take(const abi::ExecWrite& write) {
    settle();
    device_.copy_in(PhysAddr(write.addr), std::as_bytes(std::span(write.bytes)));
  }
  void take(const abi::ExecFill& fill) {
    settle();
    std::vector<std::uint8_t> bytes;
    for (std::uint64_t i = 0; i < fill.count; ++i) {
      bytes.insert(bytes.end(), fill.element.begin(), fill.element.end());
    }
    device_.copy_in(PhysAddr(fill.addr), std::as_bytes(std::span(bytes)));
  }
  void take(const abi::ExecPacket& packet) {
    const bool fails = packet.error != abi::Fault::kNone;
    if (fails) settle();
    device_.queue().submit(packet.packet);
    if (fails) settle();
  }
  void take(const abi::ExecExpect&) { settle(); }

  runtime::Device& device_;
};

void record_program(const char* name, const fs::path& trace) {
  runtime::Device device = runtime::Device::open(kReference);
  std::vector<abi::NamedAddress> regions;
  for (const driver::RegionConfig& region : device.config().regions) {
    regions.push_back({region.name, region.base.value});
  }
  const abi::ExecFile file = abi::load_exec_file(
      fmt::format("{}/rtl/fault/programs/{}.exec", TANDEM_SOURCE_DIR, name), regions);
  device.start_recording(trace.string());
  ProgramRecorder(device).run(file);
  device.stop_recording();
}

debug::OpenDevice opener(const std::string& uri) {
  return
      [uri](const driver::DeviceConfig& config) { return runtime::Device::open_with(uri, config); };
}

struct Trial {
  debug::BisectReport report;
  std::string program;  ///< "llama-tiny" or the program's name.
  double seconds = 0;
  std::string problem;           ///< Why the search itself failed.
  json search = json::object();  ///< Stamp of the search, by whole numbers of the trace.
  json stamp = json::object();   ///< Of the last run, the one with waves.
};

class FaultBench {
 public:
  FaultBench() { record_model(traces_.path() / "llama-tiny.trace"); }

  /// On the model, else, where it does not show there, on the program of the list.
  Trial run(const Fault& fault) {
    Trial trial = bisect(fault, "llama-tiny", "");
    if (trial.report.found) return trial;
    const fs::path trace = traces_.path() / (std::string(fault.program) + ".trace");
    if (!fs::exists(trace)) record_program(fault.program, trace);
    return bisect(fault, fault.program, fault.options);
  }

 private:
  Trial bisect(const Fault& fault, const std::string& program, const std::string& more) {
    const fs::path stamp = traces_.path() / "stamp.json";
    const fs::path search = traces_.path() / "search.json";
    const fs::path out = traces_.path() / "search";
    fs::remove_all(out);
    fs::remove(stamp);
    fs::remove(search);
    const auto uri = [&](const fs::path& file) {
      return fmt::format("rtl:tiny?fault={}&fault_stamp={}{}{}", fault.name, file.string(),
                         more.empty() ? "" : "&", more);
    };
    debug::BisectOptions options;
    options.trace = traces_.path() / (program + ".trace");
    options.a = kReference;
    options.b = uri(stamp);
    options.open_a = opener(options.a);
    // The first device is that of the search; later ones run the case.
    options.open_b = [&, opened = false](const driver::DeviceConfig& config) mutable {
      return runtime::Device::open_with(uri(std::exchange(opened, true) ? stamp : search), config);
    };
    options.out = out;
    options.model = program;
    options.deadline = kDeadline;
    Trial trial;
    trial.program = program;
    const auto start = std::chrono::steady_clock::now();
    try {
      trial.report = debug::bisect(options);
    } catch (const Error& error) {
      trial.problem = error.what();
    }
    trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (fs::exists(search)) trial.search = json::parse(std::ifstream(search));
    if (fs::exists(stamp)) trial.stamp = json::parse(std::ifstream(stamp));
    return trial;
  }

  Scratch traces_;
};

bool right_packet(const Fault& fault, const Trial& trial) {
  // A register shows behind its packet, a lost response or credit possibly in a later one.
  if (std::string_view(fault.symptom) == "register") return trial.report.reg.has_value();
  const auto seq_of = [](const json& stamp) { return stamp.value("seq", std::uint64_t{0}); };
  if (seq_of(trial.search) == trial.report.packet) return true;
  // The first difference may have rounded away, the results of all packets up to this one being
  // right; then the packet alone stamps, too.
  return seq_of(trial.search) < trial.report.packet && seq_of(trial.stamp) == trial.report.packet;
}

bool right_element(const Fault& fault, const Trial& trial) {
  if (std::string_view(fault.symptom) == "register") {
    return trial.report.reg && trial.report.reg->name == fault.where;
  }
  // Not every wrong packet has a wrong element: bytes that are no destination, fields of the
  // completion.
  if (trial.report.element) return trial.report.element->a != trial.report.element->b;
  const std::optional<debug::WaveReport>& wave = trial.report.wave;
  return trial.report.found && (!wave || wave->symptom != debug::WaveReport::Symptom::kNone);
}

/// Data and completions: the first wrong recorded value within the fault's depth of its stamp.
/// Hangs: what waits, last moved or stands in a state is known.
bool right_cycle(const Fault& fault, const Trial& trial) {
  if (!trial.report.wave || !trial.stamp.contains("time")) return false;
  const debug::WaveReport& wave = *trial.report.wave;
  if (wave.symptom == debug::WaveReport::Symptom::kHang) {
    return !wave.waiting.empty() || !wave.states.empty() || !wave.in_flight.empty();
  }
  if (!wave.first_wrong_value) return false;
  const auto stamp = trial.stamp["time"].get<std::uint64_t>();
  const std::uint64_t found = wave.first_wrong_value->at.time;
  return found >= stamp && found - stamp <= 2 * (std::uint64_t{fault.depth} + 1);
}

Case to_case(const Fault& fault, const Trial& trial) {
  json more{{"symptom", fault.symptom},
            {"program", trial.program},
            {"found", trial.report.found},
            {"activated", trial.search.contains("time")},
            {"packet", trial.report.packet},
            {"op", trial.report.op},
            {"right_packet", trial.report.found && right_packet(fault, trial)},
            {"right_element", trial.report.found && right_element(fault, trial)},
            {"right_cycle", trial.report.found && right_cycle(fault, trial)},
            {"search_stamp", trial.search},
            {"stamp", trial.stamp}};
  if (!trial.problem.empty()) more["problem"] = trial.problem;
  if (trial.report.wave) {
    more["wave_bytes"] = trial.report.wave->wave_bytes;
    if (trial.report.wave->first_wrong_value) {
      more["time"] = trial.report.wave->first_wrong_value->at.time;
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
  json counts{
      {"bugs", 0}, {"found", 0}, {"right_packet", 0}, {"right_element", 0}, {"right_cycle", 0}};
  for (const Fault& fault : rtlmodel::faults()) {
    cases.push_back(to_case(fault, bench.run(fault)));
    counts["bugs"] = counts["bugs"].get<int>() + 1;
    for (const char* key : {"found", "right_packet", "right_element", "right_cycle"}) {
      if (cases.back().more[key].get<bool>()) counts[key] = counts[key].get<int>() + 1;
    }
  }
  const double found = counts["found"].get<double>();
  cases.push_back({"all", found, "faults found", "", {}, {}, std::move(counts)});
  return cases;
}

}  // namespace tandem::bench

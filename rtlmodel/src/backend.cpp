// SPDX-License-Identifier: Apache-2.0
// The rtl plug-in: options of the URI and the adapter to driver::Backend.
#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"
#include "tandem/driver/in_process_backend.hpp"
#include "tandem/driver/plugin.hpp"
#include "tandem/rtlmodel/simulator.hpp"

namespace tandem::rtlmodel {
namespace {

using driver::BackendUri;
using driver::DeviceConfig;

/// Cycles of waves after the completion of the last packet: it is counted, and the interrupt rises.
constexpr unsigned kTraceMargin = 16;
constexpr std::uint64_t kFaultBytes = 1;       // Of an address without an end.
constexpr std::string_view kNoFault = "none";  // A model with faults, and none of them.

[[noreturn]] void bad_option(const char* key, const char* expected, std::string_view found) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("rtl: option {} is {}, found '{}'", key, expected, found));
}

/// All of `text` as a number, decimal or 0x hexadecimal.
bool parse_number(std::string_view text, std::uint64_t& value) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// "A-B", or "A" for A-A.
bool parse_range(std::string_view text, std::uint64_t& first, std::uint64_t& last) {
  const std::size_t dash = text.find('-');
  if (!parse_number(text.substr(0, dash), first)) return false;
  if (dash == std::string_view::npos) {
    last = first;
    return true;
  }
  return parse_number(text.substr(dash + 1), last) && first <= last;
}

std::vector<AxiFault> parse_faults(std::string_view text) {
  constexpr const char* kExpected = "slverr:ADDRESS[-LAST] or decerr:..., separated by commas";
  std::vector<AxiFault> faults;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    AxiFault fault;
    const std::size_t colon = item.find(':');
    const std::string_view kind = item.substr(0, colon);
    if (kind == "decerr") {
      fault.response = AxiResponse::kDecerr;
    } else if (kind != "slverr") {
      bad_option("errors", kExpected, item);
    }
    std::uint64_t last = 0;
    if (colon == std::string_view::npos ||
        !parse_range(item.substr(colon + 1), fault.begin, last)) {
      bad_option("errors", kExpected, item);
    }
    fault.end = last + kFaultBytes;
    faults.push_back(fault);
  }
  return faults;
}

AxiSettings parse_memory(const BackendUri& uri) {
  constexpr std::uint64_t kMaxLatency = 100'000;
  AxiSettings settings = AxiSettings::named(uri.get("memory", "zero-wait"));
  settings.latency =
      static_cast<std::uint32_t>(uri.get_uint("latency", settings.latency, kMaxLatency));
  settings.outstanding_per_id = static_cast<std::uint32_t>(
      uri.get_uint("outstanding", settings.outstanding_per_id, kMaxOutstanding));
  settings.beats_per_cycle = double(uri.get_uint("bandwidth", 100, 100)) / 100;
  const bool stalls = uri.options.contains("stalls");
  settings.seed = uri.get_uint("stalls", 1, ~std::uint64_t{0});
  settings.stall_percent =
      static_cast<std::uint32_t>(uri.get_uint("stall_percent", stalls ? 30 : 0, 90));
  settings.reorder = uri.get_bool("reorder", false);
  settings.faults = parse_faults(uri.get("errors", ""));
  settings.check();
  return settings;
}

SimulatorOptions parse_simulator(const BackendUri& uri) {
  SimulatorOptions options;
  options.watchdog_cycles = uri.get_uint("watchdog", options.watchdog_cycles, ~std::uint64_t{0});
  options.trace = uri.options.contains("trace");
  const std::string_view packets = uri.get("trace_packets", "");
  if (packets.empty()) return options;
  if (!options.trace) bad_option("trace_packets", "given together with trace=FILE", packets);
  if (!parse_range(packets, options.trace_first, options.trace_last)) {
    bad_option("trace_packets", "FIRST-LAST, sequence numbers of packets", packets);
  }
  return options;
}

class RtlBackend final : public driver::Backend {
 public:
  RtlBackend(const BackendUri& uri, const DeviceConfig& config)
      : name_("rtl:" + config.name), ram_(config.ram ? config.ram : driver::make_ram(config)) {
    const std::string fault(uri.get("fault", ""));
    const Fault* chosen = fault.empty() || fault == kNoFault ? nullptr : &find_fault(fault);
    const BuiltModel& built = find_model(config, !fault.empty());
    const ModelOptions options{
        .memory = parse_memory(uri),
        .seed = uri.get_uint("seed", 1, ~std::uint64_t{0}),
        .assertions = uri.get_bool("assertions", true),
        .trace_file = std::string(uri.get("trace", "")),
        .trace_depth = static_cast<unsigned>(uri.get_uint("trace_depth", 99, 99)),
        .trace_margin = kTraceMargin,
        .fault = chosen};
    simulator_ = std::make_unique<Simulator>(
        [this, &built, options] { return built.create(*ram_, options); }, *ram_,
        parse_simulator(uri));
    stamp_file_ = uri.get("fault_stamp", "");
    if (!stamp_file_.empty() && chosen == nullptr) {
      bad_option("fault_stamp", "given together with fault=NAME", stamp_file_);
    }
  }
  ~RtlBackend() override {
    if (!stamp_file_.empty()) write_stamp();
  }

  std::string name() const override { return name_; }
  std::uint32_t read32(std::uint32_t offset) override { return simulator_->read32(offset); }
  void write32(std::uint32_t offset, std::uint32_t value) override {
    simulator_->write32(offset, value);
  }
  void read(PhysAddr src, std::span<std::byte> dst) override { ram_->read(src.value, dst); }
  void write(PhysAddr dst, std::span<const std::byte> src) override { ram_->write(dst.value, src); }
  bool wait_irq(std::chrono::nanoseconds timeout) override { return simulator_->wait_irq(timeout); }
  void reset() override { simulator_->reset(); }
  std::span<std::byte> window(PhysAddr addr, std::uint64_t num_bytes) override {
    std::byte* host = ram_->pointer(addr.value, num_bytes);
    return host == nullptr ? std::span<std::byte>{} : std::span<std::byte>(host, num_bytes);
  }
  std::shared_ptr<driver::SparseRam> ram() override { return ram_; }

 private:
  /// One JSON object; without members if the fault made no difference.
  void write_stamp() {
    const std::optional<FaultStamp> stamp = simulator_->fault_stamp();
    std::ofstream out(stamp_file_);
    if (stamp) {
      out << fmt::format("{{\"cycle\": {}, \"time\": {}, \"seq\": {}}}\n", stamp->cycle,
                         stamp->time, stamp->seq);
    } else {
      out << "{}\n";
    }
    if (!out.flush())
      log::warning("rtl: the stamp of the fault could not be written to {}", stamp_file_);
  }

  std::string name_;
  std::string stamp_file_;
  std::shared_ptr<driver::SparseRam> ram_;
  std::unique_ptr<Simulator> simulator_;
};

std::unique_ptr<driver::Backend> create(const BackendUri& uri, const DeviceConfig& config) {
  return std::make_unique<RtlBackend>(uri, config);
}

constexpr driver::PluginOption kOptions[] = {
    {"memory", "zero-wait|realistic",
     "memory behind the port; realistic: 80 cycles, 16 bursts an id"},
    {"latency", "1..100000", "cycles of memory latency"},
    {"outstanding", "1..64", "bursts of an AXI id in flight"},
    {"bandwidth", "1..100", "percent of cycles with a data beat"},
    {"stalls", "SEED", "random stalls on all channels of the memory port"},
    {"stall_percent", "0..90", "share of stalled cycles; default 30 with stalls"},
    {"reorder", "0|1", "responses of different AXI ids in random order, interleaved"},
    {"errors", "slverr:ADDR[-LAST],decerr:...", "bus errors at addresses"},
    {"seed", "0..", "random state of all registers before reset"},
    {"assertions", "0|1", "handshake assertions of the RTL"},
    {"trace", "FILE", "waves as FST"},
    {"trace_packets", "FIRST-LAST", "waves of these packets only"},
    {"trace_depth", "1..99", "levels of the hierarchy in the waves"},
    {"fault", "NAME|none",
     "a fault on purpose, see docs/howto/seeded-faults.md; builds with TANDEM_RTL_FAULTS"},
    {"fault_stamp", "FILE", "when the fault first made a difference, written at the end, as JSON"},
    {"watchdog", "CYCLES", "cycles without any transfer after which the device counts as stuck"},
};

}  // namespace
}  // namespace tandem::rtlmodel

extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
  static const tandem::driver::Plugin plugin = {
      .name = "rtl",
      .doc = "the RTL under Verilator, with simulated memory",
      .body = tandem::driver::UriBody::kConfig,
      .options = tandem::rtlmodel::kOptions,
      .create = tandem::rtlmodel::create,
  };
  return &plugin;
}

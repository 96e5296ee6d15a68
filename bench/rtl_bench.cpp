// SPDX-License-Identifier: Apache-2.0
// Speed of the RTL in simulation, against the bare array; its utilisation, from its own counters.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <random>

#include "bench.hpp"
#include "device.hpp"
#include "model_path.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/backend.hpp"
#include "tandem/driver/backend_uri.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/models/llama/llama_model.hpp"
#include "tandem/runtime/device.hpp"
#ifdef TANDEM_HAVE_YARDSTICK
#include "yardstick.hpp"
#endif

namespace tandem::bench {
namespace {

using models::TokenId;
using nlohmann::json;

// Counters of the device since its reset.
struct Counters {
  std::uint64_t cycles = 0;
  std::uint64_t array_slots = 0;
  std::uint64_t array_active = 0;
  std::uint64_t read_beats = 0;
  std::uint64_t write_beats = 0;

  static Counters read(runtime::Device& device) {
    driver::Backend& backend = device.driver().backend();
    const auto pair = [&](std::uint32_t low) {
      return backend.read32(low) | std::uint64_t{backend.read32(low + 4)} << 32;
    };
    return {pair(abi::reg::kCyclesLo), pair(abi::reg::kPerfArraySlotsLo),
            pair(abi::reg::kPerfArrayActiveLo), pair(abi::reg::kPerfReadBeatsLo),
            pair(abi::reg::kPerfWriteBeatsLo)};
  }
  Counters since(const Counters& start) const {
    return {cycles - start.cycles, array_slots - start.array_slots,
            array_active - start.array_active, read_beats - start.read_beats,
            write_beats - start.write_beats};
  }
};

// One run on the device: simulated cycles and wall time.
struct Run {
  double seconds = 0;
  Counters counters;
  double rival_ns = 0;  ///< Of the bare array for a multiply-add round this run; 0 without it.
};

// Nanoseconds a multiply-add of the bare array now; 0 without it.
double bare_array_ns() {
#ifdef TANDEM_HAVE_YARDSTICK
  return measure_bare_array(3).ns_per_mac;
#else
  return 0;
#endif
}

Run measure(runtime::Device& device, const std::function<void()>& body) {
  const Counters start = Counters::read(device);
  const auto begin = std::chrono::steady_clock::now();
  body();
  Run run;
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  run.counters = Counters::read(device).since(start);
  return run;
}

// The run of the median ratio to the bare array, which is measured before and after each: machines
// that others use change their speed within a run. Cycles of an untroubled device do not vary.
Run median_run(int repeats, runtime::Device& device, const std::function<void()>& body) {
  std::vector<Run> runs;
  for (int i = 0; i < repeats; ++i) {
    const double before = bare_array_ns();
    runs.push_back(measure(device, body));
    runs.back().rival_ns = (before + bare_array_ns()) / 2;
  }
  const auto relative = [](const Run& run) {
    return run.rival_ns > 0 ? run.seconds / run.rival_ns : run.seconds;
  };
  std::sort(runs.begin(), runs.end(),
            [&](const Run& a, const Run& b) { return relative(a) < relative(b); });
  return runs[runs.size() / 2];
}

struct Shape {
  std::string_view name;
  std::uint32_t m, n, k;
  abi::Dtype b_type;
  std::uint16_t group_size;  // 0: not quantised
};

// C = A B with A in bf16 and B in panels, random finite values.
class Product {
 public:
  Product(runtime::Device& device, const Shape& shape) : device_(device), shape_(shape) {
    const std::uint64_t panels = (shape.n + 31) / 32;
    const std::uint64_t panel_bytes = std::uint64_t{shape.k} * 4 * abi::dtype_bits(shape.b_type);
    a_ = device.malloc("activations", std::uint64_t{shape.m} * shape.k * 2, "bench.a");
    b_ = device.malloc("weights", panels * panel_bytes, "bench.b");
    c_ = device.malloc("activations", std::uint64_t{shape.m} * shape.n * 4, "bench.c");
    fill(a_, 2);
    fill(b_, shape.b_type == abi::Dtype::kBF16 ? 2 : 1);
    packet_.m = shape.m;
    packet_.n = shape.n;
    packet_.k = shape.k;
    packet_.batch0 = packet_.batch1 = 1;
    packet_.a_type = abi::Dtype::kBF16;
    packet_.b_type = shape.b_type;
    packet_.c_type = abi::Dtype::kF32;
    packet_.b_layout = abi::BLayout::kPanels;
    packet_.a_addr = a_.addr().value;
    packet_.b_addr = b_.addr().value;
    packet_.c_addr = c_.addr().value;
    packet_.a_row_stride = std::uint64_t{shape.k} * 2;
    packet_.b_row_stride = panel_bytes;
    packet_.c_row_stride = std::uint64_t{shape.n} * 4;
    if (shape.group_size != 0) quantise(panels);
  }

  void run() {
    device_.queue().submit_packet(packet_);
    device_.queue().finish();
  }
  double macs() const { return double(shape_.m) * shape_.n * shape_.k; }

 private:
  void fill(runtime::Buffer& buffer, unsigned element_bytes) {
    std::mt19937 random(7);
    std::vector<std::uint8_t> bytes(buffer.num_bytes());
    // Exponents near 1, so that the sums neither vanish nor overflow.
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto value = static_cast<std::uint8_t>(random());
      const bool top = i % element_bytes == element_bytes - 1;
      bytes[i] = !top ? value : element_bytes == 2 ? ((value & 0x80) | 0x3e) : (value & 0xbf);
    }
    device_.copy_in(buffer.addr(), std::as_bytes(std::span(bytes)));
  }

  void quantise(std::uint64_t panels) {
    const std::uint64_t groups = (shape_.k + shape_.group_size - 1) / shape_.group_size;
    const std::uint64_t bytes = panels * groups * 64;
    scale_ = device_.malloc("weights", bytes, "bench.scale");
    min_ = device_.malloc("weights", bytes, "bench.min");
    const std::vector<std::uint16_t> scales(bytes / 2, 0x2c00);  // 1/16
    device_.copy_in(scale_.addr(), std::as_bytes(std::span(scales)));
    device_.copy_in(min_.addr(), std::as_bytes(std::span(scales)));
    packet_.scale_mode = abi::ScaleMode::kGroup;
    packet_.scale_type = abi::Dtype::kF16;
    packet_.group_size = shape_.group_size;
    packet_.b_scale_addr = scale_.addr().value;
    packet_.b_min_addr = min_.addr().value;
    packet_.b_scale_row_stride = groups * 64;
  }

  runtime::Device& device_;
  Shape shape_;
  runtime::Buffer a_, b_, c_, scale_, min_;
  abi::MatmulPacket packet_;
};

class Report {
 public:
  explicit Report(const Options& options) : repeats_(std::min(options.repeats, 3)) {
#ifdef TANDEM_HAVE_YARDSTICK
    const BareArray bare = measure_bare_array();
    add_figure("bare_array", bare.ns_per_mac, "ns/MAC", {{"ns_per_cycle", bare.ns_per_cycle}});
#endif
  }

  int repeats() const { return repeats_; }

  // `macs` multiply-adds in `run`, against the time that the bare array would take for them.
  void add(const std::string& name, double macs, const Run& run, runtime::Device& device,
           json more) {
    driver::Backend& backend = device.driver().backend();
    const double cycles = double(run.counters.cycles);
    const double lanes =
        double(backend.read32(abi::reg::kArrayRows)) * backend.read32(abi::reg::kArrayCols);
    more["macs"] = macs;
    more["seconds"] = run.seconds;
    more["cycles"] = run.counters.cycles;
    more["kcycles_per_s"] = cycles / run.seconds / 1e3;
    more["array_utilisation"] = double(run.counters.array_slots) / lanes / cycles;
    more["read_port_utilisation"] = double(run.counters.read_beats) / cycles;
    more["write_beats"] = run.counters.write_beats;
    std::optional<double> rival;
    if (run.rival_ns > 0) rival = 1e3 / run.rival_ns;
    cases_.push_back(rate_case(name, macs / run.seconds / 1e6, "M MAC/s",
                               rival ? "bare array" : "bare array (missing: no Verilator)", rival,
                               std::move(more)));
  }

  void add_figure(const std::string& name, double value, const std::string& unit, json more) {
    cases_.push_back({name, value, unit, "", {}, {}, std::move(more)});
  }

  std::vector<Case> take() { return std::move(cases_); }

 private:
  int repeats_;
  std::vector<Case> cases_;
};

constexpr std::array kShapes{
    Shape{"gemm512", 512, 512, 512, abi::Dtype::kBF16, 0},
    Shape{"gemv_bf16", 1, 4096, 4096, abi::Dtype::kBF16, 0},
    Shape{"gemv_fp8", 1, 4096, 4096, abi::Dtype::kE4M3, 0},
    Shape{"gemv_int4", 1, 4096, 4096, abi::Dtype::kU4, 32},
};

void products(const Options& options, Report& report) {
  for (const std::string memory : {"zero-wait", "realistic"}) {
    BenchDevice device(options, {{"memory", memory}});
    for (const Shape& shape : kShapes) {
      Product product(*device, shape);
      const Run run = median_run(report.repeats(), *device, [&] { product.run(); });
      report.add(fmt::format("{}{}", shape.name, memory == "zero-wait" ? "" : "_" + memory),
                 product.macs(), run, *device,
                 {{"m", shape.m}, {"n", shape.n}, {"k", shape.k}, {"memory", memory}});
    }
  }
}

// Cycles a second of a device whose engines are idle: the command processor polls a word.
void idle_speed(const Options& options, Report& report) {
  BenchDevice device(options);
  runtime::Buffer word = device->malloc("activations", 64, "bench.word");
  abi::WaitPacket wait;
  wait.addr = word.addr().value;
  wait.mask = 1;
  wait.value = 1;
  wait.cycle_limit = 2'000'000;
  const Run run = measure(*device, [&] {
    device->queue().submit_packet(wait);
    // The word never comes: the wait ends with its cycle limit.
    try {
      device->queue().finish();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kDeviceFault) throw;
    }
  });
  report.add_figure("idle", 1e-3 * double(wait.cycle_limit) / run.seconds, "kcycles/s",
                    {{"cycles", wait.cycle_limit}, {"seconds", run.seconds}});
}

void language_model(const Options& options, Report& report) {
  constexpr int kPrompt = 16;
  BenchDevice device(options);
  ops::Context ctx(*device);
  const auto source = models::open_weights(model_path(options));
  models::LlamaModel model(ctx, *source, models::WeightStorage::kAuto);
  const models::LlamaConfig& config = model.config();
  models::KvCache cache(ctx, config, 1);
  std::vector<float> logits(config.vocab_size);
  const auto step = [&](std::span<const TokenId> ids) {
    const models::TokenRun run{0, ids};
    const ops::Tensor result = model.forward(cache, {&run, 1});
    device->copy_out(result.addr, std::as_writable_bytes(std::span(logits)));
  };
  // Products with weights: what every implementation of the model must compute.
  const double hidden = config.hidden_size;
  const double layers =
      config.num_layers *
      (hidden * config.head_dim * (2.0 * config.num_heads + 2.0 * config.num_kv_heads) +
       3.0 * hidden * config.intermediate_size);
  const double head = hidden * config.vocab_size;
  std::vector<TokenId> prompt(kPrompt);
  for (int i = 0; i < kPrompt; ++i) prompt[static_cast<std::size_t>(i)] = 1 + i * 7919 % 40000;
  const Run prefill = median_run(1, *device, [&] { step(prompt); });
  report.add("prefill16", kPrompt * layers + head, prefill, *device, {{"tokens", kPrompt}});
  const Run decode = median_run(report.repeats(), *device, [&] { step(std::array{TokenId{100}}); });
  report.add("decode1", layers + head, decode, *device, {{"tokens", 1}});
}

}  // namespace

std::vector<Case> run_rtl(const Options& user) {
  Options options = user;
  if (driver::BackendUri::parse(options.backend).name != "rtl") options.backend = "rtl:edge";
  Report report(options);
  products(options, report);
  idle_speed(options, report);
  language_model(options, report);
  return report.take();
}

}  // namespace tandem::bench

// SPDX-License-Identifier: Apache-2.0
// SmolLM2-135M: prefill of 128 tokens and decode behind it, against llama.cpp on the same cores.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bench.hpp"
#include "device.hpp"
#include "model_path.hpp"
#include "tandem/models/llama/llama_model.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::bench {
namespace {

namespace fs = std::filesystem;
using models::TokenId;
using nlohmann::json;

constexpr int kPrefill = 128;
constexpr int kDecode = 32;

struct Speed {
  double prefill = 0;  ///< Tokens/s.
  double decode = 0;
  std::uint64_t weight_bytes = 0;
  std::uint64_t kv_bytes = 0;
};

Speed measure_tandem(const Options& options, const fs::path& path, models::WeightStorage storage,
                     unsigned threads) {
  BenchDevice device(options, {{"threads", std::to_string(threads)}});
  ops::Context ctx(*device);
  const auto source = models::open_weights(path);
  models::LlamaModel model(ctx, *source, storage);
  models::KvCache cache(ctx, model.config(), 1);
  std::vector<float> logits(model.config().vocab_size);
  const auto step = [&](std::span<const TokenId> ids) {
    const models::TokenRun run{0, ids};
    const ops::Tensor result = model.forward(cache, {&run, 1});
    device->copy_out(result.addr, std::as_writable_bytes(std::span(logits)));
  };
  std::vector<TokenId> prompt(kPrefill);
  for (int i = 0; i < kPrefill; ++i) prompt[static_cast<std::size_t>(i)] = 1 + i * 7919 % 40000;
  Speed speed;
  speed.prefill = kPrefill / median_seconds(options.repeats, [&] {
                    cache.truncate(0, 0);
                    step(prompt);
                  });
  speed.decode = kDecode / median_seconds(options.repeats, [&] {
                   cache.truncate(0, kPrefill);
                   for (TokenId i = 0; i < kDecode; ++i) step(std::array{TokenId{100} + i});
                 });
  speed.weight_bytes = model.weights().num_bytes();
  speed.kv_bytes = cache.num_bytes();
  return speed;
}

// What the rival's script prints, or nothing where the rival is not built.
std::optional<Speed> measure_llama_cpp(const Options& options, const std::string& variant,
                                       const fs::path& model, unsigned threads) {
  const fs::path python = cache_dir() / "rivals" / ("llama-cpp-" + variant) / "bin" / "python";
  if (!fs::exists(python) || !fs::exists(model)) return {};
  const std::string command = fmt::format(
      "'{}' '{}/rivals/llama_cpp_speed.py' '{}' {} {} {} {} 2>/dev/null", python.string(),
      TANDEM_BENCH_DIR, model.string(), threads, kPrefill, kDecode, options.repeats);
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string text;
  char buffer[256];
  while (std::fgets(buffer, sizeof(buffer), pipe) != nullptr) text += buffer;
  if (pclose(pipe) != 0) return {};
  const json result = json::parse(text, nullptr, false);
  if (result.is_discarded()) return {};
  return Speed{result.at("prefill"), result.at("decode"), 0, 0};
}

void add_cases(std::vector<Case>& cases, const std::string& what, const Speed& ours,
               const std::string& rival_name, const std::optional<Speed>& rival, unsigned threads) {
  const std::string name =
      rival ? rival_name : rival_name + " (missing: bench/rivals/build_llama_cpp.sh)";
  const json more = {
      {"threads", threads}, {"prompt_tokens", kPrefill}, {"decoded_tokens", kDecode}};
  const auto value = [&](double Speed::*field) {
    return rival ? std::optional<double>((*rival).*field) : std::nullopt;
  };
  cases.push_back(rate_case("prefill128_" + what, ours.prefill, "tokens/s", name,
                            value(&Speed::prefill), more));
  cases.push_back(
      rate_case("decode_" + what, ours.decode, "tokens/s", name, value(&Speed::decode), more));
}

// Peak resident bytes since the last reset.
std::uint64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind("VmHWM:", 0) == 0) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace

std::vector<Case> run_model(const Options& options) {
  const fs::path model = model_path(options);
  const fs::path bf16 = model.parent_path() / "SmolLM2-135M-Instruct.BF16.gguf";
  const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  std::vector<Case> cases;

  reset_peak();
  const Speed f16 = measure_tandem(options, model, models::WeightStorage::kAuto, threads);
  const double peak = static_cast<double>(peak_bytes());
  add_cases(cases, "f16", f16, "llama.cpp, bf16 weights",
            measure_llama_cpp(options, "base", bf16, threads), threads);
  add_cases(cases, "f16", f16, "llama.cpp, bf16 weights, AVX512-BF16 or AMX",
            measure_llama_cpp(options, "bf16", bf16, threads), threads);
  // The figure of merit is 1.3 x (bf16 weights + KV cache): parameters are counted from the shapes.
  const auto source = models::open_weights(model);
  const models::LlamaConfig& config = source->config();
  const double hidden = config.hidden_size;
  const double per_layer =
      hidden * config.head_dim * (2.0 * config.num_heads + 2.0 * config.num_kv_heads) +
      3.0 * hidden * config.intermediate_size;
  const double parameters = config.num_layers * per_layer + hidden * config.vocab_size;
  Case memory{"peak_memory",
              peak / 1e6,
              "MB",
              "bf16 weights and KV cache",
              (2 * parameters + static_cast<double>(f16.kv_bytes)) / 1e6,
              {},
              json::object()};
  memory.ratio = *memory.rival_value / memory.value;
  cases.push_back(memory);

  const Speed q4 = measure_tandem(options, model, models::WeightStorage::kStored, threads);
  add_cases(cases, "q4_1", q4, "llama.cpp, Q4_1 weights",
            measure_llama_cpp(options, "base", model, threads), threads);
  return cases;
}

}  // namespace tandem::bench

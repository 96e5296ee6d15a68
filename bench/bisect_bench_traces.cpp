// SPDX-License-Identifier: Apache-2.0
#include "bisect_bench_traces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "tandem/base/error.hpp"
#include "tandem/debug/exec_runner.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/models/files/weight_source.hpp"
#include "tandem/models/llama/llama_model.hpp"
#include "tandem/ops/context.hpp"
#include "tandem/runtime/config.hpp"

namespace tandem::bench {
namespace {

namespace fs = std::filesystem;
using models::TokenId;

/// A prompt for each sequence of a batch, and a token behind them.
struct ModelPass {
  const char* name;
  const char* file;  ///< Below tests/data.
  models::WeightStorage storage;
  abi::Dtype kv;
  std::array<unsigned, 2> prompts;  ///< Tokens; 0: no second sequence.
};

constexpr std::array kPasses{
    ModelPass{"llama-tiny", "llama-tiny", models::WeightStorage::kAuto, abi::Dtype::kF16, {3, 0}},
    ModelPass{"llama Q4_K_M, batch of 2",
              "gguf/llama-Q4_K_M.gguf",
              models::WeightStorage::kStored,
              abi::Dtype::kF16,
              {5, 9}},
    ModelPass{
        "qwen2-tiny, fp32", "qwen2-tiny", models::WeightStorage::kF32, abi::Dtype::kF32, {19, 0}},
};

void record_model(const ModelPass& pass, const fs::path& trace) {
  runtime::Device device = runtime::Device::open(kBisectReference);
  ops::Context ctx(device);
  const auto source =
      models::open_weights((fs::path(TANDEM_SOURCE_DIR) / "tests/data" / pass.file).string());
  models::LlamaModel model(ctx, *source, pass.storage);
  const std::uint32_t sequences = pass.prompts[1] != 0 ? 2 : 1;
  models::KvCache cache(ctx, model.config(), sequences, pass.kv);
  device.start_recording(trace.string());
  const auto step = [&](const std::vector<std::vector<TokenId>>& ids) {
    std::vector<models::TokenRun> runs;
    for (std::uint32_t i = 0; i < ids.size(); ++i) runs.push_back({i, ids[i]});
    const ops::Tensor result = model.forward(cache, runs);
    std::vector<float> logits(std::size_t{model.config().vocab_size} * ids.size());
    device.copy_out(result.addr, std::as_writable_bytes(std::span(logits)));
  };
  std::vector<std::vector<TokenId>> prompts(sequences), next(sequences, {4});
  for (std::uint32_t i = 0; i < sequences; ++i) {
    prompts[i].resize(pass.prompts[i]);
    std::iota(prompts[i].begin(), prompts[i].end(), 1 + static_cast<TokenId>(i));
  }
  step(prompts);
  step(next);
  device.stop_recording();
}

void record_program(const std::string& name, const fs::path& trace) {
  const driver::DeviceConfig config = runtime::load_config("tiny");
  const abi::ExecFile file =
      abi::load_exec_file(fmt::format("{}/rtl/fault/programs/{}.exec", TANDEM_SOURCE_DIR, name),
                          debug::region_names(config));
  driver::Driver driver(driver::open_backend(kBisectReference, config), config,
                        {.on_fault = driver::DriverOptions::OnFault::kHold});
  driver.start();
  runtime::TraceWriter writer(trace.string(), driver.backend().name(), config);
  debug::ExecRunner runner(file, driver, &writer);
  runner.run();
  writer.finish();
}

}  // namespace

BisectTraces::BisectTraces() {
  std::string name = (fs::temp_directory_path() / "tandem-bisect-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be made", name));
  }
  folder_ = name;
}

BisectTraces::~BisectTraces() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::vector<std::string> BisectTraces::models() {
  std::vector<std::string> names;
  for (const ModelPass& pass : kPasses) names.emplace_back(pass.name);
  return names;
}

fs::path BisectTraces::trace(const std::string& name) {
  const fs::path trace = folder_ / (name + ".trace");
  if (fs::exists(trace)) return trace;
  const auto* const pass = std::ranges::find(kPasses, name, &ModelPass::name);
  if (pass != kPasses.end()) {
    record_model(*pass, trace);
  } else {
    record_program(name, trace);
  }
  return trace;
}

}  // namespace tandem::bench

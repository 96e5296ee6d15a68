// SPDX-License-Identifier: Apache-2.0
// A GPU as the device: products against cuBLAS, SmolLM2 against PyTorch with CUDA graphs; and what
// holds on any machine, the share of packet kinds whose kernels were proven on the host.
#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <random>

#include "bench.hpp"
#include "cuda_rivals.hpp"
#include "device.hpp"
#include "model_path.hpp"
#include "proof/host_proof.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/llama/llama_model.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::bench {
namespace {

using models::TokenId;
using nlohmann::json;

constexpr std::uint32_t kSide = 4096;
constexpr int kPrefill = 128;
constexpr int kDecode = 32;

/// `cuda:0`, or the GPU that the user named.
std::string device_uri(const Options& options, const char* mode) {
  const std::string backend = options.backend.starts_with("cuda:") ? options.backend : "cuda:0";
  return fmt::format("{}{}mode={}", backend, backend.find('?') == std::string::npos ? '?' : '&',
                     mode);
}

Case absent(std::string name, std::string unit, const std::string& reason) {
  Case result{.name = std::move(name), .value = 0, .unit = std::move(unit), .rival = ""};
  result.more["skipped"] = "no device: " + reason;
  return result;
}

Case proven_share() {
  const gpu::HostProof proof = gpu::prove_on_host();
  Case result{.name = "host_proven_share",
              .value = proof.share(),
              .unit = "of packet kinds",
              .rival = "all kinds bit-equal to the cmodel",
              .rival_value = 1};
  result.ratio = proof.share();
  result.more["packets"] = proof.packets();
  result.more["summary"] = {{"host_proven_share", proof.share()}};
  for (const gpu::KindProof& kind : proof.kinds) {
    if (!kind.proven()) result.more["not_proven"][kind.name] = kind.difference;
  }
  return result;
}

/// Seconds of one product of kSide x kSide matrices.
double product_seconds(const Options& options, const char* mode, abi::Dtype type) {
  Options own = options;
  own.backend = device_uri(options, mode);
  BenchDevice device(own);
  const std::uint64_t element = type == abi::Dtype::kF32 ? 4 : 2;
  const std::uint64_t bytes = std::uint64_t{kSide} * kSide * element;
  const auto a = device->malloc("activations", bytes, "bench.a");
  const auto b = device->malloc("weights", bytes, "bench.b");
  const auto c = device->malloc("activations", std::uint64_t{kSide} * kSide * 4, "bench.c");
  // Halves of any pattern with small exponents: what is multiplied does not change the time.
  std::mt19937 random(1);
  std::vector<std::uint16_t> values(bytes / 2);
  for (std::uint16_t& value : values) value = std::uint16_t(0x3c00 + random() % 0x300);
  device->copy_in(a.addr(), std::as_bytes(std::span(values)));
  device->copy_in(b.addr(), std::as_bytes(std::span(values)));
  abi::MatmulPacket packet;
  packet.m = packet.n = packet.k = kSide;
  packet.batch0 = packet.batch1 = 1;
  packet.a_type = packet.b_type = type;
  packet.c_type = abi::Dtype::kF32;
  packet.a_addr = a.addr().value;
  packet.b_addr = b.addr().value;
  packet.c_addr = c.addr().value;
  packet.a_row_stride = packet.b_row_stride = kSide * element;
  packet.c_row_stride = kSide * 4;
  runtime::Queue& queue = device->queue();
  return median_seconds(options.repeats, [&] {
    queue.submit_packet(packet);
    queue.finish();
  });
}

void add_products(std::vector<Case>& cases, const Options& options, const std::string& problem) {
  struct Product {
    const char* name;
    const char* mode;
    abi::Dtype type;
    const char* rival;
    std::optional<double> (*rival_seconds)(int repeats, std::uint32_t side);
  };
  const Product products[] = {
      {"gemm4096_exact_f32", "exact", abi::Dtype::kF32, "cuBLAS SGEMM", cublas_sgemm_seconds},
      {"gemm4096_exact_bf16", "exact", abi::Dtype::kBF16, "cuBLAS SGEMM", cublas_sgemm_seconds},
      {"gemm4096_native_bf16", "native", abi::Dtype::kBF16, "cuBLASLt", cublaslt_bf16_seconds},
  };
  const double flops = 2.0 * kSide * kSide * kSide;
  for (const Product& product : products) {
    if (!problem.empty()) {
      cases.push_back(absent(product.name, "TFLOP/s", problem));
      continue;
    }
    const double seconds = product_seconds(options, product.mode, product.type);
    const std::optional<double> rival = product.rival_seconds(options.repeats, kSide);
    cases.push_back(rate_case(product.name, flops / seconds / 1e12, "TFLOP/s",
                              rival ? product.rival : fmt::format("{} (missing)", product.rival),
                              rival ? std::optional(flops / *rival / 1e12) : std::nullopt,
                              {{"m", kSide}, {"n", kSide}, {"k", kSide}}));
  }
}

struct Speed {
  double prefill = 0;  ///< Tokens/s.
  double decode = 0;
};

Speed model_speed(const Options& options, const char* mode) {
  Options own = options;
  own.backend = device_uri(options, mode);
  BenchDevice device(own);
  ops::Context ctx(*device);
  const auto source = models::open_weights(model_path(options));
  models::LlamaModel model(ctx, *source, models::WeightStorage::kBf16);
  models::KvCache cache(ctx, model.config(), 1);
  std::vector<float> logits(model.config().vocab_size);
  const auto step = [&](std::span<const TokenId> ids) {
    const models::TokenRun run{0, ids};
    const ops::Tensor result = model.forward(cache, {&run, 1});
    device->copy_out(result.addr, std::as_writable_bytes(std::span(logits)));
  };
  std::vector<TokenId> prompt(kPrefill);
  for (int i = 0; i < kPrefill; ++i) prompt[std::size_t(i)] = 1 + i * 7919 % 40000;
  Speed speed;
  speed.prefill = kPrefill / median_seconds(options.repeats, [&] {
                    cache.truncate(0, 0);
                    step(prompt);
                  });
  speed.decode = kDecode / median_seconds(options.repeats, [&] {
                   cache.truncate(0, kPrefill);
                   for (TokenId i = 0; i < kDecode; ++i) step(std::array{TokenId{100} + i});
                 });
  return speed;
}

/// What bench/rivals/torch_graphs_speed.py prints; nothing where PyTorch or its GPU is missing.
std::optional<Speed> torch_speed(const Options& options) {
  const std::string command = fmt::format("'{}/rivals/torch_graphs_speed.py' {} {} {} 2>/dev/null",
                                          TANDEM_BENCH_DIR, kPrefill, kDecode, options.repeats);
  FILE* pipe = popen(("python3 " + command).c_str(), "r");
  if (pipe == nullptr) return {};
  std::string text;
  char buffer[256];
  while (std::fgets(buffer, sizeof(buffer), pipe) != nullptr) text += buffer;
  if (pclose(pipe) != 0) return {};
  const json result = json::parse(text, nullptr, false);
  if (result.is_discarded()) return {};
  return Speed{result.at("prefill"), result.at("decode")};
}

void add_model(std::vector<Case>& cases, const Options& options, const std::string& problem) {
  std::optional<Speed> rival;
  if (problem.empty()) rival = torch_speed(options);
  for (const char* mode : {"exact", "native"}) {
    Speed speed;
    if (problem.empty()) speed = model_speed(options, mode);
    for (const auto& [what, field] :
         {std::pair("decode", &Speed::decode), std::pair("prefill128", &Speed::prefill)}) {
      const std::string name = fmt::format("smollm2_{}_{}", what, mode);
      if (!problem.empty()) {
        cases.push_back(absent(name, "tokens/s", problem));
        continue;
      }
      cases.push_back(
          rate_case(name, speed.*field, "tokens/s",
                    rival ? "PyTorch with CUDA graphs, bf16"
                          : "PyTorch with CUDA graphs (missing: pip install torch transformers)",
                    rival ? std::optional((*rival).*field) : std::nullopt, {{"weights", "bf16"}}));
    }
  }
}

}  // namespace

std::vector<Case> run_cuda(const Options& options) {
  std::vector<Case> cases = {proven_share()};
  std::string problem;
  try {
    Options own = options;
    own.backend = device_uri(options, "exact");
    const BenchDevice device(own);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnavailable) throw;
    problem = error.message();
  }
  add_products(cases, options, problem);
  add_model(cases, options, problem);
  return cases;
}

}  // namespace tandem::bench

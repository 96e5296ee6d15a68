// SPDX-License-Identifier: Apache-2.0
#include "bench.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>

namespace tandem::bench {
namespace {

double seconds_of(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

__attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3"))) std::uint64_t
sum_words(const std::uint64_t* words, std::size_t count) {
  // Four streams, so that enough cache lines are on their way.
  const std::size_t part = count / 4;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < part; ++i) {
    sum += words[i] + words[i + part] + words[i + 2 * part] + words[i + 3 * part];
  }
  return sum;
}

}  // namespace

Case rate_case(std::string name, double value, std::string unit, std::string rival,
               std::optional<double> rival_value, nlohmann::json more) {
  Case result{std::move(name), value, std::move(unit), std::move(rival),
              rival_value,     {},    std::move(more)};
  if (rival_value && *rival_value > 0) result.ratio = value / *rival_value;
  return result;
}

std::span<const Suite> suites() {
  static constexpr std::array kSuites = std::to_array<Suite>({
      {"gemm", "MATMUL packets against OpenBLAS sgemm and the memory's read bandwidth", run_gemm},
      {"vector", "softmax, rmsnorm and silu-mul packets against plain compiled loops", run_vector},
      {"driver", "empty packets a second through the driver; cost of check mode", run_driver},
      {"model", "decode and prefill of SmolLM2-135M against llama.cpp", run_model},
      {"batch", "decode throughput of SmolLM2-135M for batches of 1 to 256", run_batch},
#ifdef TANDEM_HAVE_CUDA
      {"cuda", "a GPU against cuBLAS and PyTorch; kernels proven on the host", run_cuda},
#endif
      {"rtl", "speed of the RTL in simulation against the bare array; its utilisation", run_rtl},
#ifdef TANDEM_HAVE_FAULTS
      {"bisect", "what `tandem bisect` finds of every fault on purpose of the RTL", run_bisect},
#endif
  });
  return kSuites;
}

double median_seconds(int repeats, const std::function<void()>& body) {
  body();
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) times.push_back(seconds_of(body));
  return median(times);
}

std::pair<double, double> median_seconds_pair(int repeats, const std::function<void()>& ours,
                                              const std::function<void()>& rival) {
  ours();
  rival();
  std::vector<double> our_times;
  std::vector<double> rival_times;
  for (int i = 0; i < repeats; ++i) {
    our_times.push_back(seconds_of(ours));
    rival_times.push_back(seconds_of(rival));
  }
  return {median(our_times), median(rival_times)};
}

double read_bandwidth(std::span<const std::byte> memory, int repeats) {
  const std::size_t count = memory.size() / sizeof(std::uint64_t);
  volatile std::uint64_t sink = 0;
  const double seconds = median_seconds(repeats, [&] {
    sink = sum_words(reinterpret_cast<const std::uint64_t*>(memory.data()), count);
  });
  (void)sink;
  return static_cast<double>(memory.size()) / seconds;
}

}  // namespace tandem::bench

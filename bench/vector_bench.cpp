// SPDX-License-Identifier: Apache-2.0
// VECTOR packets: softmax, rmsnorm and silu-mul over 2048 x 4096 fp32.
#include <fmt/format.h>

#include <cmath>
#include <random>

#include "bench.hpp"
#include "device.hpp"
#include "tandem/ops/all.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::bench {
namespace {

constexpr std::size_t kRows = 2048;
constexpr std::size_t kCols = 4096;
constexpr std::size_t kCount = kRows * kCols;
constexpr float kEps = 1e-5F;

// The rivals: what a C programmer writes first, built by the same compiler for this CPU's vectors.
#define TANDEM_PLAIN_LOOP \
  __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))

TANDEM_PLAIN_LOOP void softmax_loop(const float* x, float* y) {
  for (std::size_t r = 0; r < kRows; ++r, x += kCols, y += kCols) {
    float largest = x[0];
    for (std::size_t i = 1; i < kCols; ++i) largest = x[i] > largest ? x[i] : largest;
    float sum = 0;
    for (std::size_t i = 0; i < kCols; ++i) {
      y[i] = std::exp(x[i] - largest);
      sum += y[i];
    }
    const float scale = 1.0F / sum;
    for (std::size_t i = 0; i < kCols; ++i) y[i] *= scale;
  }
}

TANDEM_PLAIN_LOOP void rmsnorm_loop(const float* x, const float* weight, float* y) {
  for (std::size_t r = 0; r < kRows; ++r, x += kCols, y += kCols) {
    float sum = 0;
    for (std::size_t i = 0; i < kCols; ++i) sum += x[i] * x[i];
    const float scale = 1.0F / std::sqrt(sum / kCols + kEps);
    for (std::size_t i = 0; i < kCols; ++i) y[i] = x[i] * scale * weight[i];
  }
}

TANDEM_PLAIN_LOOP void silu_mul_loop(const float* gate, const float* up, float* y) {
  for (std::size_t i = 0; i < kCount; ++i) y[i] = gate[i] / (1.0F + std::exp(-gate[i])) * up[i];
}

std::vector<float> random_values(std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(kCount);
  for (float& value : values) value = normal(random);
  return values;
}

struct DeviceArray {
  DeviceArray(runtime::Device& device, std::span<const float> values, const char* label)
      : buffer(device.malloc("activations", values.size_bytes(), label)),
        tensor(buffer.addr(), ops::Dtype::kF32, {kRows, kCols}) {
    device.copy_in(buffer.addr(), std::as_bytes(values));
  }
  runtime::Buffer buffer;
  ops::Tensor tensor;
};

Case measure(const Options& options, const char* name, double arrays,
             const std::function<void()>& ours, const std::function<void()>& rival) {
  const auto [our_s, rival_s] = median_seconds_pair(options.repeats, ours, rival);
  const double bytes = arrays * kCount * sizeof(float);
  return rate_case(name, bytes / our_s / 1e9, "GB/s", "plain compiled loop", bytes / rival_s / 1e9,
                   {{"rows", kRows}, {"cols", kCols}, {"threads", 1}});
}

}  // namespace

std::vector<Case> run_vector(const Options& options) {
  BenchDevice device(options, {{"threads", "1"}});
  ops::Context ctx(*device);
  const std::vector<float> x = random_values(1);
  const std::vector<float> w = random_values(2);
  std::vector<float> y(kCount);
  const DeviceArray dx(*device, x, "bench.x");
  const DeviceArray dw(*device, w, "bench.w");
  const DeviceArray dy(*device, y, "bench.y");
  const ops::Tensor weight = dw.tensor.select(0, 0);
  std::vector<Case> cases;
  cases.push_back(measure(
      options, "softmax", 2,
      [&] {
        ops::softmax(ctx, dx.tensor, -1, dy.tensor);
        device->queue().finish();
      },
      [&] { softmax_loop(x.data(), y.data()); }));
  cases.push_back(measure(
      options, "rmsnorm", 2,
      [&] {
        ops::rmsnorm(ctx, dx.tensor, weight, kEps, 0, dy.tensor);
        device->queue().finish();
      },
      [&] { rmsnorm_loop(x.data(), w.data(), y.data()); }));
  cases.push_back(measure(
      options, "silu_mul", 3,
      [&] {
        ops::silu_mul(ctx, dx.tensor, dw.tensor, dy.tensor);
        device->queue().finish();
      },
      [&] { silu_mul_loop(x.data(), w.data(), y.data()); }));
  return cases;
}

}  // namespace tandem::bench

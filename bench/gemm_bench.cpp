// SPDX-License-Identifier: Apache-2.0
// MATMUL packets: K = N = 2048, weights f16 in panels, activations fp32.
#include <fmt/format.h>
#include <sys/mman.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

#include "bench.hpp"
#include "device.hpp"
#include "openblas.hpp"
#include "tandem/base/error.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::bench {
namespace {

constexpr std::uint64_t kK = 2048;
constexpr std::uint64_t kN = 2048;
constexpr std::uint64_t kPanelBytes = kK * abi::kPanelColumns * 2;
constexpr std::uint64_t kWeightBytes = kN / abi::kPanelColumns * kPanelBytes;
constexpr int kStreamedWeights = 24;  // 192 MiB: no cache holds them

float from_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

std::uint32_t to_bits(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// Operands as both sides see them: b is what the device's f16 panels hold.
struct Problem {
  explicit Problem(std::uint64_t m) : rows(m), a(m * kK), b(kK * kN), panels(kWeightBytes / 2) {
    std::mt19937 random(12345);
    std::normal_distribution<float> normal;
    for (float& x : a) x = normal(random);
    for (std::uint64_t k = 0; k < kK; ++k) {
      for (std::uint64_t n = 0; n < kN; ++n) {
        const std::uint16_t half = numerics::f32_to_f16(to_bits(normal(random) * 0.02F));
        panels[(n / 32 * kK + k) * 32 + n % 32] = half;
        b[k * kN + n] = from_bits(numerics::f16_to_f32(half));
      }
    }
  }
  std::uint64_t rows;
  std::vector<float> a;  // [rows, K]
  std::vector<float> b;  // [K, N]
  std::vector<std::uint16_t> panels;
};

// The problem on a device: several copies of the weights, so that a stream of packets misses every
// cache.
class DeviceProblem {
 public:
  DeviceProblem(const Options& options, const Problem& problem, int copies, int threads = 1,
                std::string_view simd = "auto")
      : device_(options, {{"threads", std::to_string(threads)}, {"simd", std::string(simd)}}),
        copies_(copies) {
    a_ = device_->malloc("activations", problem.rows * kK * 4, "bench.a");
    c_ = device_->malloc("activations", problem.rows * kN * 4, "bench.c");
    b_ = device_->malloc("weights", kWeightBytes * static_cast<std::uint64_t>(copies), "bench.b");
    device_->copy_in(a_.addr(), std::as_bytes(std::span(problem.a)));
    for (int i = 0; i < copies; ++i) {
      device_->copy_in(b_.addr() + kWeightBytes * static_cast<std::uint64_t>(i),
                       std::as_bytes(std::span(problem.panels)));
    }
    packet_.m = static_cast<std::uint32_t>(problem.rows);
    packet_.n = kN;
    packet_.k = kK;
    packet_.batch0 = packet_.batch1 = 1;
    packet_.a_type = abi::Dtype::kF32;
    packet_.b_type = abi::Dtype::kF16;
    packet_.c_type = abi::Dtype::kF32;
    packet_.b_layout = abi::BLayout::kPanels;
    packet_.a_addr = a_.addr().value;
    packet_.c_addr = c_.addr().value;
    packet_.a_row_stride = kK * 4;
    packet_.c_row_stride = kN * 4;
    packet_.b_row_stride = kPanelBytes;
  }

  // One packet for each copy of the weights.
  void run() {
    for (int i = 0; i < copies_; ++i) {
      packet_.b_addr = b_.addr().value + kWeightBytes * static_cast<std::uint64_t>(i);
      device_->queue().submit_packet(packet_);
    }
    device_->queue().finish();
  }

  std::vector<float> result(std::uint64_t rows) {
    std::vector<float> c(rows * kN);
    device_->copy_out(c_.addr(), std::as_writable_bytes(std::span(c)));
    return c;
  }

 private:
  BenchDevice device_;
  int copies_;
  runtime::Buffer a_, b_, c_;
  abi::MatmulPacket packet_;
};

// Whether a sample of C equals the scalar chain bit for bit.
bool equals_scalar_fma(const Problem& problem, const std::vector<float>& c) {
  std::mt19937 random(99);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t m = random() % problem.rows;
    const std::uint64_t n = random() % kN;
    float acc = 0;
    for (std::uint64_t k = 0; k < kK; ++k) {
      const float a = numerics::to_e8m10(problem.a[m * kK + k]);
      acc = std::fma(a, problem.b[k * kN + n], acc);
    }
    if (to_bits(acc) != to_bits(c[m * kN + n])) return false;
  }
  return true;
}

// "all", or the first setting whose bits differ from the scalar chain.
std::string verify_bits(const Options& options, const Problem& problem) {
  std::string checked;
  for (const std::string_view simd : {"avx512", "avx2", "portable"}) {
    for (const int threads : {1, 2}) {
      try {
        DeviceProblem device(options, problem, 1, threads, simd);
        device.run();
        if (!equals_scalar_fma(problem, device.result(problem.rows))) {
          return fmt::format("DIFFER: {} at {} threads", simd, threads);
        }
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kUnavailable) throw;
        continue;  // this CPU lacks the instruction set
      }
      checked += fmt::format("{}{}x{}", checked.empty() ? "equal: " : " ", simd, threads);
    }
  }
  return checked;
}

Case compare_with_sgemm(const Options& options, const OpenBlas& blas, const Problem& problem) {
  const std::uint64_t m = problem.rows;
  DeviceProblem device(options, problem, 1);
  std::vector<float> c(m * kN);
  const auto ours = [&] { device.run(); };
  const double flops = 2.0 * static_cast<double>(m) * kK * kN;
  nlohmann::json more = {{"m", m}, {"n", kN}, {"k", kK}, {"threads", 1}};
  more["bits"] = verify_bits(options, problem);
  const std::string name = fmt::format("gemm_m{}", m);
  if (!blas.available()) {
    return rate_case(name, flops / median_seconds(options.repeats, ours) / 1e9, "GFLOP/s",
                     "OpenBLAS sgemm (missing)", {}, more);
  }
  blas.set_threads(1);
  const auto [our_s, rival_s] = median_seconds_pair(options.repeats, ours, [&] {
    blas.sgemm(static_cast<int>(m), kN, kK, problem.a.data(), problem.b.data(), c.data());
  });
  return rate_case(name, flops / our_s / 1e9, "GFLOP/s", "OpenBLAS sgemm", flops / rival_s / 1e9,
                   more);
}

// Touched memory on huge pages, as the device's is: the bandwidth is the memory's, not the page
// table's.
class HugePages {
 public:
  explicit HugePages(std::size_t num_bytes)
      : size_(num_bytes), data_(static_cast<std::byte*>(std::aligned_alloc(kPage, num_bytes))) {
    madvise(data_.get(), size_, MADV_HUGEPAGE);
    std::memset(data_.get(), 1, size_);
  }
  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }

 private:
  static constexpr std::size_t kPage = std::size_t{2} << 20;
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::size_t size_;
  std::unique_ptr<std::byte, Free> data_;
};

Case stream_weights(const Options& options, const Problem& problem) {
  DeviceProblem device(options, problem, kStreamedWeights);
  const double bytes = static_cast<double>(kWeightBytes) * kStreamedWeights;
  const HugePages memory(kWeightBytes * kStreamedWeights);
  const double bandwidth = read_bandwidth(memory.bytes(), options.repeats);
  const double ours = bytes / median_seconds(options.repeats, [&] { device.run(); });
  return rate_case(
      "gemv_m1", ours / 1e9, "GB/s of weights", "read bandwidth, one thread", bandwidth / 1e9,
      {{"m", 1}, {"n", kN}, {"k", kK}, {"threads", 1}, {"bits", verify_bits(options, problem)}});
}

}  // namespace

std::vector<Case> run_gemm(const Options& options) {
  const OpenBlas blas;
  std::vector<Case> cases;
  for (const std::uint64_t m : {512, 16}) {
    cases.push_back(compare_with_sgemm(options, blas, Problem(m)));
  }
  cases.push_back(stream_weights(options, Problem(1)));
  return cases;
}

}  // namespace tandem::bench

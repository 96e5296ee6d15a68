// SPDX-License-Identifier: Apache-2.0
#include "cuda_rivals.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "bench.hpp"
#include "cuda_gpu.hpp"
#include "dynamic_library.hpp"
#include "tandem/base/error.hpp"

namespace tandem::bench {
namespace {

/// A GPU without any physical memory: only allocations of its own.
std::unique_ptr<gpu::CudaGpu> open_gpu(bool native) {
  return std::make_unique<gpu::CudaGpu>(
      gpu::CudaOptions{.native = native, .compile = false},
      std::make_shared<driver::SparseRam>(
          std::vector<driver::SparseRam::Bank>{{0x1000'0000, 1 << 20}}));
}

using Create = int (*)(void**);
using SetStream = int (*)(void*, gpu::cu::Stream);
using Sgemm = int (*)(void*, int, int, int, int, int, const float*, const float*, int, const float*,
                      int, const float*, float*, int);

}  // namespace

std::optional<double> cublas_sgemm_seconds(int repeats, std::uint32_t side) {
  const std::vector<std::string> names = {"libcublas.so.13", "libcublas.so.12", "libcublas.so",
                                          "/usr/local/cuda/lib64/libcublas.so"};
  const gpu::DynamicLibrary library(names);
  const auto create = reinterpret_cast<Create>(library.find("cublasCreate_v2"));
  const auto set_stream = reinterpret_cast<SetStream>(library.find("cublasSetStream_v2"));
  const auto sgemm = reinterpret_cast<Sgemm>(library.find("cublasSgemm_v2"));
  if (create == nullptr || set_stream == nullptr || sgemm == nullptr) return std::nullopt;
  const auto device = open_gpu(false);
  const std::uint64_t bytes = std::uint64_t{side} * side * 4;
  const std::uint64_t a = device->allocate(bytes);
  const std::uint64_t b = device->allocate(bytes);
  const std::uint64_t c = device->allocate(bytes);
  void* handle = nullptr;
  if (create(&handle) != 0 || set_stream(handle, device->stream()) != 0) return std::nullopt;
  const float one = 1;
  const float zero = 0;
  const auto matrix = [](std::uint64_t at) { return reinterpret_cast<float*>(at); };
  const int n = int(side);
  const std::atomic<bool> cancelled{false};
  return median_seconds(repeats, [&] {
    device->begin_packet(cancelled);
    const int status =
        sgemm(handle, 0, 0, n, n, n, &one, matrix(b), n, matrix(a), n, &zero, matrix(c), n);
    if (status != 0) throw Error(ErrorCode::kUnavailable, "cublasSgemm failed");
    device->end_packet();
  });
}

std::optional<double> cublaslt_bf16_seconds(int repeats, std::uint32_t side) {
  std::unique_ptr<gpu::CudaGpu> device;
  try {
    device = open_gpu(true);
  } catch (const Error&) {
    return std::nullopt;
  }
  gpu::MatmulArgs args;
  args.m = args.n = args.k = side;
  args.batch0 = args.batch1 = 1;
  args.a_type = args.b_type = abi::Dtype::kBF16;
  args.c_type = abi::Dtype::kF32;
  args.a.at = device->allocate(std::uint64_t{side} * side * 2);
  args.b.at = device->allocate(std::uint64_t{side} * side * 2);
  args.c.at = device->allocate(std::uint64_t{side} * side * 4);
  args.a.row_stride = args.b.row_stride = std::uint64_t{side} * 2;
  args.c.row_stride = std::uint64_t{side} * 4;
  const std::atomic<bool> cancelled{false};
  return median_seconds(repeats, [&] {
    device->begin_packet(cancelled);
    if (!device->native_matmul({}, args)) {
      throw Error(ErrorCode::kUnavailable, "cuBLASLt has no kernel for the benchmark's product");
    }
    device->end_packet();
  });
}

}  // namespace tandem::bench

// SPDX-License-Identifier: Apache-2.0
// How a MATMUL packet becomes calls of cuBLASLt, or why it does not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/launch.hpp"

namespace tandem::gpu {

/// Values of cudaDataType and cublasComputeType_t.
inline constexpr int kCudaF32 = 0, kCudaF16 = 2, kCudaBf16 = 14;
inline constexpr int kComputeF32 = 68, kComputeTf32 = 77;

/// A matrix of a strided batch as cuBLASLt sees it, column by column; strides in elements.
struct NativeMatrix {
  std::uint64_t at = 0;
  int type = kCudaF32;
  bool transposed = false;
  std::uint64_t rows = 0, cols = 0;  ///< As stored, before the transposition.
  std::uint64_t ld = 0;
  std::uint64_t batch_stride = 0;
};

/// D[n, m] = X[n, k] * Y[k, m] (+ bias[n]) (+ D): the packet's C is D row by row, X its B, Y its
/// A.
struct NativeCall {
  NativeMatrix x, y, d;
  std::uint32_t batch = 1;
  bool accumulate = false;  ///< Adds to D.
  std::uint64_t bias = 0;
};

struct NativePlan {
  std::string reason;  ///< Why the exact kernel runs; empty: the calls do.
  int compute = kComputeF32;
  bool narrow_a = false;         ///< A is fp32 and first becomes two bf16 matrices in the scratch.
  std::uint64_t part_bytes = 0;  ///< Of each of them; the low one lies behind the high one.
  std::vector<NativeCall> calls;
};

/// Plans a product. With `narrow_a` the calls' `y.at` are offsets into the scratch.
NativePlan plan_product(const MatmulArgs& args);

}  // namespace tandem::gpu

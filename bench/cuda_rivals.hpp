// SPDX-License-Identifier: Apache-2.0
// cuBLAS and cuBLASLt called without anything of Tandem's device in between.
#pragma once

#include <cstdint>
#include <optional>

namespace tandem::bench {

/// Median seconds of a product of square matrices on GPU 0; nothing where the library is missing.
/// fp32 operands, fp32 arithmetic (no TF32).
std::optional<double> cublas_sgemm_seconds(int repeats, std::uint32_t side);
/// bf16 operands, fp32 result, tensor cores, the algorithm that the library recommends.
std::optional<double> cublaslt_bf16_seconds(int repeats, std::uint32_t side);

}  // namespace tandem::bench

// SPDX-License-Identifier: Apache-2.0
// Conversion between element types.
#pragma once

#include <cstdint>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

/// What a value past the largest finite one becomes in fp8.
enum class Fp8Rule : std::uint8_t {
  kTorch,          ///< e4m3 saturates (infinity too), e5m2 gives infinity.
  kSaturating,     ///< The largest finite value (infinity too).
  kNonSaturating,  ///< e4m3 gives NaN, e5m2 infinity.
};

/// y = x converted: f32 bf16 f16 e4m3 e5m2 i8 u8 i32 i64, any to any; x broadcasts to y.
///
/// Equal types move bits (but kSaturating replaces the infinities of e5m2). Float to float rounds
/// to nearest even (canonical NaN). Integer to float goes through fp32. Float to integer truncates,
/// saturates, NaN gives 0. Integer to integer keeps the low bits. One packet.
void cast(Context& ctx, const Tensor& x, const Tensor& y, Fp8Rule rule = Fp8Rule::kTorch);

}  // namespace tandem::ops

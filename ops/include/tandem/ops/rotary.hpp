// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding.
#pragma once

#include <cstdint>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

enum class RotaryStyle : std::uint8_t {
  kHalfSplit,    ///< Pairs (i, i + dims / 2): Hugging Face Llama.
  kInterleaved,  ///< Pairs (2i, 2i + 1): GGUF Llama.
};

/// Turns the first 2 * cos.dim(-1) elements of the last axis of x pairwise; the rest is copied.
///
/// (a, b) -> (a cos - b sin, b cos + a sin). cos, sin: f32 [..., dims / 2], broadcast against
/// x[..., :dims / 2]: with x [batch, heads, seq, dim] tables of [seq, dims / 2]; with x [seq,
/// heads, dim] of [seq, 1, dims / 2]. x, y: f32, bf16, f16; y may be exactly x, narrower (for
/// example a slice of an f16 cache) or strided. One packet for all heads; one more for a rest that
/// must be copied. q and k stored side by side turn together as one tensor.
void rotary(Context& ctx, const Tensor& x, const Tensor& cos, const Tensor& sin, RotaryStyle style,
            const Tensor& y);

}  // namespace tandem::ops

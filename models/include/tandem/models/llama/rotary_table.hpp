// SPDX-License-Identifier: Apache-2.0
// Cosines and sines of the rotary embedding, one row a position.
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/models/files/llama_config.hpp"
#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"
#include "tandem/runtime/buffer.hpp"

namespace tandem::models {

/// Constants of the model, like its weights: computed in double, rounded to fp32 once, because an
/// fp32 angle would lose what far positions are about.
class RotaryTable {
 public:
  RotaryTable(ops::Context& ctx, const LlamaConfig& config);

  /// Makes rows for `positions`; doubles.
  void reserve(std::uint32_t positions);

  /// Rows [first, first + count): [count, 1, rotary_dims / 2] f32.
  ops::Tensor cos(std::uint32_t first, std::uint32_t count) const;
  ops::Tensor sin(std::uint32_t first, std::uint32_t count) const;
  /// All rows: [rows, rotary_dims / 2].
  ops::Tensor all_cos() const;
  ops::Tensor all_sin() const;

 private:
  ops::Context* ctx_;
  std::vector<double> frequencies_;  // [rotary_dims / 2]
  std::uint32_t rows_ = 0;
  runtime::Buffer cos_;  // [rows, rotary_dims / 2] f32
  runtime::Buffer sin_;
};

}  // namespace tandem::models

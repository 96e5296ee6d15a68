// SPDX-License-Identifier: Apache-2.0
// Device memory of one step, reused by the next.
#pragma once

#include <cstdint>
#include <string>

#include "tandem/models/files/llama_config.hpp"
#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"
#include "tandem/runtime/buffer.hpp"

namespace tandem::models {

/// A tensor with room for a growing number of rows.
class RowBuffer {
 public:
  RowBuffer(std::string label, std::uint64_t width) : label_(std::move(label)), width_(width) {}

  /// [rows, width] f32. Grows (by doubling) when needed, after packets in flight are done.
  ops::Tensor rows(ops::Context& ctx, std::uint64_t rows);

 private:
  std::string label_;
  std::uint64_t width_;
  std::uint64_t capacity_ = 0;
  runtime::Buffer buffer_;
};

/// Activations of the forward pass, f32.
struct Activations {
  explicit Activations(const LlamaConfig& config);

  RowBuffer x;          // [tokens, hidden]: the residual stream
  RowBuffer h;          // [tokens, hidden]: normalised
  RowBuffer qkv;        // [tokens, (heads + 2 kv_heads) * head_dim]
  RowBuffer attention;  // [tokens, heads * head_dim]
  RowBuffer gate_up;    // [tokens, 2 intermediate]
  RowBuffer mlp;        // [tokens, intermediate]
  RowBuffer cos;        // [tokens, rotary_dims / 2]: of tokens at unlike positions
  RowBuffer sin;
  RowBuffer last;    // [rows, hidden]: normalised rows that get logits
  RowBuffer logits;  // [rows, vocab]
};

}  // namespace tandem::models

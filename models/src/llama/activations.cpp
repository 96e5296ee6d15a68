// SPDX-License-Identifier: Apache-2.0
// Growth of activation buffers.
#include "activations.hpp"

#include <algorithm>

namespace tandem::models {

ops::Tensor RowBuffer::rows(ops::Context& ctx, std::uint64_t rows) {
  if (rows > capacity_) {
    ctx.queue().finish();
    buffer_ = runtime::Buffer();
    // Twice what is needed only where that is little: a prompt's tokens rarely double.
    const std::uint64_t wanted = std::max(rows, std::min(2 * capacity_, rows + 256));
    buffer_ = ctx.device().malloc("activations", wanted * width_ * sizeof(float), label_);
    capacity_ = wanted;
  }
  return ops::Tensor(buffer_.addr(), abi::Dtype::kF32, {rows, width_});
}

Activations::Activations(const LlamaConfig& c)
    : x("x", c.hidden_size),
      h("h", c.hidden_size),
      qkv("qkv", (std::uint64_t{c.num_heads} + 2 * std::uint64_t{c.num_kv_heads}) * c.head_dim),
      attention("attention", std::uint64_t{c.num_heads} * c.head_dim),
      gate_up("gate_up", 2 * std::uint64_t{c.intermediate_size}),
      mlp("mlp", c.intermediate_size),
      cos("step.cos", c.rotary_dims / 2),
      sin("step.sin", c.rotary_dims / 2),
      last("last", c.hidden_size),
      logits("logits", c.vocab_size) {}

}  // namespace tandem::models

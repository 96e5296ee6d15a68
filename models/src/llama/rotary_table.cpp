// SPDX-License-Identifier: Apache-2.0
// Computing and uploading the rotary table.
#include "tandem/models/llama/rotary_table.hpp"

#include <cmath>
#include <utility>

#include "tandem/base/error.hpp"

namespace tandem::models {

using ops::Tensor;

RotaryTable::RotaryTable(ops::Context& ctx, const LlamaConfig& config)
    : ctx_(&ctx), frequencies_(rotary_frequencies(config)) {}

void RotaryTable::reserve(std::uint32_t positions) {
  if (positions <= rows_) return;
  std::uint64_t rows = rows_ == 0 ? 256 : rows_;
  while (rows < positions) rows *= 2;

  const std::size_t width = frequencies_.size();
  std::vector<float> cosines(rows * width);
  std::vector<float> sines(rows * width);
  for (std::uint64_t p = 0; p < rows; ++p) {
    for (std::size_t i = 0; i < width; ++i) {
      const double angle = static_cast<double>(p) * frequencies_[i];
      cosines[p * width + i] = static_cast<float>(std::cos(angle));
      sines[p * width + i] = static_cast<float>(std::sin(angle));
    }
  }
  // Packets in flight may still read the old table or whatever lay where the new one goes.
  ctx_->queue().finish();
  const auto upload = [&](const std::vector<float>& values, const char* label) {
    const auto bytes = std::as_bytes(std::span(values));
    runtime::Buffer buffer = ctx_->device().malloc("weights", bytes.size(), label);
    ctx_->device().copy_in(buffer.addr(), bytes);
    return buffer;
  };
  cos_ = upload(cosines, "rotary.cos");
  sin_ = upload(sines, "rotary.sin");
  rows_ = static_cast<std::uint32_t>(rows);
}

Tensor RotaryTable::all_cos() const {
  return Tensor(cos_.addr(), abi::Dtype::kF32, {rows_, frequencies_.size()});
}

Tensor RotaryTable::all_sin() const {
  return Tensor(sin_.addr(), abi::Dtype::kF32, {rows_, frequencies_.size()});
}

Tensor RotaryTable::cos(std::uint32_t first, std::uint32_t count) const {
  TANDEM_CHECK(first + count <= rows_);
  return all_cos().slice(0, first, first + count).unsqueeze(1);
}

Tensor RotaryTable::sin(std::uint32_t first, std::uint32_t count) const {
  TANDEM_CHECK(first + count <= rows_);
  return all_sin().slice(0, first, first + count).unsqueeze(1);
}

}  // namespace tandem::models

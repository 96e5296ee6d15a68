// SPDX-License-Identifier: Apache-2.0
// One or more weight matrices, one below the other, that multiply the same input.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tandem/models/files/weight_source.hpp"
#include "tandem/models/llama/weight_storage.hpp"
#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"
#include "tandem/ops/weights.hpp"

namespace tandem::models {

/// A projection to load: weights from top to bottom and, as many, their biases where they have one.
struct ProjectionNames {
  std::string label;  ///< For messages, dumps and annotations, e.g. "layer.3.qkv".
  std::vector<WeightName> weights;
  std::vector<WeightName> biases;  ///< Empty: none.
};

/// y = x W^T + b in region "weights". Weights of one storage format share a matrix, so that they
/// take one packet; a change of format (mixed quantisation) starts another.
class Projection {
 public:
  struct Part {
    ops::WeightBuffer buffer;
    std::uint64_t first_row = 0;
  };

  Projection() = default;

  /// Reads and uploads; `storage` chooses the formats, `format` overrides it.
  /// `on_bytes` is called with the device bytes written since its last call.
  /// Errors: those of WeightSource; kInvalidArgument where a finite value does not fit the format;
  /// kOutOfMemory.
  static Projection load(runtime::Device& device, const WeightSource& source,
                         const ProjectionNames& names, WeightStorage storage,
                         const std::function<void(std::uint64_t)>& on_bytes,
                         const std::optional<ops::WeightFormat>& format = std::nullopt);

  /// y [.., rows] = x [.., cols] W^T + b, or y += x W^T + b. One packet per part; with a bias,
  /// adding to y takes one more.
  void apply(ops::Context& ctx, const ops::Tensor& x, const ops::Tensor& y) const;
  void apply_add(ops::Context& ctx, const ops::Tensor& x, const ops::Tensor& y) const;

  std::uint64_t rows() const noexcept { return rows_; }
  std::uint64_t cols() const noexcept { return cols_; }
  const std::vector<Part>& parts() const noexcept { return parts_; }

 private:
  void apply_parts(ops::Context& ctx, const ops::Tensor& x, const ops::Tensor& y,
                   bool accumulate) const;

  std::vector<Part> parts_;
  std::uint64_t rows_ = 0;
  std::uint64_t cols_ = 0;
  runtime::Buffer bias_buffer_;
  std::optional<ops::Tensor> bias_;  // [rows] f32
};

/// A vector of fp32 numbers in region "weights".
struct VectorWeight {
  runtime::Buffer buffer;
  ops::Tensor tensor;  // [n] f32

  static VectorWeight load(runtime::Device& device, const WeightSource& source, WeightName name);
};

/// Bytes that a matrix of `rows` x `cols` takes on the device, scales and minima included.
std::uint64_t device_bytes(const ops::WeightFormat& format, std::uint64_t rows, std::uint64_t cols);

}  // namespace tandem::models

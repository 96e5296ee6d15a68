// SPDX-License-Identifier: Apache-2.0
// Grouping weights into matrices, and multiplying by them.
#include "tandem/models/llama/projection.hpp"

#include "load_matrix.hpp"
#include "tandem/base/error.hpp"
#include "tandem/ops/binary.hpp"
#include "tandem/ops/matmul.hpp"

namespace tandem::models {

using ops::Tensor;

namespace {

std::uint64_t bits_of(abi::Dtype dtype) {
  if (dtype == abi::Dtype::kU4) return 4;
  return 8 * Tensor(PhysAddr(), dtype, {1}).elem_bytes();
}

// Biases one below the other; rows of weights without one are zero.
std::vector<float> read_biases(const WeightSource& source, std::span<const WeightName> biases) {
  std::vector<float> values;
  for (const WeightName& name : biases) {
    const std::uint64_t n = source.shape(name).cols;
    values.resize(values.size() + n);
    source.read_rows_f32(name, 0, 1, std::span(values).last(n));
    source.done_with(name);
  }
  return values;
}

runtime::Buffer upload(runtime::Device& device, std::span<const float> values,
                       const std::string& label) {
  runtime::Buffer buffer = device.malloc("weights", values.size_bytes(), label);
  device.copy_in(buffer.addr(), std::as_bytes(values));
  device.name_tensor(buffer.addr(), values.size_bytes(), label);
  return buffer;
}

}  // namespace

std::uint64_t device_bytes(const ops::WeightFormat& format, std::uint64_t rows,
                           std::uint64_t cols) {
  const std::uint64_t padded = (rows + abi::kPanelColumns - 1) / abi::kPanelColumns * 32;
  std::uint64_t bytes = padded * cols * bits_of(format.dtype) / 8;
  if (format.group_size != 0) {
    const std::uint64_t groups = (cols + format.group_size - 1) / format.group_size;
    bytes += 2 * padded * groups * bits_of(format.scale_dtype) / 8;
  }
  return bytes;
}

Projection Projection::load(runtime::Device& device, const WeightSource& source,
                            const ProjectionNames& names, WeightStorage storage,
                            const std::function<void(std::uint64_t)>& on_bytes,
                            const std::optional<ops::WeightFormat>& format) {
  const auto format_of = [&](WeightName name) {
    return format ? *format : weight_format(source.stored_type(name), storage);
  };
  Projection projection;
  projection.cols_ = source.shape(names.weights.front()).cols;
  for (std::size_t first = 0; first < names.weights.size();) {
    const ops::WeightFormat matrix_format = format_of(names.weights[first]);
    std::size_t end = first + 1;
    while (end < names.weights.size() &&
           same_format(matrix_format, format_of(names.weights[end]))) {
      ++end;
    }
    const auto parts = std::span(names.weights).subspan(first, end - first);
    const bool whole = parts.size() == names.weights.size();
    const std::string label = whole ? names.label : canonical_name(parts.front());
    projection.parts_.push_back(
        {load_matrix(device, source, parts, matrix_format, label, on_bytes), projection.rows_});
    projection.rows_ += projection.parts_.back().buffer.weight.n;
    first = end;
  }
  if (!names.biases.empty()) {
    const std::vector<float> values = read_biases(source, names.biases);
    TANDEM_CHECK(values.size() == projection.rows_);
    projection.bias_buffer_ = upload(device, values, names.label + ".bias");
    projection.bias_ = Tensor(projection.bias_buffer_.addr(), abi::Dtype::kF32, {projection.rows_});
  }
  return projection;
}

void Projection::apply_parts(ops::Context& ctx, const Tensor& x, const Tensor& y,
                             bool accumulate) const {
  for (const Part& part : parts_) {
    const std::uint64_t end = part.first_row + part.buffer.weight.n;
    ops::MatmulOptions options;
    options.accumulate = accumulate;
    if (bias_ && !accumulate) options.bias = bias_->slice(0, part.first_row, end);
    const Tensor out = parts_.size() == 1 ? y : y.slice(y.rank - 1, part.first_row, end);
    ops::linear(ctx, x, part.buffer.weight, out, options);
  }
}

void Projection::apply(ops::Context& ctx, const Tensor& x, const Tensor& y) const {
  apply_parts(ctx, x, y, false);
}

void Projection::apply_add(ops::Context& ctx, const Tensor& x, const Tensor& y) const {
  if (bias_) ops::add(ctx, y, *bias_, y);
  apply_parts(ctx, x, y, true);
}

VectorWeight VectorWeight::load(runtime::Device& device, const WeightSource& source,
                                WeightName name) {
  const WeightShape shape = source.shape(name);
  std::vector<float> values(shape.rows * shape.cols);
  source.read_rows_f32(name, 0, shape.rows, values);
  source.done_with(name);
  VectorWeight weight;
  weight.buffer = upload(device, values, canonical_name(name));
  weight.tensor = Tensor(weight.buffer.addr(), abi::Dtype::kF32, {values.size()});
  return weight;
}

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/tensor.hpp"

#include <fmt/format.h>

#include "checks.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"

namespace tandem::ops {
namespace {

int axis_of(std::string_view what, const Tensor& x, int axis, int rank) {
  const int positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) {
    fail_argument(what, "axis", fmt::format("{} to {} for {}", -rank, rank - 1, x.describe()),
                  std::to_string(axis));
  }
  return positive;
}

void check_rank_limit(std::string_view what, std::size_t rank) {
  if (rank > kMaxRank) {
    fail_argument(what, "shape", fmt::format("at most {} axes", kMaxRank), std::to_string(rank));
  }
}

}  // namespace

Tensor::Tensor(PhysAddr address, Dtype type, std::span<const std::uint64_t> extents)
    : addr(address), dtype(type), rank(static_cast<int>(extents.size())) {
  check_rank_limit("Tensor", extents.size());
  std::uint64_t step = bytes_of(type);
  if (step == 0) {
    fail_argument("Tensor", "dtype", "a type of whole bytes", abi::to_string(type));
  }
  for (int i = rank - 1; i >= 0; --i) {
    shape[i] = extents[i];
    stride[i] = step;
    if (__builtin_mul_overflow(step, extents[i] == 0 ? 1 : extents[i], &step)) {
      fail_argument("Tensor", "shape", "less than 2^64 bytes", shape_text(extents));
    }
  }
}

Tensor::Tensor(PhysAddr address, Dtype type, std::initializer_list<std::uint64_t> extents)
    : Tensor(address, type, std::span<const std::uint64_t>(extents.begin(), extents.size())) {}

std::uint64_t Tensor::elem_bytes() const { return bytes_of(dtype); }

std::uint64_t Tensor::numel() const {
  std::uint64_t count = 1;
  for (int i = 0; i < rank; ++i) count *= shape[i];
  return count;
}

bool Tensor::is_contiguous() const {
  std::uint64_t step = elem_bytes();
  for (int i = rank - 1; i >= 0; --i) {
    if (shape[i] != 1 && stride[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

std::uint64_t Tensor::dim(int axis) const { return shape[axis_of("dim", *this, axis, rank)]; }

Tensor Tensor::reshape(std::span<const std::uint64_t> extents) const {
  check_rank_limit("reshape", extents.size());
  std::uint64_t count = 1;
  for (const std::uint64_t extent : extents) count *= extent;
  if (count != numel()) {
    fail_argument("reshape", "shape", fmt::format("{} elements as {}", numel(), describe()),
                  shape_text(extents));
  }
  if (is_contiguous() || count == 0) return Tensor(addr, dtype, extents);
  // Walk both shapes from the right; every group of new axes must lie inside a run of old axes that
  // can be merged.
  Tensor result(addr, dtype, extents);
  int old_axis = rank - 1;
  int new_axis = result.rank - 1;
  bool fits = true;
  while (fits && new_axis >= 0) {
    while (old_axis >= 0 && shape[old_axis] == 1) --old_axis;
    if (old_axis < 0) {
      while (new_axis >= 0) result.stride[new_axis--] = elem_bytes();
      break;
    }
    std::uint64_t step = stride[old_axis];
    std::uint64_t run = shape[old_axis];
    while (old_axis > 0 && stride[old_axis - 1] == stride[old_axis] * shape[old_axis]) {
      run *= shape[--old_axis];
    }
    while (new_axis >= 0 && run % result.shape[new_axis] == 0 &&
           (run != 1 || result.shape[new_axis] == 1)) {
      result.stride[new_axis] = step;
      step *= result.shape[new_axis];
      run /= result.shape[new_axis--];
    }
    fits = run == 1;
    --old_axis;
  }
  if (!fits) {
    fail_argument("reshape", "strides", "a layout that needs no copy (ops::reshape copies)",
                  describe());
  }
  return result;
}

Tensor Tensor::permute(std::span<const int> dims) const {
  Tensor result = *this;
  unsigned seen = 0;
  for (std::size_t i = 0; i < dims.size() && static_cast<int>(dims.size()) == rank; ++i) {
    const int from = axis_of("permute", *this, dims[i], rank);
    seen |= 1u << from;
    result.shape[i] = shape[from];
    result.stride[i] = stride[from];
  }
  if (static_cast<int>(dims.size()) != rank || seen != (1u << rank) - 1) {
    fail_argument("permute", "dims", fmt::format("every axis of {} once", describe()),
                  fmt::format("[{}]", fmt::join(dims, ", ")));
  }
  return result;
}

Tensor Tensor::transpose(int axis0, int axis1) const {
  const int first = axis_of("transpose", *this, axis0, rank);
  const int second = axis_of("transpose", *this, axis1, rank);
  Tensor result = *this;
  std::swap(result.shape[first], result.shape[second]);
  std::swap(result.stride[first], result.stride[second]);
  return result;
}

Tensor Tensor::slice(int axis, std::uint64_t start, std::uint64_t stop, std::uint64_t step) const {
  const int at = axis_of("slice", *this, axis, rank);
  if (start > stop || stop > shape[at] || step == 0) {
    fail_argument("slice", "range",
                  fmt::format("0 <= start <= stop <= {} and step >= 1 on axis {} of {}", shape[at],
                              at, describe()),
                  fmt::format("{}:{}:{}", start, stop, step));
  }
  Tensor result = *this;
  result.shape[at] = (stop - start + step - 1) / step;
  result.stride[at] = stride[at] * step;
  result.addr = addr + start * stride[at];
  return result;
}

Tensor Tensor::broadcast_to(std::span<const std::uint64_t> extents) const {
  check_rank_limit("broadcast_to", extents.size());
  return check_broadcast("broadcast_to", "x", *this, extents);
}

Tensor Tensor::select(int axis, std::uint64_t index) const {
  const int at = axis_of("select", *this, axis, rank);
  if (index >= shape[at]) {
    fail_argument("select", "index", fmt::format("less than {} on axis {}", shape[at], at),
                  std::to_string(index));
  }
  Tensor result = *this;
  result.addr = addr + index * stride[at];
  for (int i = at; i + 1 < rank; ++i) {
    result.shape[i] = shape[i + 1];
    result.stride[i] = stride[i + 1];
  }
  result.rank = rank - 1;
  result.shape[result.rank] = 0;
  result.stride[result.rank] = 0;
  return result;
}

Tensor Tensor::unsqueeze(int axis) const {
  check_rank_limit("unsqueeze", static_cast<std::size_t>(rank) + 1);
  const int at = axis_of("unsqueeze", *this, axis, rank + 1);
  Tensor result = *this;
  result.rank = rank + 1;
  for (int i = rank; i > at; --i) {
    result.shape[i] = shape[i - 1];
    result.stride[i] = stride[i - 1];
  }
  result.shape[at] = 1;
  result.stride[at] = at < rank ? shape[at] * stride[at] : elem_bytes();
  return result;
}

std::string Tensor::describe() const {
  return fmt::format("{}{}", abi::to_string(dtype), shape_text(shape_of(*this)));
}

}  // namespace tandem::ops

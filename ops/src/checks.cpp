// SPDX-License-Identifier: Apache-2.0
#include "checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "overlap.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"

namespace tandem::ops {

void fail_argument(std::string_view op, std::string_view argument, std::string_view expected,
                   std::string_view found) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: {}: expected {}, found {}", op, argument, expected, found));
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

bool same_shape(const Tensor& a, const Tensor& b) {
  return std::ranges::equal(shape_of(a), shape_of(b));
}

void check_shape(std::string_view op, std::string_view argument, const Tensor& x,
                 std::span<const std::uint64_t> expected) {
  if (!std::ranges::equal(shape_of(x), expected)) {
    fail_argument(op, argument, "shape " + shape_text(expected), x.describe());
  }
}

void check_rank(std::string_view op, std::string_view argument, const Tensor& x, int rank) {
  if (x.rank != rank) fail_argument(op, argument, fmt::format("{} axes", rank), x.describe());
}

void check_dtype(std::string_view op, std::string_view argument, const Tensor& x,
                 std::initializer_list<Dtype> allowed) {
  for (const Dtype type : allowed) {
    if (x.dtype == type) return;
  }
  std::string names;
  for (const Dtype type : allowed) {
    if (!names.empty()) names += type == *(allowed.end() - 1) ? " or " : ", ";
    names += abi::to_string(type);
  }
  fail_argument(op, argument, "type " + names, x.describe());
}

void check_float(std::string_view op, std::string_view argument, const Tensor& x) {
  if (!is_float(x.dtype)) {
    check_dtype(op, argument, x,
                {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2});
  }
}

void check_index_type(std::string_view op, std::string_view argument, const Tensor& x) {
  check_dtype(op, argument, x, {Dtype::kI32, Dtype::kI64});
}

void check_same_dtype(std::string_view op, std::string_view argument, const Tensor& x,
                      std::string_view other_name, const Tensor& other) {
  if (x.dtype != other.dtype) {
    fail_argument(op, argument,
                  fmt::format("type {} as {}", abi::to_string(other.dtype), other_name),
                  x.describe());
  }
}

int check_axis(std::string_view op, int axis, const Tensor& x) {
  const int positive = axis < 0 ? axis + x.rank : axis;
  if (positive < 0 || positive >= x.rank) {
    fail_argument(op, "axis", fmt::format("an axis of {}", x.describe()), std::to_string(axis));
  }
  return positive;
}

Tensor check_broadcast(std::string_view op, std::string_view argument, const Tensor& x,
                       std::span<const std::uint64_t> shape) {
  const int rank = static_cast<int>(shape.size());
  bool fits = x.rank <= rank;
  Tensor result = x;
  result.rank = rank;
  for (int i = rank - 1, j = x.rank - 1; fits && i >= 0; --i, --j) {
    const bool present = j >= 0;
    const std::uint64_t extent = present ? x.shape[j] : 1;
    result.shape[i] = shape[i];
    result.stride[i] = present && extent == shape[i] ? x.stride[j] : 0;
    fits = extent == shape[i] || extent == 1;
  }
  if (!fits) {
    fail_argument(op, argument, "a shape that broadcasts to " + shape_text(shape), x.describe());
  }
  return result;
}

void check_apart(std::string_view op, std::string_view x_name, const Tensor& x,
                 std::string_view y_name, const Tensor& y) {
  const auto footprint_of = [](const Tensor& tensor) {
    Footprint result{.base = tensor.addr.value, .elem_bytes = tensor.elem_bytes()};
    for (int i = 0; i < tensor.rank; ++i) result.add(tensor.shape[i], tensor.stride[i]);
    return result;
  };
  if (x.numel() == 0 || y.numel() == 0 || !may_overlap(footprint_of(x), footprint_of(y))) return;
  fail_argument(op, y_name, fmt::format("memory that does not overlap {}", x_name),
                fmt::format("{} at {:#x} over {} at {:#x}", y.describe(), y.addr.value,
                            x.describe(), x.addr.value));
}

bool is_float(Dtype type) {
  return type == Dtype::kF32 || type == Dtype::kBF16 || type == Dtype::kF16 ||
         type == Dtype::kE4M3 || type == Dtype::kE5M2;
}

bool is_integer(Dtype type) {
  return type == Dtype::kI8 || type == Dtype::kU8 || type == Dtype::kU16 || type == Dtype::kI32 ||
         type == Dtype::kI64;
}

std::uint64_t bytes_of(Dtype type) {
  switch (type) {
    case Dtype::kF32:
    case Dtype::kI32:
      return 4;
    case Dtype::kBF16:
    case Dtype::kF16:
    case Dtype::kU16:
      return 2;
    case Dtype::kI64:
      return 8;
    case Dtype::kE4M3:
    case Dtype::kE5M2:
    case Dtype::kI8:
    case Dtype::kU8:
      return 1;
    case Dtype::kNone:
    case Dtype::kU4:
      break;
  }
  return 0;
}

}  // namespace tandem::ops

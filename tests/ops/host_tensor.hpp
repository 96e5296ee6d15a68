// SPDX-License-Identifier: Apache-2.0
// Tensors in host memory for op tests: stored bits, seen as numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tandem/ops/tensor.hpp"

namespace tandem::tests {

using ops::Dtype;
using Shape = std::vector<std::uint64_t>;

/// Row-major, contiguous.
struct HostTensor {
  Dtype dtype = Dtype::kF32;
  Shape shape;
  std::vector<std::byte> bytes;

  HostTensor() = default;
  HostTensor(Dtype type, Shape extents);

  std::uint64_t numel() const;
  std::uint64_t bits(std::uint64_t at) const;
  void set_bits(std::uint64_t at, std::uint64_t bits);
  /// The element as a number; floats exactly.
  double value(std::uint64_t at) const;
  std::int64_t integer(std::uint64_t at) const;
  /// Stores a number, rounded to the type (floats to nearest even through fp32, integers
  /// truncated).
  void set(std::uint64_t at, double value);

  /// Reads the element at a multi-index, whose axes of extent 1 broadcast.
  double at(const Shape& index) const;
};

/// Uniform values between `low` and `high`; the first few elements are special where `special`
/// (zeros, infinities, NaN, subnormals, largest values).
HostTensor random_tensor(std::mt19937& random, Dtype dtype, const Shape& shape, double low = -2.0,
                         double high = 2.0, bool special = false);

/// Calls visit(flat index, multi-index) for every element, row-major.
void for_each_index(const Shape& shape,
                    const std::function<void(std::uint64_t, const Shape&)>& visit);

std::uint64_t count_of(const Shape& shape);
/// NumPy broadcasting of two shapes that fit.
Shape broadcast_shape(const Shape& a, const Shape& b);

/// Bits of a number in a float type, nearest even through fp32; overflow as torch has it for fp8.
std::uint64_t narrow(Dtype dtype, float value);
/// The number that bits of a float type stand for.
double widen(Dtype dtype, std::uint64_t bits);

/// How a result may differ from a float64 reference.
struct Bound {
  double ulp = 0;  ///< Of fp32 at the reference.
  double abs = 0;
};

/// Expects every element of `got` within the bound of `expected` (first rounded to fp32 range),
/// plus half an ulp of a narrower stored type. NaN equals NaN.
void expect_near(const HostTensor& got, const std::vector<double>& expected, Bound bound,
                 const std::string& what);
/// Expects equal bits, any NaN equal to any NaN in float types.
void expect_same(const HostTensor& got, const HostTensor& expected, const std::string& what);

}  // namespace tandem::tests

// SPDX-License-Identifier: Apache-2.0
#include "ops/host_tensor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::tests {
namespace {

bool is_float(Dtype type) {
  return type == Dtype::kF32 || type == Dtype::kBF16 || type == Dtype::kF16 ||
         type == Dtype::kE4M3 || type == Dtype::kE5M2;
}

std::size_t size_of(Dtype type) { return abi::dtype_bits(type) / 8; }

/// Fraction bits that the type keeps at `magnitude`, as the distance of neighbours.
double spacing(Dtype type, double magnitude) {
  int fraction = 23, lowest = -149;
  if (type == Dtype::kBF16) fraction = 7, lowest = -133;
  if (type == Dtype::kF16) fraction = 10, lowest = -24;
  if (type == Dtype::kE4M3) fraction = 3, lowest = -9;
  if (type == Dtype::kE5M2) fraction = 2, lowest = -16;
  if (magnitude == 0) return std::ldexp(1.0, lowest);
  return std::ldexp(1.0, std::max(std::ilogb(magnitude) - fraction, lowest));
}

}  // namespace

HostTensor::HostTensor(Dtype type, Shape extents)
    : dtype(type), shape(std::move(extents)), bytes(count_of(shape) * size_of(type)) {}

std::uint64_t HostTensor::numel() const { return count_of(shape); }

std::uint64_t HostTensor::bits(std::uint64_t at) const {
  std::uint64_t result = 0;
  std::memcpy(&result, bytes.data() + at * size_of(dtype), size_of(dtype));
  return result;
}

void HostTensor::set_bits(std::uint64_t at, std::uint64_t value) {
  std::memcpy(bytes.data() + at * size_of(dtype), &value, size_of(dtype));
}

double widen(Dtype dtype, std::uint64_t bits) {
  using namespace numerics;
  std::uint32_t single = static_cast<std::uint32_t>(bits);
  if (dtype == Dtype::kBF16) single = bf16_to_f32(static_cast<std::uint16_t>(bits));
  if (dtype == Dtype::kF16) single = f16_to_f32(static_cast<std::uint16_t>(bits));
  if (dtype == Dtype::kE4M3) single = e4m3_to_f32(static_cast<std::uint8_t>(bits));
  if (dtype == Dtype::kE5M2) single = e5m2_to_f32(static_cast<std::uint8_t>(bits));
  return static_cast<double>(float_of(single));
}

std::uint64_t narrow(Dtype dtype, float value) {
  using namespace numerics;
  const std::uint32_t single = bits_of(value);
  switch (dtype) {
    case Dtype::kBF16:
      return f32_to_bf16(single);
    case Dtype::kF16:
      return f32_to_f16(single);
    case Dtype::kE4M3:
      return f32_to_e4m3(single, Fp8Overflow::kSaturate);
    case Dtype::kE5M2:
      return f32_to_e5m2(single, Fp8Overflow::kNonSaturate);
    default:
      return single;
  }
}

std::int64_t HostTensor::integer(std::uint64_t at) const {
  const std::uint64_t raw = bits(at);
  const bool is_unsigned = dtype == Dtype::kU8 || dtype == Dtype::kU16;
  const unsigned unused = is_unsigned ? 0 : 64 - abi::dtype_bits(dtype);
  return static_cast<std::int64_t>(raw << unused) >> unused;
}

double HostTensor::value(std::uint64_t at) const {
  return is_float(dtype) ? widen(dtype, bits(at)) : static_cast<double>(integer(at));
}

void HostTensor::set(std::uint64_t at, double value) {
  set_bits(at, is_float(dtype) ? narrow(dtype, static_cast<float>(value))
                               : static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
}

double HostTensor::at(const Shape& index) const {
  std::uint64_t flat = 0;
  const std::size_t skipped = index.size() - shape.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    flat = flat * shape[i] + (shape[i] == 1 ? 0 : index[skipped + i]);
  }
  return value(flat);
}

HostTensor random_tensor(std::mt19937& random, Dtype dtype, const Shape& shape, double low,
                         double high, bool special) {
  HostTensor result(dtype, shape);
  std::uniform_real_distribution<double> uniform(low, high);
  for (std::uint64_t i = 0; i < result.numel(); ++i) result.set(i, uniform(random));
  if (!special) return result;
  const double inf = std::numeric_limits<double>::infinity();
  const double values[] = {0.0,    -0.0, inf,   -inf,   std::nan(""), 1.0,  -1.0,  1e-40, -1e-40,
                           1e-310, 3e38, -3e38, 448.0,  57344.0,      0.5,  -0.5,  1e-5,  -1e-5,
                           88.7,   -104, 2.5,   -1e-45, 65504.0,      1e-7, 127.5, 255.5, -128.5};
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(std::size(values), result.numel()); ++i) {
    if (is_float(dtype)) result.set(i, values[i]);
  }
  return result;
}

std::uint64_t count_of(const Shape& shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t extent : shape) count *= extent;
  return count;
}

void for_each_index(const Shape& shape,
                    const std::function<void(std::uint64_t, const Shape&)>& visit) {
  Shape index(shape.size(), 0);
  const std::uint64_t count = count_of(shape);
  for (std::uint64_t flat = 0; flat < count; ++flat) {
    visit(flat, index);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

Shape broadcast_shape(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (const Shape* shape : {&a, &b}) {
    const std::size_t skipped = result.size() - shape->size();
    for (std::size_t i = 0; i < shape->size(); ++i) {
      if ((*shape)[i] != 1) result[skipped + i] = (*shape)[i];
    }
  }
  return result;
}

void expect_near(const HostTensor& got, const std::vector<double>& expected, Bound bound,
                 const std::string& what) {
  ASSERT_EQ(got.numel(), expected.size()) << what;
  int reported = 0;
  for (std::uint64_t i = 0; i < got.numel() && reported < 3; ++i) {
    const double value = got.value(i);
    // What overflows fp32 is infinity before it is stored.
    const double single = static_cast<double>(static_cast<float>(expected[i]));
    const double wanted = std::isinf(single) ? single : expected[i];
    const double stored = std::isfinite(wanted)
                              ? widen(got.dtype, narrow(got.dtype, static_cast<float>(wanted)))
                              : widen(got.dtype, narrow(got.dtype, static_cast<float>(single)));
    if (std::isnan(wanted) && std::isnan(value)) continue;
    if (value == stored) continue;
    double allowed = bound.ulp * spacing(Dtype::kF32, std::fabs(wanted)) + bound.abs;
    if (got.dtype != Dtype::kF32) {
      allowed = std::max(allowed, 0.0) + 0.5 * spacing(got.dtype, std::fabs(wanted));
    }
    if (std::isfinite(stored) && std::fabs(value - wanted) <= allowed) continue;
    ADD_FAILURE() << what << ": element " << i << " of " << got.numel() << ": got " << value
                  << ", expected " << wanted << ", allowed " << allowed;
    ++reported;
  }
}

void expect_same(const HostTensor& got, const HostTensor& expected, const std::string& what) {
  ASSERT_EQ(got.shape, expected.shape) << what;
  ASSERT_EQ(got.dtype, expected.dtype) << what;
  int reported = 0;
  for (std::uint64_t i = 0; i < got.numel() && reported < 3; ++i) {
    if (got.bits(i) == expected.bits(i)) continue;
    if (is_float(got.dtype) && std::isnan(got.value(i)) && std::isnan(expected.value(i))) continue;
    ADD_FAILURE() << what << ": element " << i << " of " << got.numel() << ": got " << std::hex
                  << got.bits(i) << ", expected " << expected.bits(i);
    ++reported;
  }
}

}  // namespace tandem::tests

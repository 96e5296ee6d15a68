// SPDX-License-Identifier: Apache-2.0
// Elementwise functions in float64.
#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include "ops/host_tensor.hpp"
#include "tandem/ops/binary.hpp"
#include "tandem/ops/unary.hpp"

namespace tandem::tests::ref {

inline double unary(ops::UnaryOp op, double x, double alpha = 1.0) {
  using ops::UnaryOp;
  constexpr double kRoot2OverPi = 0.7978845608028654;
  switch (op) {
    case UnaryOp::kCopy:
      return x;
    case UnaryOp::kNeg:
      return -x;
    case UnaryOp::kRecip:
      return 1.0 / x;
    case UnaryOp::kExp:
      return std::exp(x);
    case UnaryOp::kLog:
      return std::log(x);
    case UnaryOp::kSin:
      return std::sin(x);
    case UnaryOp::kCos:
      return std::cos(x);
    case UnaryOp::kAbs:
      return std::fabs(x);
    case UnaryOp::kSqr:
      return x * x;
    case UnaryOp::kSqrt:
      return std::sqrt(x);
    case UnaryOp::kRsqrt:
      return 1.0 / std::sqrt(x);
    case UnaryOp::kGelu:
      return x == -INFINITY ? -0.0 : 0.5 * x * std::erfc(-x * M_SQRT1_2);
    case UnaryOp::kGeluTanh:
      if (x == -INFINITY) return -0.0;
      // 1 + tanh(t) as 2 / (1 + exp(-2t)), which does not cancel.
      return x / (1.0 + std::exp(-2.0 * kRoot2OverPi * (x + 0.044715 * x * x * x)));
    case UnaryOp::kRelu:
      return x > 0 || std::isnan(x) ? x : 0.0;
    case UnaryOp::kElu:
      return x >= 0 ? x : alpha * std::expm1(x);
    case UnaryOp::kSilu:
      return x == -INFINITY ? -0.0 : x / (1.0 + std::exp(-x));
    case UnaryOp::kTanh:
      return std::tanh(x);
    case UnaryOp::kSigmoid:
      return 1.0 / (1.0 + std::exp(-x));
  }
  return x;
}

inline double binary(ops::BinaryOp op, double x, double y) {
  using ops::BinaryOp;
  const bool is_nan = std::isnan(x) || std::isnan(y);
  switch (op) {
    case BinaryOp::kAdd:
      return x + y;
    case BinaryOp::kSub:
      return x - y;
    case BinaryOp::kMul:
      return x * y;
    case BinaryOp::kDiv:
      return x / y;
    case BinaryOp::kMin:
      return is_nan ? NAN : x < y || (x == y && std::signbit(x)) ? x : y;
    case BinaryOp::kMax:
      return is_nan ? NAN : x > y || (x == y && !std::signbit(x)) ? x : y;
    case BinaryOp::kEq:
      return x == y;
    case BinaryOp::kNe:
      return x != y;
    case BinaryOp::kLt:
      return x < y;
    case BinaryOp::kLe:
      return x <= y;
    case BinaryOp::kGt:
      return x > y;
    case BinaryOp::kGe:
      return x >= y;
  }
  return x;
}

/// f at every element of the broadcast shape.
inline std::vector<double> map(const HostTensor& x, const HostTensor& y, const Shape& shape,
                               const std::function<double(double, double)>& f) {
  std::vector<double> result(count_of(shape));
  for_each_index(shape, [&](std::uint64_t flat, const Shape& index) {
    result[flat] = f(x.at(index), y.at(index));
  });
  return result;
}

inline std::vector<double> map(const HostTensor& x, const std::function<double(double)>& f) {
  std::vector<double> result(x.numel());
  for (std::uint64_t i = 0; i < x.numel(); ++i) result[i] = f(x.value(i));
  return result;
}

}  // namespace tandem::tests::ref

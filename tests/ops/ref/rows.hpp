// SPDX-License-Identifier: Apache-2.0
// Reductions, softmax, normalisations and attention in float64.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "ops/host_tensor.hpp"
#include "tandem/ops/reduce.hpp"

namespace tandem::tests::ref {

/// Elements of x that reduce to each result, row-major ascending over the reduced axes; results
/// row-major.
inline std::vector<std::vector<double>> groups(const HostTensor& x, const std::vector<int>& axes) {
  const auto is_reduced = [&](std::size_t axis) {
    return std::find(axes.begin(), axes.end(), static_cast<int>(axis)) != axes.end();
  };
  std::uint64_t count = 1;
  for (std::size_t i = 0; i < x.shape.size(); ++i) count *= is_reduced(i) ? 1 : x.shape[i];
  std::vector<std::vector<double>> result(count);
  for_each_index(x.shape, [&](std::uint64_t flat, const Shape& index) {
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (!is_reduced(i)) at = at * x.shape[i] + index[i];
    }
    result[at].push_back(x.value(flat));
  });
  return result;
}

inline double reduce(ops::ReduceOp op, const std::vector<double>& x) {
  using ops::ReduceOp;
  double sum = 0;
  std::size_t highest = 0, lowest = 0, nan = x.size();
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += x[i];
    if (std::isnan(x[i]) && nan == x.size()) nan = i;
    if (x[i] > x[highest]) highest = i;
    if (x[i] < x[lowest]) lowest = i;
  }
  switch (op) {
    case ReduceOp::kSum:
      return sum;
    case ReduceOp::kMean:
      return sum / static_cast<double>(x.size());
    case ReduceOp::kMax:
      return nan < x.size() ? x[nan] : x[highest];
    case ReduceOp::kMin:
      return nan < x.size() ? x[nan] : x[lowest];
    case ReduceOp::kArgmax:
      return static_cast<double>(nan < x.size() ? nan : highest);
    case ReduceOp::kArgmin:
      return static_cast<double>(nan < x.size() ? nan : lowest);
  }
  return sum;
}

inline std::vector<double> softmax(const std::vector<double>& x) {
  const double max = *std::max_element(x.begin(), x.end());
  std::vector<double> e;
  double sum = 0;
  for (const double value : x) {
    e.push_back(std::exp(value - max));
    sum += e.back();
  }
  for (double& value : e) value /= sum;
  return e;
}

inline std::vector<double> log_softmax(const std::vector<double>& x) {
  const double max = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double value : x) sum += std::exp(value - max);
  std::vector<double> result;
  for (const double value : x) result.push_back(value - max - std::log(sum));
  return result;
}

/// Mask of one query among keys: true where the key is visible.
struct Visibility {
  bool causal = false;
  std::int64_t window = 0;
  std::int64_t offset = 0;
  std::int64_t first_key = 0;
  bool own_key = false;

  /// Whether position allows key j for query i, and whether padding does.
  bool by_position(std::int64_t i, std::int64_t j) const {
    const std::int64_t p = i + offset;
    return !causal || (j <= p && (window == 0 || j > p - window));
  }
  bool by_padding(std::int64_t i, std::int64_t j) const {
    return j >= first_key || (own_key && j == i + offset);
  }
};

/// y[dim] of one query of one head; rows of k and v by key. `mask[j]` is added unless it is the
/// visible own key.
inline std::vector<double> attend(const std::vector<double>& q,
                                  const std::vector<std::vector<double>>& k,
                                  const std::vector<std::vector<double>>& v, double scale,
                                  double softcap, const std::vector<double>& mask,
                                  const Visibility& visible, std::int64_t i) {
  std::vector<double> s;
  for (std::size_t j = 0; j < k.size(); ++j) {
    double dot = 0;
    for (std::size_t d = 0; d < q.size(); ++d) dot += q[d] * k[j][d];
    dot *= scale;
    if (softcap != 0) dot = softcap * std::tanh(dot / softcap);
    const auto key = static_cast<std::int64_t>(j);
    const bool own = visible.own_key && key == i + visible.offset;
    if (!mask.empty() && !own) dot += mask[j];
    if (!visible.by_position(i, key) || !visible.by_padding(i, key)) {
      dot = -std::numeric_limits<double>::infinity();
    }
    s.push_back(dot);
  }
  const std::vector<double> p = softmax(s);
  std::vector<double> y(v[0].size(), 0.0);
  for (std::size_t j = 0; j < v.size(); ++j) {
    for (std::size_t d = 0; d < y.size(); ++d) y[d] += p[j] * v[j][d];
  }
  return y;
}

}  // namespace tandem::tests::ref

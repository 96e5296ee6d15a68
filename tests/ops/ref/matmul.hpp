// SPDX-License-Identifier: Apache-2.0
// Matrix products: the device's chain step by step, and float64.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "ops/host_tensor.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::tests::ref {

/// Element of an operand: batch index, row, column.
using Element = std::function<double(const Shape& batch, std::uint64_t i, std::uint64_t j)>;

/// acc = fma(e8m10(a), e8m10(b), acc), k ascending, from init: the contract's bits, as fp32
/// numbers.
inline std::vector<double> matmul_chain(const Shape& batch, std::uint64_t m, std::uint64_t n,
                                        std::uint64_t k, const Element& a, const Element& b,
                                        const Element& init) {
  std::vector<double> result;
  for_each_index(batch, [&](std::uint64_t, const Shape& at) {
    for (std::uint64_t i = 0; i < m; ++i) {
      for (std::uint64_t j = 0; j < n; ++j) {
        float acc = static_cast<float>(init(at, i, j));
        for (std::uint64_t l = 0; l < k; ++l) {
          acc = numerics::fma32(numerics::to_e8m10(static_cast<float>(a(at, i, l))),
                                numerics::to_e8m10(static_cast<float>(b(at, l, j))), acc);
        }
        result.push_back(static_cast<double>(acc));
      }
    }
  });
  return result;
}

}  // namespace tandem::tests::ref

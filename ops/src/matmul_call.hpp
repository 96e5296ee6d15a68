// SPDX-License-Identifier: Apache-2.0
// MATMUL packets from views: operands read in place or through scratch, batches merged or walked.
#pragma once

#include <optional>
#include <string_view>

#include "tandem/ops/context.hpp"
#include "tandem/ops/matmul.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

/// Operands of a matrix product after the checks of the op. Batch axes of all are those of y
/// (stride 0 broadcasts).
struct MatmulCall {
  Context& ctx;
  std::string_view op;
  Tensor a;                        ///< [..., m, k]
  Tensor b;                        ///< [..., k, n] as a view; unused with `weight`.
  const Weight* weight = nullptr;  ///< B of [n, k] without batch axes.
  Tensor y;                        ///< [..., m, n]
  abi::InitMode init = abi::InitMode::kZero;
  PhysAddr bias;
  // ROW_COL only.
  std::optional<Tensor> a_scale;  ///< [..., m]
  PhysAddr b_scale;

  void run();
};

}  // namespace tandem::ops

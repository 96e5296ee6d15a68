// SPDX-License-Identifier: Apache-2.0
// A view of a tensor in device memory.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "tandem/abi/isa.hpp"
#include "tandem/base/phys_addr.hpp"

namespace tandem::ops {

inline constexpr int kMaxRank = 6;

using abi::Dtype;

/// Address, element type, shape and strides; owns nothing. Strides are in bytes, 0 broadcasts.
struct Tensor {
  PhysAddr addr;
  Dtype dtype = Dtype::kF32;
  int rank = 0;
  std::array<std::uint64_t, kMaxRank> shape{};
  std::array<std::uint64_t, kMaxRank> stride{};  ///< Bytes.

  Tensor() = default;
  /// Row-major contiguous.
  Tensor(PhysAddr addr, Dtype dtype, std::span<const std::uint64_t> shape);
  Tensor(PhysAddr addr, Dtype dtype, std::initializer_list<std::uint64_t> shape);

  std::uint64_t elem_bytes() const;
  std::uint64_t numel() const;
  bool is_contiguous() const;
  std::uint64_t dim(int axis) const;  ///< Negative axes count from the end; throws if out of range.

  /// Views; each throws kInvalidArgument with shape and argument when it does not fit.
  Tensor reshape(std::span<const std::uint64_t> shape) const;  ///< Only where no copy is needed.
  Tensor permute(std::span<const int> dims) const;
  Tensor transpose(int axis0, int axis1) const;
  Tensor slice(int axis, std::uint64_t start, std::uint64_t stop, std::uint64_t step = 1) const;
  Tensor broadcast_to(std::span<const std::uint64_t> shape) const;
  Tensor select(int axis, std::uint64_t index) const;  ///< Drops the axis.
  Tensor unsqueeze(int axis) const;

  /// "bf16[3, 17]" for messages.
  std::string describe() const;
};

/// A weight matrix as MATMUL operand B: w[n, k] (Hugging Face layout: output features first), in
/// whatever layout the device reads fastest.
struct Weight {
  abi::BLayout layout = abi::BLayout::kPanels;
  Dtype dtype = Dtype::kF16;
  std::uint64_t n = 0;  ///< Output features.
  std::uint64_t k = 0;  ///< Input features.
  PhysAddr addr;
  std::uint64_t row_stride = 0;  ///< Bytes between panels (or rows).
  // Group-quantised weights only (dtype kU4 or kI8 with group_size != 0).
  std::uint32_t group_size = 0;
  Dtype scale_dtype = Dtype::kNone;
  PhysAddr scale_addr;
  PhysAddr min_addr;
  std::uint64_t scale_row_stride = 0;
};

}  // namespace tandem::ops

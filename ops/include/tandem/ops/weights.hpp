// SPDX-License-Identifier: Apache-2.0
// Making weight matrices of host data: panels, f16 and group-quantised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tandem/ops/tensor.hpp"
#include "tandem/runtime/buffer.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::ops {

/// What narrowing did to the values of a weight.
struct PackReport {
  std::uint64_t values = 0;
  std::uint64_t overflowed = 0;  ///< Finite, but infinite in the stored type.
  std::uint64_t subnormal = 0;   ///< Not zero, below the stored type's normal range: fewer than its
                                 ///< fraction bits are kept.
  void merge(const PackReport& other);
  /// "" if every value kept the stored type's full precision, else one sentence.
  std::string describe() const;
};

/// Bytes of one panel of 32 rows of k elements, which is the distance between panels.
std::uint64_t panel_bytes(Dtype dtype, std::uint64_t k);

/// Writes rows [first_row, first_row + num_rows) of w[n, k] into panels.
///
/// `rows`: row-major elements of `src_type` (f32, f16, bf16, or dst_type), any alignment; num_rows
/// follows from its size and is a multiple of 32 or reaches n. first_row is a multiple of 32.
/// `panels`: the whole weight, ceil(n/32) * panel_bytes. Rows past n in the last panel become zero.
/// dst_type: f16, bf16, f32, or src_type. Calls for disjoint rows may run in parallel.
PackReport pack_panels(Dtype src_type, std::span<const std::byte> rows, Dtype dst_type,
                       std::uint64_t n, std::uint64_t k, std::uint64_t first_row,
                       std::span<std::byte> panels);

/// The same for groups: q one value a byte (u4: 0..15), scales and mins row-major [num_rows, k /
/// group_size] f32 (mins may be empty: +0). `panels`, `scale_panels`, `min_panels`: the whole
/// weight; scales stored as `scale_type`.
PackReport pack_group_panels(Dtype code_type, std::span<const std::int8_t> q,
                             std::span<const float> scales, std::span<const float> mins,
                             std::uint32_t group_size, Dtype scale_type, std::uint64_t n,
                             std::uint64_t k, std::uint64_t first_row, std::span<std::byte> panels,
                             std::span<std::byte> scale_panels, std::span<std::byte> min_panels);

/// A weight that owns its device memory.
struct WeightBuffer {
  Weight weight;
  runtime::Buffer data;
  runtime::Buffer scales;
  runtime::Buffer mins;
  PackReport report;
  std::uint64_t num_bytes() const {
    return data.num_bytes() + scales.num_bytes() + mins.num_bytes();
  }
};

/// How a weight is stored on the device.
struct WeightFormat {
  Dtype dtype = Dtype::kF16;        ///< f16, bf16, f32; u4 or i8 with group_size.
  std::uint32_t group_size = 0;     ///< 16, 32, 64, 128: group-quantised.
  Dtype scale_dtype = Dtype::kF16;  ///< f16 or f32, of group scales and mins.
};

/// Fills a weight in device memory row block by row block, directly in the device's window where it
/// has one. Thread-safety: write_* for disjoint rows may run in parallel where `parallel()`.
class WeightWriter {
 public:
  /// Allocates in `region`; `label` names the weight in messages and findings.
  WeightWriter(runtime::Device& device, const WeightFormat& format, std::uint64_t n,
               std::uint64_t k, std::string_view label, std::string_view region = "weights");

  bool parallel() const { return !window_.empty(); }
  /// Row blocks as pack_panels and pack_group_panels take them.
  PackReport write_rows(Dtype src_type, std::span<const std::byte> rows, std::uint64_t first_row);
  PackReport write_groups(std::span<const std::int8_t> q, std::span<const float> scales,
                          std::span<const float> mins, std::uint64_t first_row);
  /// The finished weight. `report`: merged by the caller from what the writes returned.
  WeightBuffer finish(const PackReport& report = {});

 private:
  runtime::Device& device_;
  WeightFormat format_;
  WeightBuffer result_;
  std::span<std::byte> window_, scale_window_, min_window_;
};

}  // namespace tandem::ops

// SPDX-License-Identifier: Apache-2.0
// Weights in device memory, written row block by row block.
#include "tandem/ops/weights.hpp"

#include <fmt/format.h>

#include <vector>

#include "checks.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::ops {
namespace {

constexpr std::string_view kName = "weight";
constexpr std::uint64_t kRows = abi::kPanelColumns;

std::uint64_t panels_of(std::uint64_t n) { return (n + kRows - 1) / kRows; }

std::uint64_t groups_of(const WeightFormat& format, std::uint64_t k) {
  return format.group_size == 0 ? 0 : (k + format.group_size - 1) / format.group_size;
}

void check_format(const WeightFormat& format, std::uint64_t n, std::uint64_t k) {
  const bool groups = format.group_size != 0;
  const bool fits = groups ? format.dtype == Dtype::kU4 || format.dtype == Dtype::kI8
                           : format.dtype == Dtype::kF16 || format.dtype == Dtype::kBF16 ||
                                 format.dtype == Dtype::kF32 || format.dtype == Dtype::kE4M3 ||
                                 format.dtype == Dtype::kE5M2;
  if (!fits) {
    fail_argument(
        kName, "format", "f16, bf16, f32, e4m3, e5m2, or u4 or i8 with a group size",
        fmt::format("{} with groups of {}", abi::to_string(format.dtype), format.group_size));
  }
  if (groups && format.scale_dtype != Dtype::kF16 && format.scale_dtype != Dtype::kF32) {
    fail_argument(kName, "scale_dtype", "f16 or f32", abi::to_string(format.scale_dtype));
  }
  if (n == 0 || k == 0 || n > 0xFFFFFFFFu || k > 0xFFFFFFFFu) {
    fail_argument(kName, "shape", "1 to 2^32 - 1 rows and columns", fmt::format("[{}, {}]", n, k));
  }
}

/// The part of panels that holds rows from first_row on, as a span at the panel's place.
std::uint64_t offset_of(std::uint64_t first_row, std::uint64_t stride) {
  return first_row / kRows * stride;
}

}  // namespace

WeightWriter::WeightWriter(runtime::Device& device, const WeightFormat& format, std::uint64_t n,
                           std::uint64_t k, std::string_view label, std::string_view region)
    : device_(device), format_(format) {
  check_format(format, n, k);
  Weight& weight = result_.weight;
  weight.layout = abi::BLayout::kPanels;
  weight.dtype = format.dtype;
  weight.n = n;
  weight.k = k;
  weight.row_stride = panel_bytes(format.dtype, k);
  result_.data = device.malloc(region, panels_of(n) * weight.row_stride, label);
  weight.addr = result_.data.addr();
  window_ = device.window(result_.data.addr(), result_.data.num_bytes());
  if (format.group_size == 0) return;
  weight.group_size = format.group_size;
  weight.scale_dtype = format.scale_dtype;
  weight.scale_row_stride = panel_bytes(format.scale_dtype, groups_of(format, k));
  const std::uint64_t bytes = panels_of(n) * weight.scale_row_stride;
  result_.scales = device.malloc(region, bytes, fmt::format("{} scales", label));
  result_.mins = device.malloc(region, bytes, fmt::format("{} mins", label));
  weight.scale_addr = result_.scales.addr();
  weight.min_addr = result_.mins.addr();
  scale_window_ = device.window(weight.scale_addr, bytes);
  min_window_ = device.window(weight.min_addr, bytes);
  if (scale_window_.empty() || min_window_.empty()) window_ = {};
}

PackReport WeightWriter::write_rows(Dtype src_type, std::span<const std::byte> rows,
                                    std::uint64_t first_row) {
  const Weight& weight = result_.weight;
  if (weight.group_size != 0) {
    fail_argument(kName, "rows", "groups (write_groups)", abi::to_string(src_type));
  }
  if (!window_.empty()) {
    return pack_panels(src_type, rows, weight.dtype, weight.n, weight.k, first_row, window_);
  }
  // Packed on their own as a weight of these rows, then copied.
  const std::uint64_t num_rows = rows.size() / (weight.k * bytes_of(src_type));
  std::vector<std::byte> staging(panels_of(num_rows) * weight.row_stride);
  const PackReport report =
      pack_panels(src_type, rows, weight.dtype, num_rows, weight.k, 0, staging);
  device_.copy_in(weight.addr + offset_of(first_row, weight.row_stride), staging);
  return report;
}

PackReport WeightWriter::write_groups(std::span<const std::int8_t> q, std::span<const float> scales,
                                      std::span<const float> mins, std::uint64_t first_row) {
  const Weight& weight = result_.weight;
  if (weight.group_size == 0) {
    fail_argument(kName, "groups", "rows (write_rows)", abi::to_string(weight.dtype));
  }
  const std::uint64_t num_rows = q.size() / weight.k;
  const std::uint64_t scale_bytes = panels_of(num_rows) * weight.scale_row_stride;
  const std::vector<float> zeros(mins.empty() ? scales.size() : 0);
  const std::span<const float> minima = mins.empty() ? std::span<const float>(zeros) : mins;
  if (!window_.empty()) {
    return pack_group_panels(weight.dtype, q, scales, minima, weight.group_size, weight.scale_dtype,
                             weight.n, weight.k, first_row, window_, scale_window_, min_window_);
  }
  std::vector<std::byte> codes(panels_of(num_rows) * weight.row_stride);
  std::vector<std::byte> scale_panels(scale_bytes), min_panels(scale_bytes);
  const PackReport report =
      pack_group_panels(weight.dtype, q, scales, minima, weight.group_size, weight.scale_dtype,
                        num_rows, weight.k, 0, codes, scale_panels, min_panels);
  device_.copy_in(weight.addr + offset_of(first_row, weight.row_stride), codes);
  const std::uint64_t scale_offset = offset_of(first_row, weight.scale_row_stride);
  device_.copy_in(weight.scale_addr + scale_offset, scale_panels);
  device_.copy_in(weight.min_addr + scale_offset, min_panels);
  return report;
}

WeightBuffer WeightWriter::finish(const PackReport& report) {
  result_.report = report;
  return std::move(result_);
}

}  // namespace tandem::ops

// SPDX-License-Identifier: Apache-2.0
// Panels from rows: blocks of 32 rows, converted row by row into a buffer in cache and transposed
// from there.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "checks.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/quant.hpp"
#include "tandem/ops/weights.hpp"

// The loops below vectorise; one build serves every CPU.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)
#define TANDEM_PACK_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TANDEM_PACK_CLONES
#endif

namespace tandem::ops {
namespace {

constexpr std::size_t kRows = abi::kPanelColumns;
constexpr std::size_t kBlock = 64;  ///< Elements along k that are converted at once.

struct Counts {
  std::uint32_t overflowed = 0;
  std::uint32_t subnormal = 0;
};

/// Counts finite values whose magnitude is at least `first_overflow`, and those below
/// `first_normal` but zero. Patterns without sign.
TANDEM_PACK_CLONES Counts count_outside(const std::uint32_t* x, std::size_t count,
                                        std::uint32_t first_overflow, std::uint32_t first_normal) {
  std::uint32_t overflowed = 0, subnormal = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t abs = x[i] & numerics::kF32AbsMask;
    overflowed += (abs >= first_overflow && abs < numerics::kF32Inf) ? 1u : 0u;
    subnormal += (abs - 1u < first_normal - 1u) ? 1u : 0u;
  }
  return {overflowed, subnormal};
}

TANDEM_PACK_CLONES void widen_bf16(const std::uint16_t* x, std::uint32_t* y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] = numerics::bf16_to_f32(x[i]);
}
TANDEM_PACK_CLONES void widen_f16(const std::uint16_t* x, std::uint32_t* y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] = numerics::f16_to_f32(x[i]);
}
TANDEM_PACK_CLONES void narrow_bf16(const std::uint32_t* x, std::uint16_t* y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] = numerics::f32_to_bf16(x[i]);
}
/// numerics::f32_to_f16 without shifts by a variable: a subnormal result is what adding 0.5, whose
/// last place is f16's smallest subnormal, leaves in the low bits.
TANDEM_PACK_CLONES void narrow_f16(const std::uint32_t* x, std::uint16_t* y, std::size_t count) {
  constexpr float kHalf = 0.5f;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t abs = x[i] & numerics::kF32AbsMask;
    const std::uint32_t normal = (abs - (112u << 23) + 0x0FFFu + ((abs >> 13) & 1u)) >> 13;
    const std::uint32_t subnormal =
        numerics::bits_of(numerics::float_of(abs) + kHalf) - numerics::bits_of(kHalf);
    const std::uint32_t finite = abs < 0x38800000u ? subnormal : normal;
    const std::uint32_t bounded = abs >= 0x47800000u ? 0x7C00u : finite;
    const std::uint32_t signed_value = bounded | ((x[i] >> 16) & 0x8000u);
    y[i] = static_cast<std::uint16_t>(abs > numerics::kF32Inf ? numerics::kF16Nan : signed_value);
  }
}

/// y[k][row] = x[row][k] for a block of 32 rows of `count` elements, x with `pitch` elements
/// between rows.
template <class T>
inline __attribute__((always_inline)) void transpose_loop(const T* x, std::size_t pitch, T* y,
                                                          std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t row = 0; row < kRows; ++row) y[k * kRows + row] = x[row * pitch + k];
  }
}
TANDEM_PACK_CLONES void transpose8(const std::uint8_t* x, std::size_t pitch, std::uint8_t* y,
                                   std::size_t count) {
  transpose_loop(x, pitch, y, count);
}
TANDEM_PACK_CLONES void transpose16(const std::uint16_t* x, std::size_t pitch, std::uint16_t* y,
                                    std::size_t count) {
  transpose_loop(x, pitch, y, count);
}
TANDEM_PACK_CLONES void transpose32(const std::uint32_t* x, std::size_t pitch, std::uint32_t* y,
                                    std::size_t count) {
  transpose_loop(x, pitch, y, count);
}

/// Converts `count` elements from one type to another; equal types are copied.
class Converter {
 public:
  Converter(Dtype from, Dtype to) : from_(from), to_(to) {
    if (to == Dtype::kF16) {
      first_overflow_ = 0x477FF000u;  // 65520 rounds to infinity.
      first_normal_ = 0x38800000u;    // 2^-14
    }
    if (to == Dtype::kBF16) {
      first_overflow_ = 0x7F7F8000u;
      first_normal_ = 0x00800000u;
    }
  }

  void run(const std::byte* source, void* target, std::size_t count, PackReport& report) {
    report.values += count;
    if (from_ == to_) {
      std::memcpy(target, source, count * bytes_of(to_));
      return;
    }
    const std::size_t size = bytes_of(from_);
    if (from_ == Dtype::kF32) {
      std::memcpy(wide_.data(), source, count * size);
    } else {
      std::memcpy(half_.data(), source, count * size);
      (from_ == Dtype::kBF16 ? widen_bf16 : widen_f16)(half_.data(), wide_.data(), count);
    }
    if (to_ == Dtype::kF32) {
      std::memcpy(target, wide_.data(), 4 * count);
      return;
    }
    const Counts counts = count_outside(wide_.data(), count, first_overflow_, first_normal_);
    report.overflowed += counts.overflowed;
    report.subnormal += counts.subnormal;
    (to_ == Dtype::kF16 ? narrow_f16 : narrow_bf16)(wide_.data(),
                                                    static_cast<std::uint16_t*>(target), count);
  }

 private:
  Dtype from_, to_;
  std::uint32_t first_overflow_ = ~0u;
  std::uint32_t first_normal_ = 1;
  alignas(64) std::array<std::uint32_t, kBlock> wide_;
  alignas(64) std::array<std::uint16_t, kBlock> half_;
};

void transpose_block(std::size_t elem_bytes, const std::byte* x, std::byte* y, std::size_t count) {
  switch (elem_bytes) {
    case 1:
      return transpose8(reinterpret_cast<const std::uint8_t*>(x), kBlock,
                        reinterpret_cast<std::uint8_t*>(y), count);
    case 2:
      return transpose16(reinterpret_cast<const std::uint16_t*>(x), kBlock,
                         reinterpret_cast<std::uint16_t*>(y), count);
    default:
      return transpose32(reinterpret_cast<const std::uint32_t*>(x), kBlock,
                         reinterpret_cast<std::uint32_t*>(y), count);
  }
}

/// One panel of up to 32 rows; missing rows are zero.
void pack_panel(Dtype from, Dtype to, const std::byte* rows, std::size_t num_rows, std::uint64_t k,
                std::byte* panel, PackReport& report) {
  const std::size_t from_bytes = bytes_of(from), to_bytes = bytes_of(to);
  alignas(64) std::array<std::byte, kRows * kBlock * 4> block{};
  Converter converter(from, to);
  for (std::uint64_t start = 0; start < k; start += kBlock) {
    const std::size_t count = std::min<std::uint64_t>(kBlock, k - start);
    for (std::size_t row = 0; row < num_rows; ++row) {
      converter.run(rows + (row * k + start) * from_bytes, block.data() + row * kBlock * to_bytes,
                    count, report);
    }
    transpose_block(to_bytes, block.data(), panel + start * kRows * to_bytes, count);
  }
}

/// Rows of a call: how many, and the panels they fill.
std::uint64_t check_rows(std::uint64_t num_rows, std::uint64_t first_row, std::uint64_t n) {
  if (first_row % kRows != 0 || first_row + num_rows > n ||
      (num_rows % kRows != 0 && first_row + num_rows != n)) {
    fail_argument("pack_panels", "rows",
                  fmt::format("blocks of 32 rows from a multiple of 32, up to {}", n),
                  fmt::format("{} rows from {}", num_rows, first_row));
  }
  return num_rows;
}

void check_size(std::string_view argument, std::uint64_t expected, std::uint64_t found) {
  if (expected != found) {
    fail_argument("pack_panels", argument, fmt::format("{} bytes", expected),
                  fmt::format("{} bytes", found));
  }
}

bool is_stored_float(Dtype type) {
  return type == Dtype::kF32 || type == Dtype::kF16 || type == Dtype::kBF16;
}

std::uint64_t num_panels(std::uint64_t n) { return (n + kRows - 1) / kRows; }

}  // namespace

void PackReport::merge(const PackReport& other) {
  values += other.values;
  overflowed += other.overflowed;
  subnormal += other.subnormal;
}

std::string PackReport::describe() const {
  if (overflowed == 0 && subnormal == 0) return "";
  return fmt::format(
      "of {} values {} overflow to infinity and {} lie below the normal range, where fraction bits "
      "are lost; store the weight as bf16 to keep the range",
      values, overflowed, subnormal);
}

std::uint64_t panel_bytes(Dtype dtype, std::uint64_t k) {
  return dtype == Dtype::kU4 ? k * kRows / 2 : k * kRows * bytes_of(dtype);
}

PackReport pack_panels(Dtype src_type, std::span<const std::byte> rows, Dtype dst_type,
                       std::uint64_t n, std::uint64_t k, std::uint64_t first_row,
                       std::span<std::byte> panels) {
  const std::uint64_t row_bytes = k * bytes_of(src_type);
  if (src_type != dst_type && !(is_stored_float(src_type) && is_stored_float(dst_type))) {
    fail_argument("pack_panels", "dst_type", "f32, f16, bf16 from those, or the source's type",
                  fmt::format("{} from {}", abi::to_string(dst_type), abi::to_string(src_type)));
  }
  if (bytes_of(dst_type) == 0 || bytes_of(dst_type) > 4) {
    fail_argument("pack_panels", "dst_type", "a type of 1, 2 or 4 bytes", abi::to_string(dst_type));
  }
  if (row_bytes == 0) return {};
  check_size("rows", rows.size() / row_bytes * row_bytes, rows.size());
  const std::uint64_t num_rows = check_rows(rows.size() / row_bytes, first_row, n);
  const std::uint64_t stride = panel_bytes(dst_type, k);
  check_size("panels", num_panels(n) * stride, panels.size());
  PackReport report;
  for (std::uint64_t row = 0; row < num_rows; row += kRows) {
    pack_panel(src_type, dst_type, rows.data() + row * row_bytes,
               std::min<std::uint64_t>(kRows, num_rows - row), k,
               panels.data() + (first_row + row) / kRows * stride, report);
  }
  return report;
}

PackReport pack_group_panels(Dtype code_type, std::span<const std::int8_t> q,
                             std::span<const float> scales, std::span<const float> mins,
                             std::uint32_t group_size, Dtype scale_type, std::uint64_t n,
                             std::uint64_t k, std::uint64_t first_row, std::span<std::byte> panels,
                             std::span<std::byte> scale_panels, std::span<std::byte> min_panels) {
  if (code_type != Dtype::kU4 && code_type != Dtype::kI8) {
    fail_argument("pack_panels", "code_type", "u4 or i8", abi::to_string(code_type));
  }
  if (group_size == 0 || k == 0) {
    fail_argument("pack_panels", "group_size", "groups of at least one element", "none");
  }
  const std::uint64_t groups = (k + group_size - 1) / group_size;
  check_size("q", q.size() / k * k, q.size());
  const std::uint64_t num_rows = check_rows(q.size() / k, first_row, n);
  check_size("scales", num_rows * groups * 4, scales.size_bytes());
  if (!mins.empty()) check_size("mins", num_rows * groups * 4, mins.size_bytes());
  const std::uint64_t stride = panel_bytes(code_type, k);
  check_size("panels", num_panels(n) * stride, panels.size());
  PackReport report = pack_panels(Dtype::kF32, std::as_bytes(scales), scale_type, n, groups,
                                  first_row, scale_panels);
  if (!mins.empty()) {
    report.merge(pack_panels(Dtype::kF32, std::as_bytes(mins), scale_type, n, groups, first_row,
                             min_panels));
  }
  if (code_type == Dtype::kI8) {
    pack_panels(Dtype::kI8, std::as_bytes(q), Dtype::kI8, n, k, first_row, panels);
    return report;
  }
  // Even columns (rows of w) in the low nibble.
  for (std::uint64_t row = 0; row < num_rows; row += kRows) {
    const std::size_t here = std::min<std::uint64_t>(kRows, num_rows - row);
    auto* const panel =
        reinterpret_cast<std::uint8_t*>(panels.data()) + (first_row + row) / kRows * stride;
    const auto* const codes = reinterpret_cast<const std::uint8_t*>(q.data()) + row * k;
    alignas(64) std::array<std::uint8_t, kRows * kBlock> block{}, turned{};
    for (std::uint64_t start = 0; start < k; start += kBlock) {
      const std::size_t count = std::min<std::uint64_t>(kBlock, k - start);
      for (std::size_t i = 0; i < here; ++i) {
        std::memcpy(block.data() + i * kBlock, codes + i * k + start, count);
      }
      transpose8(block.data(), kBlock, turned.data(), count);
      std::uint8_t* const target = panel + start * kRows / 2;
      for (std::size_t i = 0; i < count * kRows / 2; ++i) {
        target[i] = numerics::int4_pack(turned[2 * i], turned[2 * i + 1]);
      }
    }
  }
  return report;
}

}  // namespace tandem::ops

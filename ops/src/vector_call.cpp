// SPDX-License-Identifier: Apache-2.0
#include "vector_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "checks.hpp"
#include "overlap.hpp"
#include "tandem/base/error.hpp"
#include "tandem/numerics/bits.hpp"

namespace tandem::ops {
namespace {

/// Columns from which on another axis becomes rows: devices spread rows over threads, and a row
/// costs little by then.
constexpr std::uint64_t kEnoughCols = 256;
constexpr std::uint64_t kMaxMerged = std::uint64_t{1} << 31;

}  // namespace

void VectorCall::Dims::erase(int at) {
  for (int i = at; i + 1 < count; ++i)
    dim[static_cast<std::size_t>(i)] = dim[static_cast<std::size_t>(i + 1)];
  --count;
}

VectorCall& VectorCall::input(int number, std::string_view name, const Tensor& x) {
  tensor_[static_cast<std::size_t>(number)] = &x;
  name_[static_cast<std::size_t>(number)] = name;
  if (number >= 4 || (program_.inputs >> number & 1) != 0) used_ |= 1u << number;
  return *this;
}

VectorCall& VectorCall::output(int number, std::string_view name, const Tensor& y) {
  return input(number + 4, name, y).saturate(number, y.dtype == Dtype::kE4M3);
}

VectorCall& VectorCall::param(int number, std::uint32_t bits) {
  param_[static_cast<std::size_t>(number)] = bits;
  return *this;
}
VectorCall& VectorCall::param(int number, float value) {
  return param(number, numerics::bits_of(value));
}

VectorCall& VectorCall::saturate(int number, bool on) {
  const auto bit = static_cast<std::uint8_t>(1u << number);
  saturate_ = static_cast<std::uint8_t>(on ? saturate_ | bit : saturate_ & ~bit);
  return *this;
}

VectorCall::Dim VectorCall::dim_of(int axis) const {
  const auto at = static_cast<std::size_t>(axis);
  Dim dim;
  dim.extent = space().shape[at];
  for (int i = 0; i < kOperands; ++i) {
    const auto operand = static_cast<std::size_t>(i);
    if (used(i)) dim.stride[operand] = tensor_[operand]->stride[at];
  }
  return dim;
}

/// Axes of more than one element (all where rows have a meaning), outermost first; false if there
/// is nothing to do.
bool VectorCall::collect(Dims& dims) const {
  const Tensor& shape = space();
  for (int axis = 0; axis < shape.rank; ++axis) {
    const std::uint64_t extent = shape.shape[static_cast<std::size_t>(axis)];
    if (extent == 0) return false;
    if (extent > 0xFFFFFFFFu) {
      fail_argument(op_, name_[4], "less than 2^32 elements on an axis", shape.describe());
    }
    if (extent > 1 || program_.uses_rows) dims.push(dim_of(axis));
  }
  return true;
}

bool VectorCall::can_merge(const Dim& outer, const Dim& inner) const {
  if (outer.extent * inner.extent > kMaxMerged) return false;
  for (std::size_t i = 0; i < kOperands; ++i) {
    if (used(static_cast<int>(i)) && outer.stride[i] != inner.stride[i] * inner.extent)
      return false;
  }
  return true;
}

void VectorCall::merge_rows(Dims& dims) const {
  if (program_.uses_rows) return;
  for (int i = dims.count - 2; i >= 0; --i) {
    Dim& outer = dims.dim[static_cast<std::size_t>(i)];
    const Dim inner = dims.dim[static_cast<std::size_t>(i + 1)];
    if (!can_merge(outer, inner)) continue;
    outer.extent *= inner.extent;
    outer.stride = inner.stride;
    dims.erase(i + 1);
  }
}

void VectorCall::run_elementwise() {
  Dims dims;
  if (!collect(dims)) return;
  Dim column;
  if (dims.count > 0) {
    column = dims.dim[static_cast<std::size_t>(--dims.count)];
    while (dims.count > 0 && column.extent < kEnoughCols && !program_.uses_col &&
           !program_.uses_rows) {
      const Dim& outer = dims.dim[static_cast<std::size_t>(dims.count - 1)];
      if (!can_merge(outer, column)) break;
      column.extent *= outer.extent;
      --dims.count;
    }
  }
  const auto fits = [&](const Dim& dim) {
    return std::ranges::all_of(dim.stride, [](auto stride) { return stride <= kMaxColStride; });
  };
  if (!fits(column)) {
    // Another axis as column, the longest that can be expressed; or columns of one element.
    int best = -1;
    for (int i = 0; i < dims.count; ++i) {
      const Dim& dim = dims.dim[static_cast<std::size_t>(i)];
      if (fits(dim) && (best < 0 || dim.extent > dims.dim[static_cast<std::size_t>(best)].extent)) {
        best = i;
      }
    }
    if (best >= 0) {
      std::swap(column, dims.dim[static_cast<std::size_t>(best)]);
    } else {
      dims.push(column);
      column = {};
    }
  }
  merge_rows(dims);
  submit(dims, column);
}

void VectorCall::run_rows() {
  Dims dims;
  const int last = space().rank - 1;
  if (!collect(dims)) return;
  Dim column = dim_of(last);
  if (column.extent > 1 || program_.uses_rows) --dims.count;
  merge_rows(dims);
  submit(dims, column);
}

/// An output may lie exactly over an input that only the last phase reads; any other overlap is an
/// error.
void VectorCall::check_overlaps(const Dims& rows, const Dim& column) const {
  std::array<Footprint, kOperands> footprint;
  for (int i = 0; i < kOperands; ++i) {
    if (!used(i)) continue;
    const auto at = static_cast<std::size_t>(i);
    Footprint& next = footprint[at];
    next.base = tensor_[at]->addr.value;
    next.elem_bytes = bytes_of(tensor_[at]->dtype);
    for (int d = 0; d < rows.count; ++d) {
      const Dim& dim = rows.dim[static_cast<std::size_t>(d)];
      next.add(dim.extent, dim.stride[at]);
    }
    if (!scalar_output(i)) next.add(column.extent, column.stride[at]);
  }
  const auto exactly = [&](std::size_t a, std::size_t b) {
    bool same = footprint[a].base == footprint[b].base &&
                footprint[a].elem_bytes == footprint[b].elem_bytes &&
                column.stride[a] == column.stride[b];
    for (int d = 0; d < rows.count; ++d) {
      const Dim& dim = rows.dim[static_cast<std::size_t>(d)];
      same = same && dim.stride[a] == dim.stride[b];
    }
    return same;
  };
  for (std::size_t out = 4; out < kOperands; ++out) {
    if (!used(static_cast<int>(out))) continue;
    for (std::size_t other = 0; other < out; ++other) {
      if (!used(static_cast<int>(other)) || !may_overlap(footprint[other], footprint[out]))
        continue;
      const bool early = other >= 4 || (program_.early_inputs >> other & 1) != 0;
      if (!early && !scalar_output(static_cast<int>(out)) && exactly(out, other)) continue;
      const std::string_view relation =
          early ? "memory that does not overlap" : "memory apart from or exactly that of";
      fail_argument(op_, name_[out], fmt::format("{} {}", relation, name_[other]),
                    fmt::format("{} at {:#x} over {} at {:#x}", tensor_[out]->describe(),
                                tensor_[out]->addr.value, tensor_[other]->describe(),
                                tensor_[other]->addr.value));
    }
  }
}

void VectorCall::submit(Dims& rows, const Dim& column) {
  check_overlaps(rows, column);
  // The two longest row axes go into the packet, the others become packets (never with row indices:
  // their order is given).
  TANDEM_CHECK(!program_.uses_rows || rows.count <= 2);
  while (rows.count < 2) {
    for (int i = rows.count; i > 0; --i)
      rows.dim[static_cast<std::size_t>(i)] = rows.dim[static_cast<std::size_t>(i - 1)];
    rows.dim[0] = {};
    ++rows.count;
  }
  const int outer = rows.count - 2;
  if (outer > 0) {
    std::stable_sort(rows.dim.begin(), rows.dim.begin() + rows.count,
                     [](const Dim& a, const Dim& b) { return a.extent < b.extent; });
  }
  const Dim& row0 = rows.dim[static_cast<std::size_t>(outer)];
  const Dim& row1 = rows.dim[static_cast<std::size_t>(outer + 1)];
  abi::VectorPacket packet;
  packet.cols = static_cast<std::uint32_t>(column.extent);
  packet.rows1 = static_cast<std::uint32_t>(row1.extent);
  packet.rows0 = static_cast<std::uint32_t>(row0.extent);
  packet.ucode_start = ctx_.queue().program(program_.words);
  packet.ucode_words = static_cast<std::uint16_t>(program_.words.size());
  packet.out_scalar = program_.scalar_outputs;
  packet.saturate = saturate_;
  packet.param0 = param_[0];
  packet.param1 = param_[1];
  packet.param2 = param_[2];
  packet.param3 = param_[3];
  // Operands are arrays in the packet: types, column strides, and {address, row1 stride, row0
  // stride}.
  auto* const bytes = reinterpret_cast<std::byte*>(&packet);
  const auto put = [&](std::size_t at, auto value) {
    std::memcpy(bytes + at, &value, sizeof value);
  };
  constexpr std::size_t kTypes = offsetof(abi::VectorPacket, in0_type);
  constexpr std::size_t kColStrides = offsetof(abi::VectorPacket, in0_col_stride);
  constexpr std::size_t kAddresses = offsetof(abi::VectorPacket, in0_addr);
  std::array<std::uint64_t, kOperands> address{};
  for (std::size_t i = 0; i < kOperands; ++i) {
    if (!used(static_cast<int>(i))) continue;
    address[i] = tensor_[i]->addr.value;
    put(kTypes + i, tensor_[i]->dtype);
    const bool per_row = scalar_output(static_cast<int>(i));
    put(kColStrides + 2 * i, static_cast<std::uint16_t>(per_row ? 0 : column.stride[i]));
    put(kAddresses + 24 * i, address[i]);
    put(kAddresses + 24 * i + 8, row1.stride[i]);
    put(kAddresses + 24 * i + 16, row0.stride[i]);
  }
  std::array<std::uint64_t, kMaxDims> index{};
  while (true) {
    ctx_.submit(packet);
    int at = outer - 1;
    for (; at >= 0; --at) {
      const Dim& dim = rows.dim[static_cast<std::size_t>(at)];
      const bool wraps = ++index[static_cast<std::size_t>(at)] == dim.extent;
      if (wraps) index[static_cast<std::size_t>(at)] = 0;
      for (std::size_t i = 0; i < kOperands; ++i) {
        if (wraps) {
          address[i] -= (dim.extent - 1) * dim.stride[i];
        } else {
          address[i] += dim.stride[i];
        }
      }
      if (!wraps) break;
    }
    if (at < 0) return;
    for (std::size_t i = 0; i < kOperands; ++i) {
      if (used(static_cast<int>(i))) put(kAddresses + 24 * i, address[i]);
    }
  }
}

}  // namespace tandem::ops

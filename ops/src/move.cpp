// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/move.hpp"

#include <fmt/format.h>

#include <cmath>

#include "checks.hpp"
#include "loops.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::ops {
namespace {

/// COPY packets of x, which has y's shape and type.
void copy_view(Context& ctx, std::string_view op, const Tensor& x, const Tensor& y) {
  if (y.numel() == 0) return;
  check_apart(op, "x", x, "y", y);
  Loops<2> loops;
  for (int i = 0; i < y.rank; ++i) loops.add(y.shape[i], {x.stride[i], y.stride[i]});
  abi::CopyPacket packet;
  const auto dim3 = loops.inner(0), dim2 = loops.inner(1), dim1 = loops.inner(2),
             dim0 = loops.inner(3);
  packet.extent0 = static_cast<std::uint32_t>(dim0.extent);
  packet.extent1 = static_cast<std::uint32_t>(dim1.extent);
  packet.extent2 = static_cast<std::uint32_t>(dim2.extent);
  packet.extent3 = static_cast<std::uint32_t>(dim3.extent);
  packet.elem_bytes = static_cast<std::uint8_t>(y.elem_bytes());
  packet.src_stride0 = dim0.stride[0];
  packet.src_stride1 = dim1.stride[0];
  packet.src_stride2 = dim2.stride[0];
  packet.src_stride3 = dim3.stride[0];
  packet.dst_stride0 = dim0.stride[1];
  packet.dst_stride1 = dim1.stride[1];
  packet.dst_stride2 = dim2.stride[1];
  packet.dst_stride3 = dim3.stride[1];
  loops.for_each_outer(4, [&](const Loops<2>::Offsets& offset) {
    packet.src_addr = x.addr.value + offset[0];
    packet.dst_addr = y.addr.value + offset[1];
    ctx.submit(packet);
  });
}

void check_moved(std::string_view op, const Tensor& x, const Tensor& y) {
  check_same_dtype(op, "y", y, "x", x);
}

/// The bits of `value` in a type.
std::uint64_t bits_of_value(Dtype type, double value) {
  using namespace numerics;
  const std::uint32_t single = bits_of(static_cast<float>(value));
  switch (type) {
    case Dtype::kF32:
      return is_nan_bits(single) ? kF32Nan : single;
    case Dtype::kBF16:
      return f32_to_bf16(single);
    case Dtype::kF16:
      return f32_to_f16(single);
    case Dtype::kE4M3:
      return f32_to_e4m3(single, Fp8Overflow::kSaturate);
    case Dtype::kE5M2:
      return f32_to_e5m2(single, Fp8Overflow::kNonSaturate);
    default:
      break;
  }
  const double low = type == Dtype::kU8 || type == Dtype::kU16
                         ? 0.0
                         : -std::ldexp(1.0, static_cast<int>(8 * bytes_of(type)) - 1);
  const double high = std::ldexp(1.0, static_cast<int>(8 * bytes_of(type)) - (low < 0 ? 1 : 0));
  if (!(value >= low && value < high)) {
    fail_argument("fill", "value", fmt::format("a value from {} to below {}", low, high),
                  fmt::format("{}", value));
  }
  const auto integer = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
  const std::uint64_t bits = 8 * bytes_of(type);
  return bits == 64 ? integer : integer & ((std::uint64_t{1} << bits) - 1);
}

}  // namespace

void fill(Context& ctx, const Tensor& y, double value) {
  fill_bits(ctx, y, bits_of_value(y.dtype, value));
}

void fill_bits(Context& ctx, const Tensor& y, std::uint64_t bits) {
  OpGuard guard(ctx, "fill", {&y});
  if (y.elem_bytes() < 8 && bits >> (8 * y.elem_bytes()) != 0) {
    fail_argument("fill", "bits",
                  fmt::format("at most {} bits for {}", 8 * y.elem_bytes(), y.describe()),
                  fmt::format("{:#x}", bits));
  }
  Loops<1> loops;
  for (int i = 0; i < y.rank; ++i) loops.add(y.shape[i], {y.stride[i]});
  abi::FillPacket packet;
  const auto dim3 = loops.inner(0), dim2 = loops.inner(1), dim1 = loops.inner(2),
             dim0 = loops.inner(3);
  packet.extent0 = static_cast<std::uint32_t>(dim0.extent);
  packet.extent1 = static_cast<std::uint32_t>(dim1.extent);
  packet.extent2 = static_cast<std::uint32_t>(dim2.extent);
  packet.extent3 = static_cast<std::uint32_t>(dim3.extent);
  packet.elem_bytes = static_cast<std::uint8_t>(y.elem_bytes());
  packet.value = bits;
  packet.dst_stride0 = dim0.stride[0];
  packet.dst_stride1 = dim1.stride[0];
  packet.dst_stride2 = dim2.stride[0];
  packet.dst_stride3 = dim3.stride[0];
  loops.for_each_outer(4, [&](const Loops<1>::Offsets& offset) {
    packet.dst_addr = y.addr.value + offset[0];
    ctx.submit(packet);
  });
}

void copy(Context& ctx, const Tensor& x, const Tensor& y) {
  OpGuard guard(ctx, "copy", {&x, &y});
  check_moved("copy", x, y);
  copy_view(ctx, "copy", check_broadcast("copy", "x", x, shape_of(y)), y);
}

void transpose(Context& ctx, const Tensor& x, int axis0, int axis1, const Tensor& y) {
  OpGuard guard(ctx, "transpose", {&x, &y});
  check_moved("transpose", x, y);
  const Tensor view =
      x.transpose(check_axis("transpose", axis0, x), check_axis("transpose", axis1, x));
  check_shape("transpose", "y", y, shape_of(view));
  copy_view(ctx, "transpose", view, y);
}

void permute(Context& ctx, const Tensor& x, std::span<const int> dims, const Tensor& y) {
  OpGuard guard(ctx, "permute", {&x, &y});
  check_moved("permute", x, y);
  const Tensor view = x.permute(dims);
  check_shape("permute", "y", y, shape_of(view));
  copy_view(ctx, "permute", view, y);
}

void slice(Context& ctx, const Tensor& x, int axis, std::uint64_t start, std::uint64_t stop,
           std::uint64_t step, const Tensor& y) {
  OpGuard guard(ctx, "slice", {&x, &y});
  check_moved("slice", x, y);
  const Tensor view = x.slice(axis, start, stop, step);
  check_shape("slice", "y", y, shape_of(view));
  copy_view(ctx, "slice", view, y);
}

void concat(Context& ctx, std::span<const Tensor> x, int axis, const Tensor& y) {
  OpGuard guard(ctx, "concat", {&y});
  const int at = check_axis("concat", axis, y);
  std::uint64_t start = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::string name = fmt::format("x[{}]", i);
    check_same_dtype("concat", name, x[i], "y", y);
    Tensor expected = y;
    expected.shape[at] = x[i].rank == y.rank ? x[i].shape[at] : 0;
    check_shape("concat", name, x[i], shape_of(expected));
    start += x[i].shape[at];
  }
  if (start != y.shape[at]) {
    fail_argument("concat", "y",
                  fmt::format("{} elements on axis {}, the sum of the inputs", start, at),
                  y.describe());
  }
  start = 0;
  for (const Tensor& part : x) {
    copy_view(ctx, "concat", part, y.slice(at, start, start + part.shape[at]));
    start += part.shape[at];
  }
}

void repeat_kv(Context& ctx, const Tensor& x, std::uint64_t repeats, const Tensor& y) {
  OpGuard guard(ctx, "repeat_kv", {&x, &y});
  check_moved("repeat_kv", x, y);
  check_rank("repeat_kv", "x", x, 4);
  check_shape("repeat_kv", "y", y, {x.shape[0], x.shape[1] * repeats, x.shape[2], x.shape[3]});
  if (y.numel() == 0) return;
  const std::uint64_t grouped[] = {x.shape[0], x.shape[1], repeats, x.shape[2], x.shape[3]};
  copy_view(ctx, "repeat_kv", x.unsqueeze(2).broadcast_to(grouped), y.reshape(grouped));
}

void broadcast_to(Context& ctx, const Tensor& x, const Tensor& y) {
  OpGuard guard(ctx, "broadcast_to", {&x, &y});
  check_moved("broadcast_to", x, y);
  copy_view(ctx, "broadcast_to", check_broadcast("broadcast_to", "x", x, shape_of(y)), y);
}

void reshape(Context& ctx, const Tensor& x, const Tensor& y) {
  OpGuard guard(ctx, "reshape", {&x, &y});
  check_moved("reshape", x, y);
  if (x.numel() != y.numel()) {
    fail_argument("reshape", "y", fmt::format("{} elements as x {}", x.numel(), x.describe()),
                  y.describe());
  }
  if (x.is_contiguous()) return copy_view(ctx, "reshape", x.reshape(shape_of(y)), y);
  if (y.is_contiguous()) return copy_view(ctx, "reshape", x, y.reshape(shape_of(x)));
  const Tensor dense = ctx.scratch_tensor(x.dtype, shape_of(x));
  copy_view(ctx, "reshape", x, dense);
  copy_view(ctx, "reshape", dense.reshape(shape_of(y)), y);
}

}  // namespace tandem::ops

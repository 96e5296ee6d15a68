// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/matmul.hpp"

#include <fmt/format.h>

#include "checks.hpp"
#include "matmul_call.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/ops/cast.hpp"
#include "tandem/ops/move.hpp"

namespace tandem::ops {
namespace {

void check_extent(std::string_view op, std::string_view argument, const Tensor& x) {
  for (int i = 0; i < x.rank; ++i) {
    if (x.shape[i] > 0xFFFFFFFFu) {
      fail_argument(op, argument, "less than 2^32 elements on an axis", x.describe());
    }
  }
}

void check_matrix(std::string_view op, std::string_view argument, const Tensor& x) {
  if (x.rank < 2) fail_argument(op, argument, "at least 2 axes", x.describe());
  check_extent(op, argument, x);
}

/// x broadcast to y's batch axes, its own last two kept.
Tensor broadcast_batch(std::string_view op, std::string_view argument, const Tensor& x,
                       const Tensor& y) {
  Tensor wanted = y;
  for (int i = 1; i <= 2; ++i) wanted.shape[y.rank - i] = x.shape[x.rank - i];
  return check_broadcast(op, argument, x, shape_of(wanted));
}

void check_y_type(std::string_view op, const Tensor& y, bool integer) {
  if (integer) return check_dtype(op, "y", y, {Dtype::kI32});
  check_float(op, "y", y);
}

/// bias[n] where the packet can read it.
PhysAddr bias_address(Context& ctx, std::string_view op, const Tensor& bias, std::uint64_t n,
                      bool integer) {
  check_shape(op, "bias", bias, {n});
  if (integer) {
    check_dtype(op, "bias", bias, {Dtype::kI32});
  } else {
    check_float(op, "bias", bias);
  }
  const Dtype wanted = integer ? Dtype::kI32 : Dtype::kF32;
  if (bias.dtype == wanted && bias.is_contiguous()) return bias.addr;
  const Tensor dense = ctx.scratch_tensor(wanted, shape_of(bias));
  cast(ctx, bias, dense);
  return dense.addr;
}

void set_init(MatmulCall& call, const MatmulOptions& options, bool integer) {
  if (options.bias && options.accumulate) {
    fail_argument(call.op, "options", "bias or accumulate", "both");
  }
  if (options.accumulate) call.init = abi::InitMode::kAccumulate;
  if (!options.bias) return;
  call.init = abi::InitMode::kBias;
  call.bias =
      bias_address(call.ctx, call.op, *options.bias, call.y.shape[call.y.rank - 1], integer);
}

/// The product over no k: the initial value alone.
void initial_value(Context& ctx, const Tensor& y, const MatmulOptions& options) {
  if (options.accumulate) return;
  if (!options.bias) return fill_bits(ctx, y, 0);
  cast(ctx, *options.bias, y);
}

void check_weight(std::string_view op, const Weight& w) {
  const bool groups = w.group_size != 0;
  const auto found = [&] {
    return fmt::format("{} with groups of {}", abi::to_string(w.dtype), w.group_size);
  };
  if (w.n == 0 || w.n > 0xFFFFFFFFu || w.k > 0xFFFFFFFFu) {
    fail_argument(op, "w", "1 to 2^32 - 1 rows and columns", fmt::format("[{}, {}]", w.n, w.k));
  }
  if (!groups && !is_float(w.dtype)) {
    fail_argument(op, "w", "a float type, or u4 or i8 with groups", found());
  }
  if (groups && w.dtype != Dtype::kU4 && w.dtype != Dtype::kI8) {
    fail_argument(op, "w", "u4 or i8 with groups", found());
  }
  if (groups && w.group_size != 16 && w.group_size != 32 && w.group_size != 64 &&
      w.group_size != 128) {
    fail_argument(op, "w", "groups of 16, 32, 64 or 128", found());
  }
}

/// A vector seen as a matrix of one row.
Tensor as_matrix(const Tensor& x) { return x.rank == 1 ? x.unsqueeze(0) : x; }

void run_linear(Context& ctx, std::string_view op, const Tensor& x, const Weight& w,
                const Tensor& y, const MatmulOptions& options) {
  if (options.transpose_a || options.transpose_b) {
    fail_argument(op, "options", "no transposes", "transpose_a or transpose_b");
  }
  check_weight(op, w);
  check_float(op, "x", x);
  check_y_type(op, y, false);
  if (x.rank == 0) fail_argument(op, "x", fmt::format("shape [..., {}]", w.k), x.describe());
  Tensor expected = x;
  expected.shape[x.rank - 1] = w.k;
  check_shape(op, "x", x, shape_of(expected));
  expected.shape[x.rank - 1] = w.n;
  check_shape(op, "y", y, shape_of(expected));
  if (y.numel() == 0) return;
  if (w.k == 0) return initial_value(ctx, y, options);
  MatmulCall call{.ctx = ctx, .op = op, .a = as_matrix(x), .weight = &w, .y = as_matrix(y)};
  set_init(call, options, false);
  call.run();
}

}  // namespace

void matmul(Context& ctx, const Tensor& a, const Tensor& b, const Tensor& y,
            const MatmulOptions& options) {
  constexpr std::string_view kName = "matmul";
  OpGuard guard(ctx, kName, {&a, &b, options.bias ? &*options.bias : nullptr, &y});
  check_matrix(kName, "a", a);
  check_matrix(kName, "b", b);
  check_matrix(kName, "y", y);
  const bool integer = a.dtype == Dtype::kI8;
  if (integer) {
    check_dtype(kName, "b", b, {Dtype::kI8});
  } else {
    check_float(kName, "a", a);
    check_float(kName, "b", b);
  }
  check_y_type(kName, y, integer);
  const Tensor rows = options.transpose_a ? a.transpose(-1, -2) : a;
  const Tensor cols = options.transpose_b ? b.transpose(-1, -2) : b;
  const std::uint64_t m = rows.shape[rows.rank - 2], k = rows.shape[rows.rank - 1];
  const std::uint64_t n = cols.shape[cols.rank - 1];
  if (cols.shape[cols.rank - 2] != k) {
    fail_argument(kName, "b", fmt::format("k = {} as in a {}", k, a.describe()), b.describe());
  }
  Tensor expected = y;
  expected.shape[y.rank - 2] = m;
  expected.shape[y.rank - 1] = n;
  check_shape(kName, "y", y, shape_of(expected));
  const Tensor wide_a = broadcast_batch(kName, "a", rows, y);
  const Tensor wide_b = broadcast_batch(kName, "b", cols, y);
  if (y.numel() == 0) return;
  if (k == 0) return initial_value(ctx, y, options);
  MatmulCall call{.ctx = ctx, .op = kName, .a = wide_a, .b = wide_b, .y = y};
  set_init(call, options, integer);
  call.run();
}

void linear(Context& ctx, const Tensor& x, const Weight& w, const Tensor& y,
            const MatmulOptions& options) {
  OpGuard guard(ctx, "linear", {&x, options.bias ? &*options.bias : nullptr, &y});
  run_linear(ctx, "linear", x, w, y, options);
}

void matmul_w8a8(Context& ctx, const Tensor& a, const Tensor& a_scale, const Tensor& w,
                 const Tensor& w_scale, const Tensor& y, const std::optional<Tensor>& bias) {
  constexpr std::string_view kName = "matmul_w8a8";
  OpGuard guard(ctx, kName, {&a, &a_scale, &w, &w_scale, bias ? &*bias : nullptr, &y});
  check_matrix(kName, "a", a);
  check_rank(kName, "w", w, 2);
  check_extent(kName, "w", w);
  check_dtype(kName, "a", a, {Dtype::kI8});
  check_dtype(kName, "w", w, {Dtype::kI8});
  check_dtype(kName, "a_scale", a_scale, {Dtype::kF32});
  check_dtype(kName, "w_scale", w_scale, {Dtype::kF32});
  check_float(kName, "y", y);
  const std::uint64_t k = a.shape[a.rank - 1], n = w.shape[0];
  check_shape(kName, "w", w, {n, k});
  check_shape(kName, "w_scale", w_scale, {n});
  Tensor expected = a;
  --expected.rank;
  check_shape(kName, "a_scale", a_scale, shape_of(expected));
  expected.shape[static_cast<std::size_t>(expected.rank++)] = n;
  check_shape(kName, "y", y, shape_of(expected));
  if (y.numel() == 0) return;
  if (k == 0 && !bias) return fill_bits(ctx, y, 0);
  if (k == 0) fail_argument(kName, "a", "k of at least 1 with a bias", a.describe());
  const auto dense = [&](const Tensor& x) {
    if (x.is_contiguous()) return x;
    const Tensor packed = ctx.scratch_tensor(x.dtype, shape_of(x));
    copy(ctx, x, packed);
    return packed;
  };
  MatmulCall call{.ctx = ctx,
                  .op = kName,
                  .a = a,
                  .b = broadcast_batch(kName, "w", w.transpose(0, 1), y),
                  .y = y};
  call.a_scale = dense(a_scale);
  call.b_scale = dense(w_scale).addr;
  if (bias) {
    call.init = abi::InitMode::kBias;
    call.bias = bias_address(ctx, kName, *bias, n, true);
  }
  call.run();
}

void matmul_group_quantised(Context& ctx, const Tensor& a, const Tensor& q, const Tensor& scale,
                            const std::optional<Tensor>& min, std::uint32_t group_size,
                            const Tensor& y, const MatmulOptions& options) {
  constexpr std::string_view kName = "matmul_group_quantised";
  OpGuard guard(ctx, kName, {&a, &q, &scale, min ? &*min : nullptr, &y});
  check_rank(kName, "q", q, 2);
  check_dtype(kName, "q", q, {Dtype::kI8, Dtype::kU8});
  check_dtype(kName, "scale", scale, {Dtype::kF16, Dtype::kF32});
  if (a.rank == 0) fail_argument(kName, "a", "at least 1 axis", a.describe());
  if (group_size == 0) fail_argument(kName, "group_size", "16, 32, 64 or 128", "0");
  const std::uint64_t k = a.shape[a.rank - 1], n = q.shape[0];
  const bool nibbles = q.dtype == Dtype::kU8;
  const std::uint64_t groups = (k + group_size - 1) / group_size;
  check_shape(kName, "q", q, {n, nibbles ? (k + 1) / 2 : k});
  check_shape(kName, "scale", scale, {n, groups});
  if (min) {
    check_same_dtype(kName, "min", *min, "scale", scale);
    check_shape(kName, "min", *min, {n, groups});
  }
  if (y.numel() == 0) return;
  const auto rows = [&](const Tensor& x) {
    if (x.shape[1] <= 1 || x.stride[1] == x.elem_bytes()) return x;
    const Tensor packed = ctx.scratch_tensor(x.dtype, shape_of(x));
    copy(ctx, x, packed);
    return packed;
  };
  Tensor mins = min ? rows(*min) : ctx.scratch_tensor(scale.dtype, shape_of(scale));
  Tensor scales = rows(scale);
  if (!min) fill_bits(ctx, mins, 0);
  if (mins.stride[0] != scales.stride[0] && n > 1) {
    // The packet has one distance between rows for both.
    for (Tensor* part : {&mins, &scales}) {
      if (part->is_contiguous()) continue;
      const Tensor packed = ctx.scratch_tensor(part->dtype, shape_of(*part));
      copy(ctx, *part, packed);
      *part = packed;
    }
  }
  const Tensor codes = rows(q);
  const auto distance = [n](const Tensor& x) { return n > 1 ? x.stride[0] : x.elem_bytes(); };
  const Weight weight{.layout = abi::BLayout::kNk,
                      .dtype = nibbles ? Dtype::kU4 : Dtype::kI8,
                      .n = n,
                      .k = k,
                      .addr = codes.addr,
                      .row_stride = distance(codes),
                      .group_size = group_size,
                      .scale_dtype = scale.dtype,
                      .scale_addr = scales.addr,
                      .min_addr = mins.addr,
                      .scale_row_stride = distance(scales)};
  run_linear(ctx, kName, a, weight, y, options);
}

}  // namespace tandem::ops

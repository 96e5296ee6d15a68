// SPDX-License-Identifier: Apache-2.0
// Rows of a table by token id, also from weights in panels, where a row is a column of a panel.
#include <fmt/format.h>

#include "checks.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/micro_ops.hpp"
#include "tandem/ops/cast.hpp"
#include "tandem/ops/index.hpp"
#include "vector_call.hpp"

namespace tandem::ops {
namespace {

constexpr std::string_view kName = "embedding";
constexpr std::uint64_t kPanel = abi::kPanelColumns;

const char kPlaceKey = 0;
const char kDequantKey = 0;
const char kNibbleKey = 0;

/// ids as [tokens], y as [tokens, dim].
struct Tokens {
  Tensor ids, y;
};
Tokens flatten(Context& ctx, const Tensor& ids, const Tensor& y, std::uint64_t dim) {
  check_index_type(kName, "ids", ids);
  Tensor expected = ids;
  if (ids.rank == kMaxRank) {
    fail_argument(kName, "ids", fmt::format("at most {} axes", kMaxRank - 1), ids.describe());
  }
  expected.shape[static_cast<std::size_t>(expected.rank++)] = dim;
  check_shape(kName, "y", y, shape_of(expected));
  const std::uint64_t tokens[] = {ids.numel()};
  const std::uint64_t rows[] = {ids.numel(), dim};
  (void)ctx;
  return {ids.reshape(tokens), y.reshape(rows)};
}

/// place[t] = (id / 32) * panel_step + (id % 32) / per_unit, or -1 for an id that is not below n:
/// an index into panels.
Tensor places(Context& ctx, const Tensor& ids, std::uint64_t n, std::uint64_t panel_step,
              unsigned unit_shift) {
  const Tensor place = ctx.scratch_tensor(Dtype::kI32, shape_of(ids));
  const Program& program = ctx.program(&kPlaceKey, unit_shift, [&] {
    return build_one(kName, [&](Graph& graph) {
      const Expr id = graph.input(0);
      const Expr panel = mull(shr(id, Expr::imm(5)), graph.param(1));
      const Expr column = shr(and_(id, Expr::imm(31)), Expr::imm(unit_shift));
      return sel(ult(id, graph.param(0)), iadd(panel, column), Expr::imm(~0u));
    });
  });
  VectorCall(ctx, kName, program)
      .input(0, "ids", ids)
      .output(0, "y", place)
      .param(0, static_cast<std::uint32_t>(n))
      .param(1, static_cast<std::uint32_t>(panel_step))
      .run_elementwise();
  return place;
}

/// dst[t, j] = element (id[t], j) of panels: a GATHER that takes `place[t]` in units of elem_bytes
/// and walks a row of a panel by `row_bytes`.
void gather_panels(Context& ctx, PhysAddr panels, const Tensor& place, std::uint64_t limit,
                   std::uint64_t row_bytes, const Tensor& dst) {
  abi::GatherPacket packet;
  packet.extent0 = 1;
  packet.extent1 = static_cast<std::uint32_t>(dst.shape[0]);
  packet.extent2 = static_cast<std::uint32_t>(dst.shape[1]);
  packet.limit = static_cast<std::uint32_t>(limit);
  packet.elem_bytes = static_cast<std::uint8_t>(dst.elem_bytes());
  packet.index_type = Dtype::kI32;
  packet.src_addr = panels.value;
  packet.src_index_stride = dst.elem_bytes();
  packet.src_stride2 = row_bytes;
  packet.dst_addr = dst.addr.value;
  packet.dst_stride1 = dst.stride[0];
  packet.dst_stride2 = dst.stride[1];
  packet.index_addr = place.addr.value;
  packet.index_stride1 = place.stride[0];
  ctx.submit(packet);
}

/// Gathers rows of `width` elements of `type` from panels whose distance is `panel_bytes`, 32 /
/// per_unit units a row.
Tensor panel_rows(Context& ctx, PhysAddr panels, std::uint64_t panel_bytes, std::uint64_t n,
                  const Tensor& ids, std::uint64_t width, Dtype type, unsigned unit_shift,
                  const Tensor* into = nullptr) {
  const std::uint64_t size = bytes_of(type);
  const std::uint64_t units = kPanel >> unit_shift;
  const std::uint64_t num_panels = (n + kPanel - 1) / kPanel;
  const std::uint64_t limit = (num_panels - 1) * (panel_bytes / size) + units;
  if (limit > 0x7FFFFFFFu) {
    fail_argument(kName, "table", "less than 2^31 elements in panels", fmt::format("{} rows", n));
  }
  const std::uint64_t shape[] = {ids.shape[0], width};
  const Tensor rows = into != nullptr ? *into : ctx.scratch_tensor(type, shape);
  const Tensor place = places(ctx, ids, n, panel_bytes / size, unit_shift);
  gather_panels(ctx, panels, place, limit, units * size, rows);
  return rows;
}

void from_panels(Context& ctx, const Weight& table, const Tokens& tokens) {
  const bool direct = tokens.y.dtype == table.dtype;
  const Tensor rows = panel_rows(ctx, table.addr, table.row_stride, table.n, tokens.ids, table.k,
                                 table.dtype, 0, direct ? &tokens.y : nullptr);
  if (!direct) cast(ctx, rows, tokens.y);
}

/// q of U4 rows: the nibble that belongs to the id's parity.
Tensor unpack_nibbles(Context& ctx, const Tensor& bytes, const Tensor& ids) {
  const Program& program = ctx.program(&kNibbleKey, 0, [] {
    return build_one(kName, [](Graph& graph) {
      const Expr shift = shl(and_(graph.input(1), Expr::imm(1)), Expr::imm(2));
      return and_(shr(graph.input(0), shift), Expr::imm(15));
    });
  });
  const Tensor q = ctx.scratch_tensor(Dtype::kU8, shape_of(bytes));
  const Tensor wide_ids = check_broadcast(kName, "ids", ids.unsqueeze(1), shape_of(bytes));
  VectorCall(ctx, kName, program)
      .input(0, "q", bytes)
      .input(1, "ids", wide_ids)
      .output(0, "y", q)
      .run_elementwise();
  return q;
}

/// y = fma(scale, q, min) where q [tokens, dim], scale and min [tokens, groups].
void dequantise(Context& ctx, const Tensor& q, const Tensor& scale, const Tensor& min,
                std::uint64_t group, const Tensor& y) {
  const Program& program = ctx.program(&kDequantKey, 0, [] {
    return build_one(kName, [](Graph& graph) {
      return fma(graph.input(1), i2f(graph.input(0)), graph.input(2));
    });
  });
  const std::uint64_t dim = q.shape[1];
  const std::uint64_t whole = dim / group * group;
  const auto part = [&](std::uint64_t start, std::uint64_t stop, std::uint64_t width) {
    if (start == stop) return;
    const std::uint64_t shape[] = {q.shape[0], (stop - start) / width, width};
    const auto grouped = [&](const Tensor& x) {
      Tensor view = x.slice(1, start, stop).unsqueeze(2);
      view.shape = {shape[0], shape[1], shape[2]};
      view.stride = {x.stride[0], width * x.stride[1], x.stride[1]};
      return view;
    };
    const auto per_group = [&](const Tensor& x) {
      const Tensor view = x.slice(1, start / group, start / group + shape[1]).unsqueeze(2);
      return view.broadcast_to(shape);
    };
    const Tensor q_part = grouped(q), y_part = grouped(y);
    const Tensor scale_part = per_group(scale), min_part = per_group(min);
    VectorCall(ctx, kName, program)
        .input(0, "q", q_part)
        .input(1, "scale", scale_part)
        .input(2, "min", min_part)
        .output(0, "y", y_part)
        .run_elementwise();
  };
  part(0, whole, group);
  part(whole, dim, dim - whole);
}

void from_groups(Context& ctx, const Weight& table, const Tokens& tokens) {
  const std::uint64_t groups = (table.k + table.group_size - 1) / table.group_size;
  const bool nibbles = table.dtype == Dtype::kU4;
  Tensor q = panel_rows(ctx, table.addr, table.row_stride, table.n, tokens.ids, table.k,
                        nibbles ? Dtype::kU8 : Dtype::kI8, nibbles ? 1 : 0);
  if (nibbles) q = unpack_nibbles(ctx, q, tokens.ids);
  const auto per_group = [&](PhysAddr addr) {
    return panel_rows(ctx, addr, table.scale_row_stride, table.n, tokens.ids, groups,
                      table.scale_dtype, 0);
  };
  dequantise(ctx, q, per_group(table.scale_addr), per_group(table.min_addr), table.group_size,
             tokens.y);
}

}  // namespace

void embedding(Context& ctx, const Tensor& table, const Tensor& ids, const Tensor& y) {
  OpGuard guard(ctx, kName, {&table, &ids, &y});
  check_rank(kName, "table", table, 2);
  const Tokens tokens = flatten(ctx, ids, y, table.shape[1]);
  if (y.numel() == 0) return;
  if (table.dtype == y.dtype) return index_select(ctx, table, 0, tokens.ids, tokens.y);
  check_float(kName, "table", table);
  check_float(kName, "y", y);
  const Tensor rows = ctx.scratch_tensor(table.dtype, shape_of(tokens.y));
  index_select(ctx, table, 0, tokens.ids, rows);
  cast(ctx, rows, tokens.y);
}

void embedding(Context& ctx, const Weight& table, const Tensor& ids, const Tensor& y) {
  OpGuard guard(ctx, kName, {&ids, &y});
  const Tokens tokens = flatten(ctx, ids, y, table.k);
  if (y.numel() == 0) return;
  if (table.layout == abi::BLayout::kPanels) {
    if (table.group_size != 0) {
      check_float(kName, "y", y);
      return from_groups(ctx, table, tokens);
    }
    if (y.dtype != table.dtype) check_float(kName, "y", y);
    return from_panels(ctx, table, tokens);
  }
  if (table.layout == abi::BLayout::kNk && table.group_size == 0) {
    Tensor rows(table.addr, table.dtype, {table.n, table.k});
    rows.stride[0] = table.row_stride;
    return embedding(ctx, rows, ids, y);
  }
  fail_argument(kName, "table", "panels, or plain rows [n, k]",
                fmt::format("{} in layout {}", abi::to_string(table.dtype),
                            abi::enum_name("b_layout", static_cast<std::uint64_t>(table.layout))));
}

}  // namespace tandem::ops

// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/attention.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checks.hpp"
#include "tandem/numerics/functions.hpp"
#include "tandem/ops/cast.hpp"
#include "tandem/ops/move.hpp"
#include "vector_call.hpp"

namespace tandem::ops {
namespace {

constexpr std::string_view kName = "sdpa";
const char kScoresKey = 0;
const char kAppendKey = 0;

/// Scratch for the scores of a block, and its rows: few where keys can be left out, as many as fit
/// otherwise.
constexpr std::uint64_t kBlockBytes = std::uint64_t{4} << 20;
constexpr std::uint64_t kMinBlockRows = 16;
constexpr std::uint64_t kCausalBlockRows = 32;
constexpr std::uint32_t kNoWindow = 0x80000000u;

/// What the softmax program depends on.
struct Variant {
  bool visible = false;  ///< Causal or window, from row and column index.
  bool softcap = false;
  bool mask = false;       ///< Input 1.
  bool first_key = false;  ///< Input 2.
  bool offsets = false;    ///< Input 3.
  bool row_is_query = false;
  bool zero_masked = false;
  bool own_key = false;  ///< Visible whatever mask and first_key say.
  std::uint64_t bits() const {
    return visible | softcap << 1 | mask << 2 | first_key << 3 | offsets << 4 | row_is_query << 5 |
           zero_masked << 6 | own_key << 7;
  }
};

/// Softmax of a row of scores: input 0; p0 = scale (over soft-cap), p1 = position of row 0 among
/// the columns, p2 = window (2^31: none, so that one unsigned comparison is both bounds), p3 =
/// soft-cap.
Program scores_program(const Variant& variant) {
  Graph graph;
  Expr s = mul(graph.input(0), graph.param(0));
  if (variant.softcap) s = mul(numerics::tanh(s), graph.param(3));
  const Expr minus_infinity = Expr::imm(numerics::kF32Inf | numerics::kF32SignBit);
  Expr position = variant.offsets ? iadd(graph.input(3), graph.param(1)) : graph.param(1);
  if (variant.row_is_query) position = iadd(position, graph.row1());
  const Expr unmasked = s;
  if (variant.mask) s = add(s, graph.input(1));
  if (variant.first_key) s = sel(ilt(graph.col(), graph.input(2)), minus_infinity, s);
  if (variant.own_key) s = sel(ieq(position, graph.col()), unmasked, s);
  if (variant.visible) {
    s = sel(ult(isub(position, graph.col()), graph.param(2)), s, minus_infinity);
  }
  Expr max = row_max(s);
  Expr is_masked;
  if (variant.zero_masked) {
    is_masked = fceq(max, minus_infinity);
    max = sel(is_masked, Expr(0.0f), max);
  }
  const Expr e = numerics::exp_nonpositive(sub(s, max));
  Expr factor = numerics::recip(row_sum(e));
  if (variant.zero_masked) factor = sel(is_masked, Expr(0.0f), factor);
  const ProgramOutput output{mul(e, factor)};
  return compile(graph, {&output, 1}, kName);
}

/// One call: shapes after the checks, and the packets.
class Attention {
 public:
  Attention(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
            const AttentionOptions& options, const Tensor& y)
      : ctx_(ctx),
        q_(q),
        k_(k),
        v_(v),
        y_(y),
        options_(options),
        batch_(q.shape[0]),
        heads_(q.shape[1]),
        queries_(q.shape[2]),
        kv_heads_(k.shape[1]),
        keys_(k.shape[2]),
        group_(q.shape[1] / k.shape[1]) {
    offset_ = options.query_offset.value_or(keys_ - std::min(queries_, keys_));
    if (options.mask) {
      const std::uint64_t shape[] = {batch_, heads_, queries_, keys_};
      const Tensor& mask = *options.mask;
      const bool wide = mask.rank > 0 && mask.stride[mask.rank - 1] > kMaxColStride;
      if (wide) {
        mask_ = ctx.scratch_tensor(mask.dtype, shape_of(mask));
        copy(ctx, mask, mask_);
      }
      mask_ = check_broadcast(kName, "mask", wide ? mask_ : mask, shape);
    }
  }

  void run() {
    if (queries_ == 1) return run_single_query();
    const std::uint64_t block = block_rows();
    for (std::uint64_t b = 0; b < batch_; ++b) {
      for (std::uint64_t first = 0; first < queries_; first += block) {
        run_block(b, first, std::min(queries_, first + block));
      }
    }
  }

 private:
  /// Rows of queries at once: a function of the shape alone, so that bits depend on no device.
  std::uint64_t block_rows() const {
    const std::uint64_t fitting = kBlockBytes / (heads_ * keys_ * 4);
    const std::uint64_t wanted =
        options_.causal && positions_known() ? std::min(fitting, kCausalBlockRows) : fitting;
    return std::min(queries_, std::max(kMinBlockRows, wanted / kMinBlockRows * kMinBlockRows));
  }

  bool positions_known() const { return !options_.offsets; }

  /// Columns [first, stop) of S that some row in [row, row_stop) can see.
  std::pair<std::uint64_t, std::uint64_t> key_range(std::uint64_t row,
                                                    std::uint64_t row_stop) const {
    if (!options_.causal || !positions_known()) return {0, keys_};
    const std::uint64_t stop = std::clamp<std::uint64_t>(offset_ + row_stop, 1, keys_);
    const std::uint64_t oldest = offset_ + row + 1;
    const bool cut = options_.window != 0 && oldest > options_.window && !options_.first_key;
    return {cut ? std::min(oldest - options_.window, stop - 1) : 0, stop};
  }

  /// Whether every row sees every column of the range by position.
  bool all_visible(std::uint64_t row, std::uint64_t row_stop, std::uint64_t first,
                   std::uint64_t stop) const {
    if (!options_.causal) return true;
    if (!positions_known()) return false;
    return offset_ + row + 1 >= stop &&
           (options_.window == 0 || offset_ + row_stop <= first + options_.window);
  }

  /// A query per head: all sequences and heads in three packets, the heads of a group as rows.
  void run_single_query() {
    const auto [first, stop] = key_range(0, 1);
    const std::uint64_t n = stop - first;
    const std::uint64_t shape[] = {batch_, heads_, n};
    const Tensor scores = ctx_.scratch_tensor(Dtype::kF32, shape);
    const Tensor p = ctx_.scratch_tensor(Dtype::kF32, shape);
    abi::MatmulPacket packet;
    packet.m = static_cast<std::uint32_t>(group_);
    packet.batch0 = static_cast<std::uint32_t>(batch_);
    packet.batch1 = static_cast<std::uint32_t>(kv_heads_);
    Side a{q_.addr, q_.dtype, group_ > 1 ? q_.stride[1] : q_.elem_bytes(), q_.stride[0],
           group_ * q_.stride[1]};
    Side c{scores.addr, Dtype::kF32, n * 4, heads_ * n * 4, group_ * n * 4};
    product(packet, a, key_side(0, first, k_.stride[0], k_.stride[1]), c, q_.shape[3], n,
            abi::BLayout::kNk);
    softmax(scores, p, 0, 0, 1, first, stop, false);
    c.addr = p.addr;
    const Side out{y_.addr, y_.dtype, group_ > 1 ? y_.stride[1] : y_.elem_bytes(), y_.stride[0],
                   group_ * y_.stride[1]};
    product(packet, c, value_side(0, first, v_.stride[0], v_.stride[1]), out, n, v_.shape[3],
            abi::BLayout::kKn);
  }

  /// Query rows [row, row_stop) of one sequence; K and V of a group are shared by a zero batch
  /// stride.
  void run_block(std::uint64_t b, std::uint64_t row, std::uint64_t row_stop) {
    OpGuard guard(ctx_, "block", {});
    const auto [first, stop] = key_range(row, row_stop);
    const std::uint64_t n = stop - first, rows = row_stop - row;
    const std::uint64_t shape[] = {heads_, rows, n};
    const Tensor scores = ctx_.scratch_tensor(Dtype::kF32, shape);
    const Tensor p = ctx_.scratch_tensor(Dtype::kF32, shape);
    abi::MatmulPacket packet;
    packet.m = static_cast<std::uint32_t>(rows);
    packet.batch0 = static_cast<std::uint32_t>(kv_heads_);
    packet.batch1 = static_cast<std::uint32_t>(group_);
    const auto rows_of = [&](const Tensor& x) {
      return Side{x.addr + b * x.stride[0] + row * x.stride[2], x.dtype,
                  rows > 1 ? x.stride[2] : x.elem_bytes(), group_ * x.stride[1], x.stride[1]};
    };
    Side c{scores.addr, Dtype::kF32, n * 4, group_ * rows * n * 4, rows * n * 4};
    product(packet, rows_of(q_), key_side(b, first, k_.stride[1], 0), c, q_.shape[3], n,
            abi::BLayout::kNk);
    softmax(scores, p, b, row, rows, first, stop, true);
    c.addr = p.addr;
    product(packet, c, value_side(b, first, v_.stride[1], 0), rows_of(y_), n, v_.shape[3],
            abi::BLayout::kKn);
  }

  struct Side {
    PhysAddr addr;
    Dtype dtype;
    std::uint64_t row_stride, batch0_stride, batch1_stride;
  };

  Side key_side(std::uint64_t b, std::uint64_t first, std::uint64_t batch0,
                std::uint64_t batch1) const {
    return cache_side(k_, b, first, batch0, batch1);
  }
  Side value_side(std::uint64_t b, std::uint64_t first, std::uint64_t batch0,
                  std::uint64_t batch1) const {
    return cache_side(v_, b, first, batch0, batch1);
  }
  static Side cache_side(const Tensor& x, std::uint64_t b, std::uint64_t first,
                         std::uint64_t batch0, std::uint64_t batch1) {
    return {x.addr + b * x.stride[0] + first * x.stride[2], x.dtype,
            x.shape[2] > 1 ? x.stride[2] : x.elem_bytes(), batch0, batch1};
  }

  void product(abi::MatmulPacket packet, const Side& a, const Side& b, const Side& c,
               std::uint64_t k, std::uint64_t n, abi::BLayout layout) {
    packet.k = static_cast<std::uint32_t>(k);
    packet.n = static_cast<std::uint32_t>(n);
    packet.a_type = a.dtype;
    packet.b_type = b.dtype;
    packet.c_type = c.dtype;
    packet.b_layout = layout;
    packet.a_addr = a.addr.value;
    packet.b_addr = b.addr.value;
    packet.c_addr = c.addr.value;
    packet.a_row_stride = a.row_stride;
    packet.a_batch0_stride = a.batch0_stride;
    packet.a_batch1_stride = a.batch1_stride;
    packet.b_row_stride = b.row_stride;
    packet.b_batch0_stride = b.batch0_stride;
    packet.b_batch1_stride = b.batch1_stride;
    packet.c_row_stride = c.row_stride;
    packet.c_batch0_stride = c.batch0_stride;
    packet.c_batch1_stride = c.batch1_stride;
    ctx_.submit(packet);
  }

  /// P = softmax(S); rows0, rows1 are (sequence, head) for a single query, else (head, query).
  void softmax(const Tensor& scores, const Tensor& p, std::uint64_t b, std::uint64_t row,
               std::uint64_t rows, std::uint64_t first, std::uint64_t stop, bool row_is_query) {
    Variant variant;
    variant.visible = !all_visible(row, row + rows, first, stop);
    variant.softcap = options_.softcap != 0.0f;
    variant.mask = options_.mask.has_value();
    variant.first_key = options_.first_key.has_value();
    variant.own_key = options_.own_key_visible && (variant.mask || variant.first_key);
    const bool by_position = variant.visible || variant.own_key;
    variant.offsets = by_position && options_.offsets.has_value();
    variant.row_is_query = by_position && row_is_query;
    variant.zero_masked = options_.masked_row == MaskedRow::kZero;
    const Program& program =
        ctx_.program(&kScoresKey, variant.bits(), [&] { return scores_program(variant); });
    VectorCall call(ctx_, kName, program);
    call.input(0, "scores", scores).output(0, "p", p);
    Tensor mask = scores, first_key = scores, offsets = scores;
    if (variant.mask) {
      mask.dtype = mask_.dtype;
      mask.addr =
          mask_.addr + b * mask_.stride[0] + row * mask_.stride[2] + first * mask_.stride[3];
      mask.stride = {mask_.stride[row_is_query ? 1 : 0], mask_.stride[row_is_query ? 2 : 1],
                     mask_.stride[3]};
      call.input(1, "mask", mask);
    }
    const auto per_sequence = [&](Tensor& view, const Tensor& x) -> const Tensor& {
      view.dtype = x.dtype;
      view.addr = x.addr + b * x.stride[0];
      view.stride = {};
      if (!row_is_query) view.stride[0] = x.stride[0];
      return view;
    };
    if (variant.first_key) call.input(2, "first_key", per_sequence(first_key, *options_.first_key));
    if (variant.offsets) call.input(3, "offsets", per_sequence(offsets, *options_.offsets));
    const std::uint64_t position = (positions_known() ? offset_ : 0) + row - first;
    call.param(0, variant.softcap ? options_.scale / options_.softcap : options_.scale)
        .param(1, static_cast<std::uint32_t>(position))
        .param(2, options_.window == 0 ? kNoWindow : options_.window)
        .param(3, options_.softcap)
        .run_rows();
  }

  Context& ctx_;
  const Tensor& q_;
  const Tensor& k_;
  const Tensor& v_;
  const Tensor& y_;
  const AttentionOptions& options_;
  std::uint64_t batch_, heads_, queries_, kv_heads_, keys_, group_;
  std::uint64_t offset_ = 0;
  Tensor mask_;
};

void check_last_axis(std::string_view argument, const Tensor& x) {
  if (x.shape[3] > 1 && x.stride[3] != x.elem_bytes()) {
    fail_argument(kName, argument, "a contiguous last axis (ops::copy makes one)",
                  fmt::format("{} with a stride of {} bytes", x.describe(), x.stride[3]));
  }
}

void check_per_sequence(std::string_view argument, const std::optional<Tensor>& x,
                        std::uint64_t batch) {
  if (!x) return;
  check_dtype(kName, argument, *x, {Dtype::kI32});
  check_shape(kName, argument, *x, {batch});
}

void check_arguments(const Tensor& q, const Tensor& k, const Tensor& v,
                     const AttentionOptions& options, const Tensor& y) {
  const std::pair<std::string_view, const Tensor*> all[] = {
      {"q", &q}, {"k", &k}, {"v", &v}, {"y", &y}};
  for (const auto& [name, tensor] : all) {
    check_rank(kName, name, *tensor, 4);
    check_float(kName, name, *tensor);
    check_last_axis(name, *tensor);
    for (int i = 0; i < 4; ++i) {
      if (tensor->shape[i] > 0x7FFFFFFFu) {
        fail_argument(kName, name, "less than 2^31 elements on an axis", tensor->describe());
      }
    }
  }
  check_shape(kName, "k", k, {q.shape[0], k.shape[1], k.shape[2], q.shape[3]});
  check_shape(kName, "v", v, {q.shape[0], k.shape[1], k.shape[2], v.shape[3]});
  check_shape(kName, "y", y, {q.shape[0], q.shape[1], q.shape[2], v.shape[3]});
  if (k.shape[1] == 0 || q.shape[1] % k.shape[1] != 0) {
    fail_argument(kName, "k", fmt::format("a number of heads that divides q's {}", q.shape[1]),
                  k.describe());
  }
  if (options.window != 0 && !options.causal) {
    fail_argument(kName, "options.window", "0 unless causal", std::to_string(options.window));
  }
  if (options.window > 0x7FFFFFFFu || options.query_offset.value_or(0) > 0x3FFFFFFFu) {
    fail_argument(kName, "options", "window and query_offset below 2^30", "larger ones");
  }
  if (options.causal && !options.query_offset && !options.offsets && q.shape[2] > k.shape[2]) {
    fail_argument(
        kName, "options.query_offset",
        fmt::format("a value where queries ({}) exceed keys ({})", q.shape[2], k.shape[2]), "none");
  }
  if (options.mask) {
    check_dtype(kName, "mask", *options.mask, {Dtype::kF32, Dtype::kBF16, Dtype::kF16});
  }
  check_per_sequence("first_key", options.first_key, q.shape[0]);
  check_per_sequence("offsets", options.offsets, q.shape[0]);
}

}  // namespace

void sdpa(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
          const AttentionOptions& options, const Tensor& y) {
  OpGuard guard(ctx, kName, {&q, &k, &v, options.mask ? &*options.mask : nullptr, &y});
  check_arguments(q, k, v, options, y);
  if (y.numel() == 0) return;
  check_apart(kName, "q", q, "y", y);
  check_apart(kName, "k", k, "y", y);
  check_apart(kName, "v", v, "y", y);
  if (k.shape[2] == 0 || q.shape[3] == 0) {
    fail_argument(kName, "k", "at least one key and one element a head", k.describe());
  }
  if (y.dtype == Dtype::kE4M3 || y.dtype == Dtype::kE5M2) {
    const Tensor wide = ctx.scratch_tensor(Dtype::kF32, shape_of(y));
    Attention(ctx, q, k, v, options, wide).run();
    return cast(ctx, wide, y);
  }
  Attention(ctx, q, k, v, options, y).run();
}

void kv_append(Context& ctx, const Tensor& k, const Tensor& v, const Tensor& k_cache,
               const Tensor& v_cache) {
  static constexpr std::string_view kAppend = "kv_append";
  OpGuard guard(ctx, kAppend, {&k, &v, &k_cache, &v_cache});
  check_float(kAppend, "k", k);
  check_float(kAppend, "v", v);
  check_float(kAppend, "k_cache", k_cache);
  check_float(kAppend, "v_cache", v_cache);
  check_shape(kAppend, "k_cache", k_cache, shape_of(k));
  check_shape(kAppend, "v_cache", v_cache, shape_of(v));
  if (!same_shape(k, v)) {
    cast(ctx, k, k_cache);
    return cast(ctx, v, v_cache);
  }
  const Program& program = ctx.program(&kAppendKey, 0, [] {
    Graph graph;
    const ProgramOutput outputs[] = {{graph.input(0)}, {graph.input(1)}};
    return compile(graph, outputs, kAppend);
  });
  VectorCall(ctx, kAppend, program)
      .input(0, "k", k)
      .input(1, "v", v)
      .output(0, "k_cache", k_cache)
      .output(1, "v_cache", v_cache)
      .run_elementwise();
}

}  // namespace tandem::ops

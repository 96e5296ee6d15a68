// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/attention.hpp"

#include "ops/op_test.hpp"
#include "ops/ref/rows.hpp"

namespace tandem::tests {
namespace {

using ops::AttentionOptions;

TANDEM_OP_TEST(Attention);

struct Problem {
  HostTensor q, k, v;
  std::uint64_t batch, heads, queries, kv_heads, keys, dim, dim_v;
};

Problem problem(std::mt19937& random, Dtype type, const Shape& q, const Shape& kv,
                std::uint64_t dim_v) {
  Problem p;
  p.batch = q[0], p.heads = q[1], p.queries = q[2], p.dim = q[3];
  p.kv_heads = kv[0], p.keys = kv[1], p.dim_v = dim_v;
  p.q = random_tensor(random, type, q);
  p.k = random_tensor(random, type, {p.batch, p.kv_heads, p.keys, p.dim});
  p.v = random_tensor(random, type, {p.batch, p.kv_heads, p.keys, dim_v});
  return p;
}

std::vector<double> row(const HostTensor& x, std::uint64_t b, std::uint64_t h, std::uint64_t i) {
  std::vector<double> result;
  for (std::uint64_t d = 0; d < x.shape[3]; ++d) {
    result.push_back(x.value(((b * x.shape[1] + h) * x.shape[2] + i) * x.shape[3] + d));
  }
  return result;
}

/// Host copies of the per-sequence options.
struct Reference {
  std::vector<std::int64_t> first_key, offsets;
  const HostTensor* mask = nullptr;
};

std::vector<double> expected_of(const Problem& p, const AttentionOptions& o,
                                const Reference& r = {}) {
  std::vector<double> result;
  for (std::uint64_t b = 0; b < p.batch; ++b) {
    ref::Visibility visible{.causal = o.causal, .window = o.window};
    visible.offset =
        static_cast<std::int64_t>(o.query_offset.value_or(p.keys - std::min(p.queries, p.keys)));
    if (!r.offsets.empty()) visible.offset = r.offsets[b];
    if (!r.first_key.empty()) visible.first_key = r.first_key[b];
    visible.own_key = o.own_key_visible;
    for (std::uint64_t h = 0; h < p.heads; ++h) {
      std::vector<std::vector<double>> k, v;
      for (std::uint64_t j = 0; j < p.keys; ++j) {
        k.push_back(row(p.k, b, h * p.kv_heads / p.heads, j));
        v.push_back(row(p.v, b, h * p.kv_heads / p.heads, j));
      }
      for (std::uint64_t i = 0; i < p.queries; ++i) {
        std::vector<double> mask;
        for (std::uint64_t j = 0; r.mask != nullptr && j < p.keys; ++j)
          mask.push_back(r.mask->at({b, h, i, j}));
        const auto y = ref::attend(row(p.q, b, h, i), k, v, static_cast<double>(o.scale),
                                   static_cast<double>(o.softcap), mask, visible,
                                   static_cast<std::int64_t>(i));
        result.insert(result.end(), y.begin(), y.end());
      }
    }
  }
  return result;
}

/// Operands are rounded to E8M10: 2^-11 of scores up to dim * 4 * scale and of values up to 2.
Bound bound_of(const Problem& p, const AttentionOptions& o) {
  return {0, 2e-3 + 4e-3 * static_cast<double>(o.scale) * std::sqrt(static_cast<double>(p.dim))};
}

Shape y_shape(const Problem& p) { return {p.batch, p.heads, p.queries, p.dim_v}; }

TEST_P(Attention, PlainCausalWindowAndSoftcap) {
  const std::pair<Shape, Shape> shapes[] = {{{1, 1, 1, 8}, {1, 1}},   {{1, 2, 5, 16}, {2, 5}},
                                            {{2, 4, 7, 16}, {2, 7}},  {{1, 9, 17, 64}, {3, 17}},
                                            {{1, 4, 1, 32}, {1, 65}}, {{3, 6, 1, 16}, {2, 33}},
                                            {{2, 3, 3, 20}, {3, 33}}};
  for (const auto& [q, kv] : shapes) {
    for (const Dtype type : {Dtype::kF32, Dtype::kF16, Dtype::kBF16}) {
      const Problem p = problem(random_, type, q, kv, q[3] / 2);
      for (const int variant : {0, 1, 2, 3}) {
        AttentionOptions o{.scale = 1.0f / std::sqrt(static_cast<float>(p.dim)),
                           .causal = variant > 0};
        if (variant == 2) o.window = 3;
        if (variant == 3) o.softcap = 1.5f;
        const ops::Tensor y = make(Dtype::kF32, y_shape(p));
        ops::sdpa(ctx(), put(p.q), put(p.k), put(p.v), o, y);
        expect_near(get(y), expected_of(p, o), bound_of(p, o),
                    name_of(type, q) + " variant " + std::to_string(variant));
      }
    }
  }
}

TEST_P(Attention, SingleQueryOfAllSequencesTakesThreePackets) {
  const Problem p = problem(random_, Dtype::kF16, {4, 6, 1, 16}, {2, 40}, 16);
  const AttentionOptions o{.scale = 0.25f, .causal = true};
  const ops::Tensor y = make(Dtype::kF32, y_shape(p));
  EXPECT_EQ(packets_of([&] { ops::sdpa(ctx(), put(p.q), put(p.k), put(p.v), o, y); }), 3u);
  const Problem block = problem(random_, Dtype::kF16, {1, 6, 20, 16}, {2, 20}, 16);
  const ops::Tensor z = make(Dtype::kF32, y_shape(block));
  EXPECT_EQ(packets_of([&] { ops::sdpa(ctx(), put(block.q), put(block.k), put(block.v), o, z); }),
            3u);
}

TEST_P(Attention, MasksBroadcast) {
  const Problem p = problem(random_, Dtype::kF32, {2, 4, 5, 16}, {2, 9}, 16);
  for (const Dtype type : {Dtype::kF32, Dtype::kBF16, Dtype::kF16}) {
    for (const Shape& shape :
         {Shape{2, 4, 5, 9}, Shape{1, 1, 5, 9}, Shape{2, 1, 1, 9}, Shape{5, 9}, Shape{9}}) {
      HostTensor mask = random_tensor(random_, type, shape, -4, 4);
      for (std::uint64_t i = 0; i < mask.numel(); i += 4) mask.set(i, -INFINITY);
      for (const bool causal : {false, true}) {
        AttentionOptions o{.scale = 0.25f, .causal = causal, .query_offset = 4};
        o.mask = put(mask);
        const ops::Tensor y = make(Dtype::kF32, y_shape(p));
        ops::sdpa(ctx(), put(p.q), put(p.k), put(p.v), o, y);
        expect_near(get(y), expected_of(p, o, {.mask = &mask}), bound_of(p, o),
                    "mask " + name_of(type, shape));
      }
    }
  }
}

TEST_P(Attention, MaskedRowsAreNanZeroOrTheirOwnKey) {
  const Problem p = problem(random_, Dtype::kF32, {2, 2, 4, 8}, {1, 4}, 8);
  AttentionOptions o{.scale = 0.5f, .causal = true};
  o.first_key = put(Dtype::kI32, {2}, {2, 0});
  const ops::Tensor y = make(Dtype::kF32, y_shape(p));
  const Reference r{.first_key = {2, 0}};
  ops::sdpa(ctx(), put(p.q), put(p.k), put(p.v), o, y);
  HostTensor got = get(y);
  EXPECT_TRUE(std::isnan(got.value(0)));
  expect_near(got, expected_of(p, o, r), bound_of(p, o), "nan");
  o.masked_row = ops::MaskedRow::kZero;
  ops::sdpa(ctx(), put(p.q), put(p.k), put(p.v), o, y);
  got = get(y);
  std::vector<double> expected = expected_of(p, o, r);
  for (double& value : expected) value = std::isnan(value) ? 0.0 : value;
  for (std::uint64_t i = 0; i < 16; ++i) EXPECT_EQ(got.bits(i), 0u) << "+0";
  expect_near(got, expected, bound_of(p, o), "zero");
  o.own_key_visible = true;
  ops::sdpa(ctx(), put(p.q), put(p.k), put(p.v), o, y);
  expect_near(get(y), expected_of(p, o, r), bound_of(p, o), "own key");
}

TEST_P(Attention, SequencesAtTheirOwnPositions) {
  for (const std::uint64_t queries : {1u, 3u}) {
    const Problem p = problem(random_, Dtype::kF16, {3, 4, queries, 16}, {2, 30}, 16);
    for (const std::uint32_t window : {0u, 5u}) {
      AttentionOptions o{.scale = 0.25f, .causal = true, .window = window};
      o.offsets = put(Dtype::kI32, {3}, {4, 27, 12});
      o.first_key = put(Dtype::kI32, {3}, {0, 3, 10});
      const ops::Tensor y = make(Dtype::kF32, y_shape(p));
      ops::sdpa(ctx(), put(p.q), put(p.k), put(p.v), o, y);
      expect_near(get(y), expected_of(p, o, {.first_key = {0, 3, 10}, .offsets = {4, 27, 12}}),
                  bound_of(p, o), "offsets");
    }
  }
}

TEST_P(Attention, CacheViewsOfPrefillAndDecode) {
  // Token-major activations [seq, heads, dim], caches [kv_head][seq][dim] in f16.
  const std::uint64_t total = 23, heads = 6, kv_heads = 2, dim = 16;
  const HostTensor q = random_tensor(random_, Dtype::kF32, {1, heads, total, dim});
  HostTensor k = random_tensor(random_, Dtype::kF16, {1, kv_heads, total, dim});
  HostTensor v = random_tensor(random_, Dtype::kF16, {1, kv_heads, total, dim});
  for (const std::uint32_t window : {0u, 4u}) {
    AttentionOptions o{.scale = 0.25f, .causal = true, .window = window};
    const auto tokens = [&](const HostTensor& x) {
      const ops::Tensor t = make(Dtype::kF32, {total, x.shape[1], dim});
      ops::cast(ctx(), put(x).select(0, 0).transpose(0, 1), t);
      return t.transpose(0, 1).unsqueeze(0);
    };
    const ops::Tensor q_view = tokens(q), k_view = tokens(k), v_view = tokens(v);
    const ops::Tensor y = make(Dtype::kF32, {total, heads, dim});
    const ops::Tensor y_view = y.transpose(0, 1).unsqueeze(0);
    const ops::Tensor k_cache = make(Dtype::kF16, {1, kv_heads, 64, dim});
    const ops::Tensor v_cache = make(Dtype::kF16, {1, kv_heads, 64, dim});
    std::uint64_t start = 0;
    for (std::uint64_t stop = 19; stop <= total; start = stop, ++stop) {
      EXPECT_EQ(packets_of([&] {
                  ops::kv_append(ctx(), k_view.slice(2, start, stop), v_view.slice(2, start, stop),
                                 k_cache.slice(2, start, stop), v_cache.slice(2, start, stop));
                }),
                1u);
      EXPECT_EQ(packets_of([&] {
                  ops::sdpa(ctx(), q_view.slice(2, start, stop), k_cache.slice(2, 0, stop),
                            v_cache.slice(2, 0, stop), o, y_view.slice(2, start, stop));
                }),
                3u);
    }
    Problem p{q, k, v, 1, heads, total, kv_heads, total, dim, dim};
    expect_near(get(y_view), expected_of(p, o), bound_of(p, o), "cached");
    // All at once gives the bits of one after the other.
    const ops::Tensor whole = make(Dtype::kF32, {1, heads, total, dim});
    ops::sdpa(ctx(), q_view, k_cache.slice(2, 0, total), v_cache.slice(2, 0, total), o, whole);
    expect_near(
        get(whole),
        [&] {
          std::vector<double> bits;
          const HostTensor got = get(y_view);
          for (std::uint64_t i = 0; i < got.numel(); ++i) bits.push_back(got.value(i));
          return bits;
        }(),
        {}, "prefill equals decode");
  }
}

TEST_P(Attention, LongSequencesRunInBlocksOfBoundedScratch) {
  // 16 heads x 700 keys: several blocks of rows.
  const Problem p = problem(random_, Dtype::kF16, {1, 16, 700, 8}, {4, 700}, 8);
  for (const std::uint32_t window : {0u, 50u}) {
    const AttentionOptions o{.scale = 0.35f, .causal = true, .window = window};
    const ops::Tensor y = make(Dtype::kF32, y_shape(p));
    const std::uint64_t packets =
        packets_of([&] { ops::sdpa(ctx(), put(p.q), put(p.k), put(p.v), o, y); });
    EXPECT_GE(packets, 6u);
    EXPECT_LE(ctx().scratch_bytes(), 32u << 20);
    // A few rows suffice: the reference is slow.
    const HostTensor got = get(y);
    Problem one = p;
    for (const std::uint64_t i : {0u, 90u, 350u, 699u}) {
      one.queries = 1;
      one.q = HostTensor(Dtype::kF16, {1, 16, 1, 8});
      for (std::uint64_t h = 0; h < 16; ++h) {
        for (std::uint64_t d = 0; d < 8; ++d)
          one.q.set_bits(h * 8 + d, p.q.bits((h * 700 + i) * 8 + d));
      }
      AttentionOptions at = o;
      at.query_offset = i;
      const auto expected = expected_of(one, at);
      for (std::uint64_t h = 0; h < 16; ++h) {
        for (std::uint64_t d = 0; d < 8; ++d) {
          EXPECT_NEAR(got.value((h * 700 + i) * 8 + d), expected[h * 8 + d], 5e-3) << i;
        }
      }
    }
  }
}

TEST_P(Attention, NarrowResults) {
  const Problem p = problem(random_, Dtype::kBF16, {1, 2, 6, 8}, {2, 6}, 8);
  const AttentionOptions o{.scale = 0.3f, .causal = true};
  for (const Dtype type : {Dtype::kBF16, Dtype::kF16, Dtype::kE4M3}) {
    const ops::Tensor y = make(type, y_shape(p));
    ops::sdpa(ctx(), put(p.q), put(p.k), put(p.v), o, y);
    expect_near(get(y), expected_of(p, o), bound_of(p, o), name_of(type, y_shape(p)));
  }
}

TEST_P(Attention, WrongArgumentsBad) {
  const ops::Tensor q = make(Dtype::kF32, {1, 4, 5, 8}), k = make(Dtype::kF32, {1, 2, 7, 8}),
                    y = make(Dtype::kF32, {1, 4, 5, 8});
  const auto call = [&](const AttentionOptions& o) { ops::sdpa(ctx(), q, k, k, o, y); };
  expect_bad({"sdpa: k: expected a number of heads that divides q's 4", "found f32[1, 3, 7, 8]"},
             [&] {
               const ops::Tensor three = make(Dtype::kF32, {1, 3, 7, 8});
               ops::sdpa(ctx(), q, three, three, {}, y);
             });
  expect_bad({"sdpa: v: expected shape [1, 2, 7, 8], found f32[1, 2, 6, 8]"},
             [&] { ops::sdpa(ctx(), q, k, k.slice(2, 0, 6), {}, y); });
  expect_bad({"sdpa: q: expected 4 axes, found f32[4, 5, 8]"},
             [&] { ops::sdpa(ctx(), q.select(0, 0), k, k, {}, y); });
  expect_bad({"sdpa: q: expected a contiguous last axis"}, [&] {
    const ops::Tensor wide = make(Dtype::kF32, {1, 4, 5, 16});
    ops::sdpa(ctx(), wide.slice(3, 0, 16, 2), k, k, {}, y);
  });
  expect_bad({"sdpa: options.window: expected 0 unless causal, found 3"},
             [&] { call({.window = 3}); });
  expect_bad({"sdpa: options.query_offset: expected a value where queries (5) exceed keys (3)"},
             [&] { ops::sdpa(ctx(), q, k.slice(2, 0, 3), k.slice(2, 0, 3), {.causal = true}, y); });
  AttentionOptions o;
  o.mask = make(Dtype::kF32, {3, 7});
  expect_bad({"sdpa: mask: expected a shape that broadcasts to [1, 4, 5, 7], found f32[3, 7]"},
             [&] { call(o); });
  o.mask = make(Dtype::kU8, {5, 7});
  expect_bad({"sdpa: mask: expected type f32, bf16 or f16, found u8[5, 7]"}, [&] { call(o); });
  o = {};
  o.first_key = make(Dtype::kI32, {2});
  expect_bad({"sdpa: first_key: expected shape [1], found i32[2]"}, [&] { call(o); });
  expect_bad({"sdpa: y: expected memory that does not overlap q"},
             [&] { ops::sdpa(ctx(), q, k, k, {}, q); });
  expect_bad({"kv_append: k_cache: expected shape [1, 2, 7, 8], found f32[1, 2, 6, 8]"},
             [&] { ops::kv_append(ctx(), k, k, k.slice(2, 0, 6), k); });
}

}  // namespace
}  // namespace tandem::tests

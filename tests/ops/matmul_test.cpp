// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/matmul.hpp"

#include "ops/op_test.hpp"
#include "ops/ref/matmul.hpp"
#include "tandem/numerics/quant.hpp"

namespace tandem::tests {
namespace {

using ops::MatmulOptions;

TANDEM_OP_TEST(Matmul);

constexpr Dtype kFloats[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2};

Shape joined(Shape batch, std::uint64_t rows, std::uint64_t cols) {
  batch.push_back(rows);
  batch.push_back(cols);
  return batch;
}

/// Elements of a host matrix whose batch axes broadcast.
ref::Element of(const HostTensor& x, bool transposed = false) {
  return [&x, transposed](const Shape& batch, std::uint64_t i, std::uint64_t j) {
    return x.at(transposed ? joined(batch, j, i) : joined(batch, i, j));
  };
}
ref::Element zero() {
  return [](const Shape&, std::uint64_t, std::uint64_t) { return 0.0; };
}

std::vector<double> chain(const HostTensor& a, const HostTensor& b, const Shape& batch,
                          const ref::Element& init = zero()) {
  const std::uint64_t m = a.shape[a.shape.size() - 2], k = a.shape.back(), n = b.shape.back();
  return ref::matmul_chain(batch, m, n, k, of(a), of(b), init);
}

TEST_P(Matmul, EveryPairOfTypesGivesTheChain) {
  for (const Dtype a_type : kFloats) {
    for (const Dtype b_type : kFloats) {
      const HostTensor a = random_tensor(random_, a_type, {5, 37});
      const HostTensor b = random_tensor(random_, b_type, {37, 9});
      const ops::Tensor y = make(Dtype::kF32, {5, 9});
      EXPECT_EQ(packets_of([&] { ops::matmul(ctx(), put(a), put(b), y); }), 1u);
      expect_near(get(y), chain(a, b, {}), {}, name_of(a_type, a.shape) + name_of(b_type, b.shape));
    }
  }
}

TEST_P(Matmul, OddSizes) {
  for (const auto& [m, n, k] : {std::tuple{1, 1, 1}, std::tuple{1, 65, 3}, std::tuple{17, 1, 64},
                                std::tuple{2, 33, 100}, std::tuple{16, 32, 1}}) {
    const Shape a_shape = {static_cast<std::uint64_t>(m), static_cast<std::uint64_t>(k)};
    const Shape b_shape = {static_cast<std::uint64_t>(k), static_cast<std::uint64_t>(n)};
    const HostTensor a = random_tensor(random_, Dtype::kF32, a_shape);
    const HostTensor b = random_tensor(random_, Dtype::kF16, b_shape);
    const ops::Tensor y = make(Dtype::kF32, {a_shape[0], b_shape[1]});
    ops::matmul(ctx(), put(a), put(b), y);
    expect_near(get(y), chain(a, b, {}), {}, name_of(Dtype::kF32, a_shape));
  }
}

TEST_P(Matmul, SpecialValues) {
  const HostTensor a = random_tensor(random_, Dtype::kF32, {6, 9}, -2, 2, true);
  const HostTensor b = random_tensor(random_, Dtype::kF32, {9, 4}, -2, 2, true);
  const ops::Tensor y = make(Dtype::kF32, {6, 4});
  ops::matmul(ctx(), put(a), put(b), y);
  expect_near(get(y), chain(a, b, {}), {}, "special");
}

TEST_P(Matmul, BatchesBroadcast) {
  const std::tuple<Shape, Shape, Shape> cases[] = {
      {{3}, {3}, {3}}, {{4}, {}, {4}},           {{2, 1}, {3}, {2, 3}},
      {{1}, {5}, {5}}, {{2, 3}, {2, 3}, {2, 3}}, {{2, 1, 2}, {1, 3, 2}, {2, 3, 2}}};
  for (const auto& [a_batch, b_batch, batch] : cases) {
    const HostTensor a = random_tensor(random_, Dtype::kBF16, joined(a_batch, 4, 7));
    const HostTensor b = random_tensor(random_, Dtype::kF32, joined(b_batch, 7, 5));
    const ops::Tensor y = make(Dtype::kF32, joined(batch, 4, 5));
    ops::matmul(ctx(), put(a), put(b), y);
    expect_near(get(y), chain(a, b, batch), {}, name_of(Dtype::kF32, joined(batch, 4, 5)));
  }
}

TEST_P(Matmul, TransposesAndStridesAreReadInPlace) {
  const HostTensor a = random_tensor(random_, Dtype::kF32, {2, 7, 6});
  const HostTensor b = random_tensor(random_, Dtype::kF16, {2, 5, 7});
  const ops::Tensor y = make(Dtype::kF32, {2, 6, 5});
  const MatmulOptions both{.transpose_a = true, .transpose_b = true};
  EXPECT_EQ(packets_of([&] { ops::matmul(ctx(), put(a), put(b), y, both); }), 1u);
  expect_near(get(y), ref::matmul_chain({2}, 6, 5, 7, of(a, true), of(b, true), zero()), {},
              "both transposed");
  // Rows of a wider matrix; results into one.
  const ops::Tensor wide = put(random_tensor(random_, Dtype::kF32, {10, 40}));
  const ops::Tensor view = wide.slice(0, 0, 10, 2).slice(1, 3, 35);
  const HostTensor rhs = random_tensor(random_, Dtype::kF32, {32, 7});
  const ops::Tensor out = make(Dtype::kF32, {5, 20});
  EXPECT_EQ(packets_of([&] { ops::matmul(ctx(), view, put(rhs), out.slice(1, 6, 13)); }), 1u);
  expect_near(get(out.slice(1, 6, 13)), chain(get(view), rhs, {}), {}, "strided");
}

TEST_P(Matmul, WhatNoPacketReadsGoesThroughScratch) {
  const ops::Tensor a = put(random_tensor(random_, Dtype::kF32, {6, 16}));
  const ops::Tensor b = put(random_tensor(random_, Dtype::kF32, {16, 10}));
  const ops::Tensor a_view = a.slice(1, 0, 16, 2), b_view = b.slice(0, 0, 16, 2).slice(1, 0, 10, 2);
  const ops::Tensor y = make(Dtype::kF32, {6, 10});
  const ops::Tensor y_view = y.slice(1, 0, 10, 2);
  EXPECT_EQ(packets_of([&] { ops::matmul(ctx(), a_view, b_view, y_view); }), 4u);
  const auto expected = chain(get(a_view), get(b_view), {});
  expect_near(get(y_view), expected, {}, "scratch");
}

TEST_P(Matmul, BiasAndAccumulate) {
  const HostTensor a = random_tensor(random_, Dtype::kF32, {3, 5, 20});
  const HostTensor b = random_tensor(random_, Dtype::kF16, {20, 6});
  for (const Dtype bias_type : {Dtype::kF32, Dtype::kBF16}) {
    const HostTensor bias = random_tensor(random_, bias_type, {6});
    const ops::Tensor y = make(Dtype::kF32, {3, 5, 6});
    ops::matmul(ctx(), put(a), put(b), y, {.bias = put(bias)});
    expect_near(get(y), chain(a, b, {3}, [&](const Shape&, auto, auto j) { return bias.value(j); }),
                {}, "bias");
  }
  for (const Dtype type : {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3}) {
    const HostTensor old = random_tensor(random_, type, {3, 5, 6});
    const ops::Tensor y = put(old);
    ops::matmul(ctx(), put(a), put(b), y, {.accumulate = true});
    expect_near(get(y), chain(a, b, {3}, of(old)), {}, "accumulate " + name_of(type, old.shape));
    const ops::Tensor strided = make(type, {3, 5, 12}).slice(2, 0, 12, 2);
    ops::copy(ctx(), put(old), strided);
    ops::matmul(ctx(), put(a), put(b), strided, {.accumulate = true});
    expect_near(get(strided), chain(a, b, {3}, of(old)), {}, "accumulate into strided");
  }
}

TEST_P(Matmul, NarrowResults) {
  const HostTensor a = random_tensor(random_, Dtype::kF32, {9, 31}, -20, 20);
  const HostTensor b = random_tensor(random_, Dtype::kF32, {31, 8}, -20, 20);
  for (const Dtype type : kFloats) {
    const ops::Tensor y = make(type, {9, 8});
    ops::matmul(ctx(), put(a), put(b), y);
    HostTensor expected(type, {9, 8});
    const auto exact = chain(a, b, {});
    for (std::uint64_t i = 0; i < expected.numel(); ++i) expected.set(i, exact[i]);
    expect_same(get(y), expected, name_of(type, {9, 8}));
  }
}

TEST_P(Matmul, Int8IsExact) {
  HostTensor a(Dtype::kI8, {2, 3, 300}), b(Dtype::kI8, {300, 5}), bias(Dtype::kI32, {5});
  for (std::uint64_t i = 0; i < a.numel(); ++i) a.set_bits(i, random_());
  for (std::uint64_t i = 0; i < b.numel(); ++i) b.set_bits(i, random_());
  for (std::uint64_t i = 0; i < bias.numel(); ++i) bias.set_bits(i, random_());
  const ops::Tensor y = make(Dtype::kI32, {2, 3, 5});
  ops::matmul(ctx(), put(a), put(b), y, {.bias = put(bias)});
  HostTensor expected(Dtype::kI32, {2, 3, 5});
  for_each_index(expected.shape, [&](std::uint64_t flat, const Shape& i) {
    std::int64_t sum = bias.integer(i[2]);
    for (std::uint64_t k = 0; k < 300; ++k) {
      sum += a.integer((i[0] * 3 + i[1]) * 300 + k) * b.integer(k * 5 + i[2]);
    }
    expected.set_bits(flat, static_cast<std::uint64_t>(sum));
  });
  expect_same(get(y), expected, "i8");
}

TEST_P(Matmul, W8A8ScalesRowsAndColumns) {
  for (const Shape& lead : {Shape{7}, Shape{2, 3}}) {
    HostTensor a(Dtype::kI8, joined(Shape(lead.begin(), lead.end() - 1), lead.back(), 65));
    HostTensor w(Dtype::kI8, {9, 65});
    for (std::uint64_t i = 0; i < a.numel(); ++i) a.set_bits(i, random_());
    for (std::uint64_t i = 0; i < w.numel(); ++i) w.set_bits(i, random_());
    const HostTensor a_scale = random_tensor(random_, Dtype::kF32, lead, 0.001, 0.1);
    const HostTensor w_scale = random_tensor(random_, Dtype::kF32, {9}, 0.001, 0.1);
    Shape out = lead;
    out.push_back(9);
    for (const Dtype type : {Dtype::kF32, Dtype::kF16, Dtype::kE5M2}) {
      const ops::Tensor y = make(type, out);
      ops::matmul_w8a8(ctx(), put(a), put(a_scale), put(w), put(w_scale), y);
      HostTensor expected(type, out);
      for (std::uint64_t i = 0; i < expected.numel(); ++i) {
        std::int64_t sum = 0;
        for (std::uint64_t k = 0; k < 65; ++k)
          sum += a.integer(i / 9 * 65 + k) * w.integer(i % 9 * 65 + k);
        const float scaled = static_cast<float>(sum) * static_cast<float>(a_scale.value(i / 9));
        expected.set(i, static_cast<double>(scaled * static_cast<float>(w_scale.value(i % 9))));
      }
      expect_same(get(y), expected, "w8a8 " + name_of(type, out));
    }
  }
}

TEST_P(Matmul, GroupQuantisedWeights) {
  for (const bool nibbles : {true, false}) {
    for (const auto& [k, group] :
         {std::pair{128, 32}, std::pair{80, 16}, std::pair{63, 64}, std::pair{256, 128}}) {
      const auto inner = static_cast<std::uint64_t>(k);
      const std::uint64_t n = 6, groups = (inner + static_cast<std::uint64_t>(group) - 1) /
                                          static_cast<std::uint64_t>(group);
      const HostTensor a = random_tensor(random_, Dtype::kBF16, {4, inner});
      HostTensor q(nibbles ? Dtype::kU8 : Dtype::kI8, {n, nibbles ? (inner + 1) / 2 : inner});
      for (std::uint64_t i = 0; i < q.numel(); ++i) q.set_bits(i, random_());
      for (const Dtype type : {Dtype::kF16, Dtype::kF32}) {
        for (const bool with_min : {true, false}) {
          const HostTensor scale = random_tensor(random_, type, {n, groups});
          const HostTensor min = random_tensor(random_, type, {n, groups});
          const ops::Tensor y = make(Dtype::kF32, {4, n});
          std::optional<ops::Tensor> mins;
          if (with_min) mins = put(min);
          ops::matmul_group_quantised(ctx(), put(a), put(q), put(scale), mins,
                                      static_cast<std::uint32_t>(group), y);
          const ref::Element w = [&](const Shape&, std::uint64_t l, std::uint64_t j) {
            const std::uint64_t in_row = nibbles ? l / 2 : l;
            const std::uint64_t raw = q.bits(j * q.shape[1] + in_row);
            const std::int32_t code = nibbles ? static_cast<std::int32_t>(raw >> (l % 2 * 4) & 15)
                                              : static_cast<std::int8_t>(raw);
            const std::uint64_t of_group = j * groups + l / static_cast<std::uint64_t>(group);
            return static_cast<double>(numerics::dequantize_f32(
                static_cast<float>(scale.value(of_group)), code,
                with_min ? static_cast<float>(min.value(of_group)) : 0.0f));
          };
          expect_near(get(y), ref::matmul_chain({}, 4, n, inner, of(a), w, zero()), {},
                      "group quantised " + name_of(q.dtype, q.shape));
        }
      }
    }
  }
}

TEST_P(Matmul, EmptyExtents) {
  const ops::Tensor a = make(Dtype::kF32, {3, 0}), b = make(Dtype::kF32, {0, 4});
  const ops::Tensor y = make(Dtype::kF32, {3, 4});
  ops::matmul(ctx(), a, b, y);
  expect_near(get(y), std::vector<double>(12, 0.0), {}, "k = 0");
  ops::matmul(ctx(), a, b, y, {.bias = put(Dtype::kF32, {4}, {1, 2, 3, 4})});
  expect_near(get(y), {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4}, {}, "k = 0 with bias");
  EXPECT_EQ(packets_of([&] {
              ops::matmul(ctx(), make(Dtype::kF32, {0, 5}), make(Dtype::kF32, {5, 4}),
                          make(Dtype::kF32, {0, 4}));
            }),
            0u);
}

TEST_P(Matmul, WrongArgumentsBad) {
  const ops::Tensor a = make(Dtype::kF32, {3, 5}), b = make(Dtype::kF32, {6, 4}),
                    y = make(Dtype::kF32, {3, 4});
  expect_bad({"matmul: b: expected k = 5 as in a f32[3, 5], found f32[6, 4]"},
             [&] { ops::matmul(ctx(), a, b, y); });
  expect_bad({"matmul: y: expected shape [3, 6], found f32[3, 4]"}, [&] {
    ops::matmul(ctx(), a, make(Dtype::kF32, {5, 6}), y);
  });
  expect_bad({"matmul: b: expected type i8, found f32[6, 4]"}, [&] {
    ops::matmul(ctx(), make(Dtype::kI8, {3, 6}), b, y);
  });
  expect_bad({"matmul: y: expected type i32"}, [&] {
    ops::matmul(ctx(), make(Dtype::kI8, {3, 6}), make(Dtype::kI8, {6, 4}), y);
  });
  expect_bad({"matmul: a: expected at least 2 axes, found f32[5]"},
             [&] { ops::matmul(ctx(), make(Dtype::kF32, {5}), b, y); });
  expect_bad({"matmul: options: expected bias or accumulate, found both"}, [&] {
    ops::matmul(ctx(), a, make(Dtype::kF32, {5, 4}), y,
                {.bias = make(Dtype::kF32, {4}), .accumulate = true});
  });
  expect_bad({"matmul: bias: expected shape [4], found f32[3]"}, [&] {
    ops::matmul(ctx(), a, make(Dtype::kF32, {5, 4}), y, {.bias = make(Dtype::kF32, {3})});
  });
  expect_bad({"matmul: y: expected memory that does not overlap a"}, [&] {
    const ops::Tensor square = make(Dtype::kF32, {4, 4});
    ops::matmul(ctx(), square, square, square);
  });
  expect_bad({"matmul: a: expected a shape that broadcasts to [2, 3, 5], found f32[4, 3, 5]"}, [&] {
    ops::matmul(ctx(), make(Dtype::kF32, {4, 3, 5}), make(Dtype::kF32, {2, 5, 4}),
                make(Dtype::kF32, {2, 3, 4}));
  });
  expect_bad({"matmul_w8a8: a_scale: expected shape [3], found f32[4]"}, [&] {
    ops::matmul_w8a8(ctx(), make(Dtype::kI8, {3, 5}), make(Dtype::kF32, {4}),
                     make(Dtype::kI8, {4, 5}), make(Dtype::kF32, {4}), y);
  });
  expect_bad({"matmul_group_quantised: w: expected groups of 16, 32, 64 or 128"}, [&] {
    ops::matmul_group_quantised(ctx(), a, make(Dtype::kI8, {4, 5}), make(Dtype::kF32, {4, 1}),
                                make(Dtype::kF32, {4, 1}), 5, y);
  });
}

}  // namespace
}  // namespace tandem::tests

// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/move.hpp"

#include "ops/op_test.hpp"

namespace tandem::tests {
namespace {

TANDEM_OP_TEST(Move);

constexpr Dtype kTypes[] = {Dtype::kF32, Dtype::kBF16, Dtype::kE4M3,
                            Dtype::kU8,  Dtype::kI32,  Dtype::kI64};

HostTensor numbered(Dtype type, const Shape& shape) {
  HostTensor x(type, shape);
  for (std::uint64_t i = 0; i < x.numel(); ++i) x.set_bits(i, (i + 1) * 0x0101010101010101ull);
  return x;
}

/// Elements of x at source(index of y).
HostTensor moved(const HostTensor& x, const Shape& shape,
                 const std::function<Shape(const Shape&)>& source) {
  HostTensor y(x.dtype, shape);
  for_each_index(shape, [&](std::uint64_t flat, const Shape& index) {
    const Shape from = source(index);
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < from.size(); ++i) at = at * x.shape[i] + from[i];
    y.set_bits(flat, x.bits(at));
  });
  return y;
}

TEST_P(Move, FillEveryType) {
  for (const Dtype type : kTypes) {
    for (const Shape& shape : {Shape{}, Shape{7}, Shape{3, 5, 7}, Shape{2, 3, 2, 3, 2, 3}}) {
      const ops::Tensor y = make(type, shape);
      EXPECT_EQ(packets_of([&] { ops::fill(ctx(), y, 3.0); }), 1u);
      HostTensor expected(type, shape);
      for (std::uint64_t i = 0; i < expected.numel(); ++i) expected.set(i, 3.0);
      expect_same(get(y), expected, name_of(type, shape));
    }
  }
}

TEST_P(Move, FillConvertsLikeCast) {
  const ops::Tensor e4m3 = make(Dtype::kE4M3, {1}), e5m2 = make(Dtype::kE5M2, {1}),
                    i8 = make(Dtype::kI8, {1}), f16 = make(Dtype::kF16, {1});
  ops::fill(ctx(), e4m3, 1e9);
  ops::fill(ctx(), e5m2, 1e9);
  ops::fill(ctx(), i8, -128);
  ops::fill(ctx(), f16, 1.0 / 3);
  EXPECT_EQ(get(e4m3).value(0), 448);
  EXPECT_EQ(get(e5m2).bits(0), 0x7Cu);
  EXPECT_EQ(get(i8).integer(0), -128);
  EXPECT_EQ(get(f16).bits(0), 0x3555u);
}

TEST_P(Move, FillLeavesGapsOfStridedViews) {
  const ops::Tensor all = put(numbered(Dtype::kI32, {4, 6}));
  ops::fill_bits(ctx(), all.slice(0, 1, 4, 2).slice(1, 0, 6, 3), 9);
  HostTensor expected = numbered(Dtype::kI32, {4, 6});
  for (const std::uint64_t row : {1, 3}) {
    for (const std::uint64_t col : {0, 3}) expected.set_bits(row * 6 + col, 9);
  }
  expect_same(get(all), expected, "strided fill");
}

TEST_P(Move, Permutations) {
  for (const Dtype type : kTypes) {
    const HostTensor x = numbered(type, {3, 4, 5, 2});
    const int dims[] = {2, 0, 3, 1};
    const ops::Tensor y = make(type, {5, 3, 2, 4});
    EXPECT_EQ(packets_of([&] { ops::permute(ctx(), put(x), dims, y); }), 1u);
    expect_same(get(y),
                moved(x, {5, 3, 2, 4},
                      [](const Shape& i) {
                        return Shape{i[1], i[3], i[0], i[2]};
                      }),
                "permute " + name_of(type, x.shape));
    const ops::Tensor t = make(type, {3, 2, 5, 4});
    ops::transpose(ctx(), put(x), 1, -1, t);
    expect_same(get(t),
                moved(x, {3, 2, 5, 4},
                      [](const Shape& i) {
                        return Shape{i[0], i[3], i[2], i[1]};
                      }),
                "transpose");
  }
}

TEST_P(Move, SixAxesTakeSeveralPackets) {
  const HostTensor x = numbered(Dtype::kI32, {2, 3, 2, 3, 2, 3});
  const int dims[] = {5, 4, 3, 2, 1, 0};
  const ops::Tensor y = make(Dtype::kI32, {3, 2, 3, 2, 3, 2});
  EXPECT_EQ(packets_of([&] { ops::permute(ctx(), put(x), dims, y); }), 6u);
  expect_same(get(y),
              moved(x, {3, 2, 3, 2, 3, 2},
                    [](const Shape& i) { return Shape{i[5], i[4], i[3], i[2], i[1], i[0]}; }),
              "reversed axes");
}

TEST_P(Move, Slices) {
  const HostTensor x = numbered(Dtype::kU8, {10, 17});
  const ops::Tensor y = make(Dtype::kU8, {3, 17}), z = make(Dtype::kU8, {10, 8});
  ops::slice(ctx(), put(x), 0, 1, 9, 3, y);
  ops::slice(ctx(), put(x), -1, 2, 17, 2, z);
  expect_same(get(y),
              moved(x, {3, 17},
                    [](const Shape& i) {
                      return Shape{1 + 3 * i[0], i[1]};
                    }),
              "rows");
  expect_same(get(z),
              moved(x, {10, 8},
                    [](const Shape& i) {
                      return Shape{i[0], 2 + 2 * i[1]};
                    }),
              "columns");
  const ops::Tensor empty = make(Dtype::kU8, {0, 17});
  EXPECT_EQ(packets_of([&] { ops::slice(ctx(), put(x), 0, 4, 4, 1, empty); }), 0u);
}

TEST_P(Move, Concatenation) {
  const HostTensor a = numbered(Dtype::kBF16, {3, 1, 2}), b = numbered(Dtype::kBF16, {3, 7, 2}),
                   c = numbered(Dtype::kBF16, {3, 0, 2});
  const ops::Tensor y = make(Dtype::kBF16, {3, 8, 2});
  const ops::Tensor parts[] = {put(a), put(c), put(b)};
  EXPECT_EQ(packets_of([&] { ops::concat(ctx(), parts, 1, y); }), 2u);
  const HostTensor got = get(y);
  for_each_index({3, 8, 2}, [&](std::uint64_t flat, const Shape& i) {
    EXPECT_EQ(got.bits(flat),
              i[1] == 0 ? a.bits(i[0] * 2 + i[2]) : b.bits((i[0] * 7 + i[1] - 1) * 2 + i[2]));
  });
}

TEST_P(Move, RepeatKvRepeatsEachHead) {
  const HostTensor x = numbered(Dtype::kF32, {2, 2, 5, 8});
  const ops::Tensor y = make(Dtype::kF32, {2, 6, 5, 8});
  EXPECT_EQ(packets_of([&] { ops::repeat_kv(ctx(), put(x), 3, y); }), 1u);
  expect_same(get(y),
              moved(x, {2, 6, 5, 8},
                    [](const Shape& i) {
                      return Shape{i[0], i[1] / 3, i[2], i[3]};
                    }),
              "repeat_kv");
}

TEST_P(Move, Broadcasting) {
  const HostTensor x = numbered(Dtype::kI64, {3, 1});
  const ops::Tensor y = make(Dtype::kI64, {4, 3, 7});
  EXPECT_EQ(packets_of([&] { ops::broadcast_to(ctx(), put(x), y); }), 1u);
  expect_same(get(y),
              moved(x, {4, 3, 7},
                    [](const Shape& i) {
                      return Shape{i[1], 0};
                    }),
              "broadcast");
}

TEST_P(Move, ReshapeOfStridedViews) {
  const HostTensor x = numbered(Dtype::kF32, {4, 6});
  const ops::Tensor all = put(x);
  const ops::Tensor y = make(Dtype::kF32, {3, 8});
  ops::reshape(ctx(), all.transpose(0, 1), y);
  const auto expected = moved(x, {3, 8}, [](const Shape& i) {
    const std::uint64_t flat = i[0] * 8 + i[1];
    return Shape{flat % 4, flat / 4};
  });
  expect_same(get(y), expected, "to contiguous");
  // Both strided: through scratch.
  const ops::Tensor wide = make(Dtype::kF32, {3, 16});
  ops::reshape(ctx(), all.transpose(0, 1), wide.slice(1, 0, 16, 2));
  expect_same(get(wide.slice(1, 0, 16, 2)), expected, "to strided");
}

TEST_P(Move, WrongArgumentsBad) {
  const ops::Tensor f = make(Dtype::kF32, {4, 6}), h = make(Dtype::kF16, {4, 6});
  expect_bad({"copy: y: expected type f32 as x, found f16[4, 6]"}, [&] { ops::copy(ctx(), f, h); });
  expect_bad({"copy: x: expected a shape that broadcasts to [6]"},
             [&] { ops::copy(ctx(), f, make(Dtype::kF32, {6})); });
  expect_bad({"transpose: y: expected shape [6, 4], found f32[4, 6]"}, [&] {
    ops::transpose(ctx(), f, 0, 1, make(Dtype::kF32, {4, 6}));
  });
  expect_bad({"transpose: axis: expected an axis of f32[4, 6], found 2"},
             [&] { ops::transpose(ctx(), f, 0, 2, f); });
  const int dims[] = {0, 0};
  expect_bad({"permute: dims: expected every axis of f32[4, 6] once, found [0, 0]"},
             [&] { ops::permute(ctx(), f, dims, f); });
  expect_bad({"slice: range: expected 0 <= start <= stop <= 6", "found 2:9:1"},
             [&] { ops::slice(ctx(), f, 1, 2, 9, 1, f); });
  const ops::Tensor parts[] = {f, f.slice(1, 0, 3)};
  expect_bad({"concat: x[1]: expected shape [4, 6], found f32[4, 3]"}, [&] {
    ops::concat(ctx(), parts, 0, make(Dtype::kF32, {8, 6}));
  });
  expect_bad({"concat: y: expected 9 elements on axis 1, the sum of the inputs, found f32[4, 8]"},
             [&] {
               ops::concat(ctx(), parts, 1, make(Dtype::kF32, {4, 8}));
             });
  expect_bad({"reshape: y: expected 24 elements as x f32[4, 6], found f32[5, 5]"}, [&] {
    ops::reshape(ctx(), f, make(Dtype::kF32, {5, 5}));
  });
  expect_bad({"fill: value: expected a value from -128 to below 128, found 200"},
             [&] { ops::fill(ctx(), make(Dtype::kI8, {1}), 200); });
  expect_bad({"fill: bits: expected at most 16 bits for f16[4, 6], found 0x12345"},
             [&] { ops::fill_bits(ctx(), h, 0x12345); });
  expect_bad({"copy: y: expected memory that does not overlap x"},
             [&] { ops::copy(ctx(), f.slice(0, 0, 3), f.slice(0, 1, 4)); });
}

}  // namespace
}  // namespace tandem::tests

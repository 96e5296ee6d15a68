// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/index.hpp"

#include "ops/op_test.hpp"
#include "tandem/numerics/quant.hpp"

namespace tandem::tests {
namespace {

TANDEM_OP_TEST(Index);
TANDEM_OP_TEST(Embedding);

HostTensor indices(std::mt19937& random, Dtype type, const Shape& shape, std::uint64_t limit) {
  HostTensor x(type, shape);
  for (std::uint64_t i = 0; i < x.numel(); ++i) x.set_bits(i, random() % limit);
  return x;
}

std::uint64_t flat_of(const Shape& shape, const Shape& index) {
  std::uint64_t flat = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) flat = flat * shape[i] + index[i];
  return flat;
}

TEST_P(Index, IndexSelectOnEveryAxis) {
  for (const Dtype type : {Dtype::kF32, Dtype::kBF16, Dtype::kU8, Dtype::kI64}) {
    for (const Dtype index_type : {Dtype::kI32, Dtype::kI64}) {
      for (const std::size_t axis : {0u, 1u, 2u}) {
        const HostTensor x = random_tensor(random_, type, {4, 5, 6}, 0, 100);
        const HostTensor index = indices(random_, index_type, {7}, x.shape[axis]);
        Shape shape = x.shape;
        shape[axis] = 7;
        HostTensor expected(type, shape);
        for_each_index(shape, [&](std::uint64_t flat, Shape at) {
          at[axis] = index.bits(at[axis]);
          expected.set_bits(flat, x.bits(flat_of(x.shape, at)));
        });
        const ops::Tensor y = make(type, shape);
        EXPECT_EQ(packets_of([&] {
                    ops::index_select(ctx(), put(x), static_cast<int>(axis) - 3, put(index), y);
                  }),
                  1u);
        expect_same(get(y), expected, name_of(type, shape));
      }
    }
  }
}

TEST_P(Index, GatherOnEveryAxis) {
  for (const Dtype type : {Dtype::kF32, Dtype::kF16, Dtype::kI64}) {
    for (const std::size_t axis : {0u, 1u, 2u, 3u}) {
      const HostTensor x = random_tensor(random_, type, {3, 4, 5, 2}, 0, 100);
      // Smaller than x off the axis, longer on it.
      Shape shape = {2, 3, 4, 2};
      shape[axis] = 6;
      const HostTensor index = indices(random_, Dtype::kI64, shape, x.shape[axis]);
      HostTensor expected(type, shape);
      for_each_index(shape, [&](std::uint64_t flat, Shape at) {
        at[axis] = index.bits(flat);
        expected.set_bits(flat, x.bits(flat_of(x.shape, at)));
      });
      const ops::Tensor y = make(type, shape);
      ops::gather(ctx(), put(x), static_cast<int>(axis), put(index), y);
      expect_same(get(y), expected, name_of(type, shape));
    }
  }
}

/// y = x + src at indices, additions in ascending order, one rounding to y's type at the end.
HostTensor added(const HostTensor& x, std::size_t axis, const HostTensor& src, Dtype to,
                 const std::function<std::uint64_t(std::uint64_t, const Shape&)>& index) {
  HostTensor y(to, x.shape);
  std::vector<float> sum(x.numel());
  std::vector<std::uint32_t> whole(x.numel());
  for (std::uint64_t i = 0; i < x.numel(); ++i) {
    sum[i] = static_cast<float>(x.value(i));
    whole[i] = static_cast<std::uint32_t>(x.bits(i));
  }
  for_each_index(src.shape, [&](std::uint64_t flat, Shape at) {
    at[axis] = index(flat, at);
    sum[flat_of(x.shape, at)] += static_cast<float>(src.value(flat));
    whole[flat_of(x.shape, at)] += static_cast<std::uint32_t>(src.bits(flat));
  });
  for (std::uint64_t i = 0; i < x.numel(); ++i) {
    if (to == Dtype::kI32) {
      y.set_bits(i, whole[i]);
    } else {
      y.set(i, static_cast<double>(sum[i]));
    }
  }
  return y;
}

TEST_P(Index, IndexAddAndScatterAddInOrder) {
  for (const auto& [type, to] :
       {std::pair{Dtype::kF32, Dtype::kF32}, std::pair{Dtype::kBF16, Dtype::kBF16},
        std::pair{Dtype::kF16, Dtype::kF32}, std::pair{Dtype::kE4M3, Dtype::kE4M3},
        std::pair{Dtype::kI32, Dtype::kI32}}) {
    for (const std::size_t axis : {0u, 1u, 2u}) {
      const HostTensor x = random_tensor(random_, type, {3, 4, 5}, -3, 3);
      Shape shape = x.shape;
      shape[axis] = 9;
      const HostTensor src = random_tensor(random_, type, shape, -3, 3);
      const HostTensor one = indices(random_, Dtype::kI32, {9}, x.shape[axis]);
      const ops::Tensor y = make(to, x.shape);
      ops::index_add(ctx(), put(x), static_cast<int>(axis), put(one), put(src), y);
      expect_same(
          get(y),
          added(x, axis, src, to, [&](auto, const Shape& at) { return one.bits(at[axis]); }),
          "index_add " + name_of(type, shape));
      const HostTensor all = indices(random_, Dtype::kI64, shape, x.shape[axis]);
      ops::scatter_add(ctx(), put(x), static_cast<int>(axis), put(all), put(src), y);
      expect_same(
          get(y),
          added(x, axis, src, to, [&](std::uint64_t flat, auto&) { return all.bits(flat); }),
          "scatter_add " + name_of(type, shape));
    }
  }
}

TEST_P(Index, InPlaceAndEmpty) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {4, 3});
  const ops::Tensor t = put(x);
  const HostTensor src = random_tensor(random_, Dtype::kF32, {2, 3});
  const HostTensor at = indices(random_, Dtype::kI32, {2}, 4);
  EXPECT_EQ(packets_of([&] { ops::index_add(ctx(), t, 0, put(at), put(src), t); }), 1u);
  expect_same(get(t),
              added(x, 0, src, Dtype::kF32, [&](auto, const Shape& i) { return at.bits(i[0]); }),
              "in place");
  const ops::Tensor none = make(Dtype::kI32, {0}), nothing = make(Dtype::kF32, {0, 3});
  EXPECT_EQ(packets_of([&] { ops::index_select(ctx(), t, 0, none, nothing); }), 0u);
}

TEST_P(Index, IndexOutOfRangeStopsTheDevice) {
  const ops::Tensor x = make(Dtype::kF32, {4, 3}), y = make(Dtype::kF32, {2, 3});
  ops::fill(ctx(), x, 1);
  for (const double bad : {4.0, -1.0}) {
    ops::index_select(ctx(), x, 0, put(Dtype::kI32, {2}, {1, bad}), y);
    expect_error(ErrorCode::kDeviceFault, {"BAD_INDEX", "index_select"},
                 [&] { ctx().queue().finish(); });
  }
  ops::index_select(ctx(), x, 0, put(Dtype::kI32, {2}, {3, 0}), y);
  EXPECT_EQ(get(y).value(0), 1);
}

TEST_P(Index, WrongArgumentsBad) {
  const ops::Tensor x = make(Dtype::kF32, {4, 3}), i = make(Dtype::kI32, {2}),
                    y = make(Dtype::kF32, {2, 3});
  expect_bad({"index_select: index: expected type i32 or i64, found f32[4]"},
             [&] { ops::index_select(ctx(), x, 0, x.select(1, 0), y); });
  expect_bad({"index_select: y: expected shape [4, 2], found f32[2, 3]"},
             [&] { ops::index_select(ctx(), x, 1, i, y); });
  expect_bad({"gather: index: expected 2 axes, found i32[2]"},
             [&] { ops::gather(ctx(), x, 0, i, y); });
  expect_bad({"gather: index: expected at most 3 elements on axis 1"}, [&] {
    ops::gather(ctx(), x, 0, make(Dtype::kI32, {2, 5}), make(Dtype::kF32, {2, 5}));
  });
  expect_bad({"index_select: y: expected memory that does not overlap x"},
             [&] { ops::index_select(ctx(), x, 0, i, x.slice(0, 1, 3)); });
  expect_bad({"index_add: src: expected shape [2, 3], found f32[4, 3]"},
             [&] { ops::index_add(ctx(), x, 0, i, x, x); });
  expect_bad({"scatter_add: src: expected type f32 as x, found f16[2, 3]"}, [&] {
    ops::scatter_add(ctx(), x, 0, make(Dtype::kI32, {2, 3}), make(Dtype::kF16, {2, 3}), x);
  });
}

TEST_P(Embedding, RowsOfATable) {
  for (const auto& [type, to] :
       {std::pair{Dtype::kF16, Dtype::kF16}, std::pair{Dtype::kBF16, Dtype::kF32}}) {
    const HostTensor table = random_tensor(random_, type, {33, 17});
    const HostTensor ids = indices(random_, Dtype::kI64, {2, 3}, 33);
    const ops::Tensor y = make(to, {2, 3, 17});
    ops::embedding(ctx(), put(table), put(ids), y);
    const HostTensor got = get(y);
    for (std::uint64_t i = 0; i < got.numel(); ++i) {
      EXPECT_EQ(got.value(i), table.value(ids.bits(i / 17) * 17 + i % 17));
    }
  }
}

TEST_P(Embedding, RowsOfPanels) {
  for (const Dtype type : {Dtype::kF16, Dtype::kBF16, Dtype::kF32}) {
    // 70 rows: three panels, the last one partly filled.
    const HostTensor table = random_tensor(random_, type, {70, 19});
    ops::WeightWriter writer(device(), {.dtype = type}, 70, 19, "table");
    writer.write_rows(type, table.bytes, 0);
    const ops::WeightBuffer weight = writer.finish();
    const HostTensor ids = indices(random_, Dtype::kI32, {40}, 70);
    for (const Dtype to : {type, Dtype::kF32}) {
      const ops::Tensor y = make(to, {40, 19});
      ops::embedding(ctx(), weight.weight, put(ids), y);
      const HostTensor got = get(y);
      for (std::uint64_t i = 0; i < got.numel(); ++i) {
        ASSERT_EQ(got.value(i), table.value(ids.bits(i / 19) * 19 + i % 19)) << i;
      }
    }
    // The rows of zeros behind the last one are no ids.
    ops::embedding(ctx(), weight.weight, put(Dtype::kI32, {1}, {70}), make(type, {1, 19}));
    expect_error(ErrorCode::kDeviceFault, {"BAD_INDEX", "embedding"},
                 [&] { ctx().queue().finish(); });
  }
}

TEST_P(Embedding, RowsOfGroupQuantisedPanels) {
  for (const Dtype type : {Dtype::kU4, Dtype::kI8}) {
    // 80 elements in groups of 32: the last group is half.
    const std::uint64_t n = 45, k = 80, groups = 3;
    std::vector<std::int8_t> q(n * k);
    for (auto& code : q)
      code = static_cast<std::int8_t>(type == Dtype::kU4 ? random_() % 16 : random_());
    std::vector<float> scales(n * groups), mins(n * groups);
    for (auto& value : scales) value = static_cast<float>(random_() % 2000) / 1024.0f - 1.0f;
    for (auto& value : mins) value = static_cast<float>(random_() % 2000) / 1024.0f - 1.0f;
    ops::WeightWriter writer(
        device(), {.dtype = type, .group_size = 32, .scale_dtype = Dtype::kF32}, n, k, "table");
    writer.write_groups(q, scales, mins, 0);
    const ops::WeightBuffer weight = writer.finish();
    const HostTensor ids = indices(random_, Dtype::kI64, {50}, n);
    const ops::Tensor y = make(Dtype::kF32, {50, k});
    ops::embedding(ctx(), weight.weight, put(ids), y);
    const HostTensor got = get(y);
    for (std::uint64_t i = 0; i < got.numel(); ++i) {
      const std::uint64_t row = ids.bits(i / k), col = i % k, group = row * groups + col / 32;
      ASSERT_EQ(static_cast<float>(got.value(i)),
                numerics::dequantize_f32(scales[group], q[row * k + col], mins[group]))
          << i;
    }
  }
}

TEST_P(Embedding, WrongArgumentsBad) {
  const ops::Tensor table = make(Dtype::kF16, {33, 17}), ids = make(Dtype::kI32, {3});
  expect_bad({"embedding: y: expected shape [3, 17], found f16[3, 16]"}, [&] {
    ops::embedding(ctx(), table, ids, make(Dtype::kF16, {3, 16}));
  });
  expect_bad({"embedding: ids: expected type i32 or i64, found f16[33, 17]"}, [&] {
    ops::embedding(ctx(), table, table, make(Dtype::kF16, {33, 17, 17}));
  });
  expect_bad({"embedding: y: expected type f32", "found i8[3, 17]"}, [&] {
    ops::embedding(ctx(), table, ids, make(Dtype::kI8, {3, 17}));
  });
}

}  // namespace
}  // namespace tandem::tests

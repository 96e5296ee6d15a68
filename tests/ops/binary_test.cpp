// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/binary.hpp"

#include "ops/op_test.hpp"
#include "ops/ref/elementwise.hpp"

namespace tandem::tests {
namespace {

using ops::BinaryOp;

TANDEM_OP_TEST(Binary);
TANDEM_OP_TEST(Where);

constexpr Dtype kFloats[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2};
constexpr int kNumOps = static_cast<int>(BinaryOp::kGe) + 1;

BinaryOp op_at(int number) { return static_cast<BinaryOp>(number); }
bool compares(BinaryOp op) { return op >= BinaryOp::kEq; }

/// Pairs of shapes that broadcast.
const std::pair<Shape, Shape> kShapes[] = {{{3, 17}, {3, 17}},        {{4, 1, 5}, {3, 1}},
                                           {{65}, {2, 3, 65}},        {{}, {7}},
                                           {{2, 1, 1, 9}, {3, 4, 1}}, {{1}, {1}}};

TEST_P(Binary, EveryFunctionOfEveryTypeWithBroadcasting) {
  for (int number = 0; number < kNumOps; ++number) {
    const BinaryOp op = op_at(number);
    for (const Dtype type : kFloats) {
      for (const auto& [x_shape, y_shape] : kShapes) {
        const HostTensor x = random_tensor(random_, type, x_shape, -2, 2, true);
        HostTensor y = random_tensor(random_, kFloats[number % 5], y_shape, -2, 2, true);
        // Some equal pairs.
        for (std::uint64_t i = 0; i < y.numel(); i += 3) y.set(i, x.value(i % x.numel()));
        const Shape shape = broadcast_shape(x_shape, y_shape);
        const ops::Tensor z = make(compares(op) ? Dtype::kU8 : Dtype::kF32, shape);
        EXPECT_EQ(packets_of([&] { ops::binary(ctx(), op, put(x), put(y), z); }), 1u);
        expect_near(
            get(z),
            ref::map(x, y, shape, [&](double a, double b) { return ref::binary(op, a, b); }),
            {op == BinaryOp::kDiv ? 3.0 : 0.5, 0},
            std::string(to_string(op)) + " " + name_of(type, shape));
      }
    }
  }
}

TEST_P(Binary, Integers) {
  for (int number = 0; number < kNumOps; ++number) {
    const BinaryOp op = op_at(number);
    if (op == BinaryOp::kDiv) continue;
    HostTensor x(Dtype::kI32, {5, 13}), y(Dtype::kI32, {5, 13});
    for (std::uint64_t i = 0; i < x.numel(); ++i) {
      x.set_bits(i, random_());
      y.set_bits(i, i % 4 == 0 ? x.bits(i) : random_());
    }
    x.set_bits(1, 0x7FFFFFFF);
    y.set_bits(1, 0x80000000);
    HostTensor expected(compares(op) ? Dtype::kU8 : Dtype::kI32, x.shape);
    for (std::uint64_t i = 0; i < x.numel(); ++i) {
      const std::int64_t a = x.integer(i), b = y.integer(i);
      std::int64_t value = static_cast<std::int64_t>(
          ref::binary(op, static_cast<double>(a), static_cast<double>(b)));
      if (op == BinaryOp::kMul) value = a * b;
      expected.set_bits(i, static_cast<std::uint64_t>(value));
    }
    const ops::Tensor z = make(expected.dtype, x.shape);
    ops::binary(ctx(), op, put(x), put(y), z);
    expect_same(get(z), expected, std::string(to_string(op)));
  }
}

TEST_P(Binary, InPlaceOverEitherInput) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {300});
  const HostTensor y = random_tensor(random_, Dtype::kF32, {300});
  const auto expected = ref::map(x, y, x.shape, [](double a, double b) { return a - b; });
  const ops::Tensor a = put(x), b = put(y);
  ops::sub(ctx(), a, b, b);
  expect_near(get(b), expected, {0.5, 0}, "over y");
  const ops::Tensor c = put(y);
  ops::sub(ctx(), a, c, a);
  expect_near(get(a), expected, {0.5, 0}, "over x");
}

TEST_P(Binary, NarrowResultsRoundOnceFromFp32) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {200});
  const HostTensor y = random_tensor(random_, Dtype::kF32, {200});
  for (const Dtype type : kFloats) {
    const ops::Tensor z = make(type, x.shape);
    ops::mul(ctx(), put(x), put(y), z);
    HostTensor expected(type, x.shape);
    for (std::uint64_t i = 0; i < x.numel(); ++i) {
      expected.set_bits(i, narrow(type, static_cast<float>(x.value(i) * y.value(i))));
    }
    expect_same(get(z), expected, name_of(type, x.shape));
  }
}

TEST_P(Binary, NamesRoundTrip) {
  for (int number = 0; number < kNumOps; ++number) {
    EXPECT_EQ(ops::binary_op(to_string(op_at(number))), op_at(number));
  }
  EXPECT_EQ(ops::binary_op("pow"), std::nullopt);
}

TEST_P(Binary, WrongArgumentsBad) {
  const ops::Tensor f = make(Dtype::kF32, {4}), i = make(Dtype::kI32, {4}),
                    u = make(Dtype::kU8, {4});
  expect_bad({"add: y: expected type i32, found f32[4]"}, [&] { ops::add(ctx(), i, f, i); });
  expect_bad({"add: z: expected type i32, found f32[4]"}, [&] { ops::add(ctx(), i, i, f); });
  expect_bad({"div: x: expected type f32", "found i32[4]"}, [&] { ops::div(ctx(), i, i, i); });
  expect_bad({"lt: z: expected type u8, found f32[4]"},
             [&] { ops::binary(ctx(), BinaryOp::kLt, f, f, f); });
  expect_bad({"mul: x: expected type", "found u8[4]"}, [&] { ops::mul(ctx(), u, f, f); });
  expect_bad({"mul: y: expected a shape that broadcasts to [4], found f32[3]"},
             [&] { ops::mul(ctx(), f, f.slice(0, 0, 3), f); });
  // An output has the broadcast shape itself.
  expect_bad({"mul: x: expected a shape that broadcasts to [1], found f32[4]"},
             [&] { ops::mul(ctx(), f, f, f.slice(0, 0, 1)); });
}

TEST_P(Where, MovesBitsOfEveryType) {
  for (const Dtype type : {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2,
                           Dtype::kI8, Dtype::kU8, Dtype::kI32, Dtype::kI64}) {
    const Shape shape = {3, 7, 11};
    HostTensor x(type, shape), y(type, {7, 1}), cond(Dtype::kU8, {3, 1, 11});
    for (std::uint64_t i = 0; i < x.numel(); ++i) {
      x.set_bits(i, static_cast<std::uint64_t>(random_()) << 32 | random_());
    }
    for (std::uint64_t i = 0; i < y.numel(); ++i) {
      y.set_bits(i, static_cast<std::uint64_t>(random_()) << 32 | random_());
    }
    for (std::uint64_t i = 0; i < cond.numel(); ++i) cond.set_bits(i, random_() % 3 == 0 ? 0 : i);
    HostTensor expected(type, shape);
    for_each_index(shape, [&](std::uint64_t flat, const Shape& index) {
      expected.set_bits(flat, cond.at(index) != 0 ? x.bits(flat) : y.bits(index[1]));
    });
    const ops::Tensor z = make(type, shape);
    EXPECT_EQ(packets_of([&] { ops::where(ctx(), put(cond), put(x), put(y), z); }),
              type == Dtype::kI64 ? 2u : 1u);
    const HostTensor got = get(z);
    EXPECT_EQ(got.bytes, expected.bytes) << name_of(type, shape);
  }
}

TEST_P(Where, WrongArgumentsBad) {
  const ops::Tensor f = make(Dtype::kF32, {4}), h = make(Dtype::kF16, {4}),
                    c = make(Dtype::kU8, {4});
  expect_bad({"where: cond: expected type u8, i8 or i32, found f32[4]"},
             [&] { ops::where(ctx(), f, f, f, f); });
  expect_bad({"where: y: expected type f32 as z, found f16[4]"},
             [&] { ops::where(ctx(), c, f, h, f); });
  expect_bad({"where: cond: expected a shape that broadcasts to [3]"}, [&] {
    ops::where(ctx(), c, f.slice(0, 0, 3), f.slice(0, 0, 3), make(Dtype::kF32, {3}));
  });
}

}  // namespace
}  // namespace tandem::tests

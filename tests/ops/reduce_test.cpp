// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/reduce.hpp"

#include "ops/op_test.hpp"
#include "ops/ref/rows.hpp"
#include "tandem/numerics/reduce.hpp"

namespace tandem::tests {
namespace {

using ops::ReduceOp;

TANDEM_OP_TEST(Reduce);

constexpr Dtype kFloats[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2};
constexpr int kNumOps = static_cast<int>(ReduceOp::kArgmin) + 1;

ReduceOp op_at(int number) { return static_cast<ReduceOp>(number); }
bool is_arg(ReduceOp op) { return op >= ReduceOp::kArgmax; }

Shape result_shape(const Shape& shape, const std::vector<int>& axes, bool keep) {
  Shape result;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool reduced = std::find(axes.begin(), axes.end(), static_cast<int>(i)) != axes.end();
    if (!reduced) result.push_back(shape[i]);
    if (reduced && keep) result.push_back(1);
  }
  return result;
}

std::vector<double> expected_of(ReduceOp op, const HostTensor& x, const std::vector<int>& axes) {
  std::vector<double> result;
  for (const auto& group : ref::groups(x, axes)) result.push_back(ref::reduce(op, group));
  return result;
}

/// Sums differ from float64 by the roundings of a chain of n / 64 and a tree.
Bound bound_of(ReduceOp op, std::uint64_t count, double scale) {
  if (op != ReduceOp::kSum && op != ReduceOp::kMean) return {};
  const double steps = static_cast<double>(count / 64 + 8);
  return {0, steps * 0x1p-24 * scale * (op == ReduceOp::kSum ? static_cast<double>(count) : 1.0)};
}

TEST_P(Reduce, EveryOpOverEveryAxisAndType) {
  const std::vector<int> choices[] = {{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}, {0, 1, 2}};
  for (int number = 0; number < kNumOps; ++number) {
    const ReduceOp op = op_at(number);
    for (const Dtype type : kFloats) {
      const HostTensor x = random_tensor(random_, type, {3, 5, 67});
      for (const auto& axes : choices) {
        for (const bool keep : {false, true}) {
          const ops::Tensor y =
              make(is_arg(op) ? Dtype::kI64 : Dtype::kF32, result_shape(x.shape, axes, keep));
          ops::reduce(ctx(), op, put(x), axes, y);
          const std::uint64_t count = x.numel() / std::max<std::uint64_t>(1, y.numel());
          expect_near(
              get(y), expected_of(op, x, axes), bound_of(op, count, 2.0),
              std::string(to_string(op)) + " " + name_of(type, x.shape) + " to " + y.describe());
        }
      }
    }
  }
}

TEST_P(Reduce, SumsAreTheArchitecturalOrder) {
  for (const std::uint64_t n : {1u, 63u, 64u, 65u, 1000u, 4099u}) {
    const HostTensor x = random_tensor(random_, Dtype::kF32, {2, n}, -1000, 1000);
    const ops::Tensor y = make(Dtype::kF32, {2});
    const int axes[] = {1};
    EXPECT_EQ(packets_of([&] { ops::reduce(ctx(), ReduceOp::kSum, put(x), axes, y); }), 1u);
    for (std::uint64_t row = 0; row < 2; ++row) {
      std::vector<std::uint32_t> bits;
      for (std::uint64_t i = 0; i < n; ++i)
        bits.push_back(static_cast<std::uint32_t>(x.bits(row * n + i)));
      EXPECT_EQ(get(y).bits(row), numerics::reduce<numerics::SumF32>(bits.data(), n)) << n;
    }
  }
}

TEST_P(Reduce, AnyLayoutGivesTheSameBits) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {4, 6, 50}, -1000, 1000);
  const ops::Tensor t = put(x);
  const int axes[] = {0, 2};
  const ops::Tensor direct = make(Dtype::kF32, {6}), turned = make(Dtype::kF32, {6});
  ops::reduce(ctx(), ReduceOp::kSum, t, axes, direct);
  // The same elements in another memory order.
  const ops::Tensor other = make(Dtype::kF32, {50, 6, 4});
  const int back[] = {2, 1, 0};
  ops::copy(ctx(), t.permute(back), other);
  ops::reduce(ctx(), ReduceOp::kSum, other.permute(back), axes, turned);
  expect_same(get(turned), get(direct), "layouts");
}

TEST_P(Reduce, LeadingAxisIsReadInPlace) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {70, 33});
  const ops::Tensor y = make(Dtype::kF32, {33});
  const int axes[] = {0};
  EXPECT_EQ(packets_of([&] { ops::reduce(ctx(), ReduceOp::kMax, put(x), axes, y); }), 1u);
  expect_near(get(y), expected_of(ReduceOp::kMax, x, {0}), {}, "columns");
}

TEST_P(Reduce, TiesAndNan) {
  const double nan = std::nan("");
  const ops::Tensor x = put(Dtype::kF32, {4, 5}, {1,        3,        3,         2,         3,   //
                                                  -0.0,     0.0,      -0.0,      0,         0,   //
                                                  1,        nan,      9,         nan,       -9,  //
                                                  INFINITY, INFINITY, -INFINITY, -INFINITY, 0});
  const ops::Tensor y = make(Dtype::kI32, {4}), z = make(Dtype::kF32, {4});
  ops::argmax(ctx(), x, -1, y);
  expect_near(get(y), {1, 0, 1, 0}, {}, "argmax");
  ops::argmin(ctx(), x, -1, y);
  expect_near(get(y), {0, 0, 1, 2}, {}, "argmin");
  const int axes[] = {-1};
  ops::reduce(ctx(), ReduceOp::kMax, x, axes, z);
  EXPECT_EQ(get(z).bits(1), 0u) << "+0 is above -0";
  EXPECT_EQ(get(z).bits(2), 0x7FC00000u);
  ops::reduce(ctx(), ReduceOp::kMin, x, axes, z);
  EXPECT_EQ(get(z).bits(1), 0x80000000u);
  const ops::Tensor none = make(Dtype::kI32, {1});
  ops::argmax(ctx(), put(Dtype::kF32, {1, 3}, {nan, nan, nan}), 1, none);
  EXPECT_EQ(get(none).integer(0), 0);
}

TEST_P(Reduce, Integers) {
  for (const Dtype type : {Dtype::kI8, Dtype::kU8, Dtype::kI32}) {
    HostTensor x(type, {7, 130});
    for (std::uint64_t i = 0; i < x.numel(); ++i)
      x.set_bits(i, random_() >> (type == Dtype::kI32 ? 8 : 0));
    for (const ReduceOp op :
         {ReduceOp::kSum, ReduceOp::kMax, ReduceOp::kMin, ReduceOp::kArgmax, ReduceOp::kArgmin}) {
      for (const Dtype to : {Dtype::kI32, Dtype::kI64}) {
        const ops::Tensor y = make(to, {7});
        const int axes[] = {1};
        ops::reduce(ctx(), op, put(x), axes, y);
        HostTensor expected(to, {7});
        const auto values = expected_of(op, x, {1});
        for (std::uint64_t i = 0; i < 7; ++i) {
          // Sums are modulo 2^32.
          expected.set_bits(i,
                            static_cast<std::uint64_t>(static_cast<std::int64_t>(
                                static_cast<std::int32_t>(static_cast<std::int64_t>(values[i])))));
        }
        expect_same(get(y), expected, std::string(to_string(op)) + " " + name_of(type, x.shape));
      }
    }
  }
}

TEST_P(Reduce, NothingToReduce) {
  const ops::Tensor x = make(Dtype::kF32, {3, 0}), y = make(Dtype::kF32, {3});
  const int axes[] = {1};
  ops::reduce(ctx(), ReduceOp::kSum, x, axes, y);
  EXPECT_EQ(get(y).bits(0), 0u);
  expect_bad({"max: x: expected at least one element to reduce, found f32[3, 0]"},
             [&] { ops::reduce(ctx(), ReduceOp::kMax, x, axes, y); });
  const ops::Tensor none = make(Dtype::kF32, {0, 3}), out = make(Dtype::kF32, {0});
  EXPECT_EQ(packets_of([&] { ops::reduce(ctx(), ReduceOp::kMax, none, axes, out); }), 0u);
}

TEST_P(Reduce, ScalarsAndNarrowResults) {
  const ops::Tensor x = put(Dtype::kF32, {}, {2.5}), y = make(Dtype::kBF16, {});
  ops::reduce(ctx(), ReduceOp::kMean, x, {}, y);
  EXPECT_EQ(get(y).value(0), 2.5);
}

TEST_P(Reduce, NamesRoundTrip) {
  for (int number = 0; number < kNumOps; ++number) {
    EXPECT_EQ(ops::reduce_op(to_string(op_at(number))), op_at(number));
  }
  EXPECT_EQ(ops::reduce_op("prod"), std::nullopt);
}

TEST_P(Reduce, WrongArgumentsBad) {
  const ops::Tensor x = make(Dtype::kF32, {4, 6}), y = make(Dtype::kF32, {4});
  const int axis[] = {1}, far[] = {2}, twice[] = {1, -1};
  expect_bad({"sum: axis: expected an axis of f32[4, 6], found 2"},
             [&] { ops::reduce(ctx(), ReduceOp::kSum, x, far, y); });
  expect_bad({"sum: axes: expected every axis once, found [1, -1]"},
             [&] { ops::reduce(ctx(), ReduceOp::kSum, x, twice, y); });
  expect_bad({"sum: y: expected shape [4] or [4, 1], found f32[4, 6]"},
             [&] { ops::reduce(ctx(), ReduceOp::kSum, x, axis, x); });
  expect_bad({"argmax: y: expected type i32 or i64, found f32[4]"},
             [&] { ops::argmax(ctx(), x, 1, y); });
  expect_bad({"mean: x: expected type f32", "found i32[4, 6]"}, [&] {
    ops::reduce(ctx(), ReduceOp::kMean, make(Dtype::kI32, {4, 6}), axis, y);
  });
  expect_bad({"sum: x: expected type", "found i64[4, 6]"}, [&] {
    ops::reduce(ctx(), ReduceOp::kSum, make(Dtype::kI64, {4, 6}), axis, y);
  });
}

}  // namespace
}  // namespace tandem::tests

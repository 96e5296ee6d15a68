// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/elementwise.hpp"

#include "ops/op_test.hpp"
#include "ops/ref/elementwise.hpp"

namespace tandem::tests {
namespace {

using ops::Expr;

TANDEM_OP_TEST(Elementwise);

TEST_P(Elementwise, FusesAnExpressionOfFourInputsIntoOnePacket) {
  const HostTensor a = random_tensor(random_, Dtype::kF32, {3, 40}),
                   b = random_tensor(random_, Dtype::kF16, {40}),
                   c = random_tensor(random_, Dtype::kBF16, {3, 1}),
                   d = random_tensor(random_, Dtype::kF32, {});
  const ops::Tensor y = make(Dtype::kF32, {3, 40});
  const auto formula = [](auto p, auto q, auto r, auto s) {
    return numerics::tanh(fma(p, q, r)) * numerics::exp(s) - p;
  };
  EXPECT_EQ(packets_of([&] {
              ops::elementwise(ctx(), {y}, {put(a), put(b), put(c), put(d)}, formula);
            }),
            1u);
  const HostTensor got = get(y);
  for_each_index({3, 40}, [&](std::uint64_t flat, const Shape& i) {
    using numerics::Bits32;
    const auto bits = [&](const HostTensor& x) { return Bits32::of(static_cast<float>(x.at(i))); };
    const Bits32 expected =
        sub(mul(numerics::tanh(fma(bits(a), bits(b), bits(c))), numerics::exp(bits(d))), bits(a));
    EXPECT_EQ(got.bits(flat), expected.bits) << flat;
  });
}

TEST_P(Elementwise, SeveralOutputsAndParameters) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {70});
  const ops::Tensor lower = make(Dtype::kF32, {70}), upper = make(Dtype::kF16, {70}),
                    both = make(Dtype::kF32, {70});
  for (const float limit : {0.5f, 1.5f}) {
    EXPECT_EQ(packets_of([&] {
                ops::elementwise(ctx(), {lower, upper}, {put(x)},
                                 [](Expr v, Expr p) { return std::pair(fmin(v, p), fmax(v, p)); },
                                 {limit});
              }),
              1u);
    expect_near(get(lower),
                ref::map(x, [&](double v) { return std::min(v, static_cast<double>(limit)); }), {},
                "min");
    expect_near(get(upper),
                ref::map(x, [&](double v) { return std::max(v, static_cast<double>(limit)); }), {},
                "max");
  }
  ops::elementwise(ctx(), {lower, upper, both}, {put(x)},
                   [](Expr v) { return std::tuple(v, v * 2.0f, Expr(7.0f)); });
  expect_near(get(both), std::vector<double>(70, 7.0), {}, "constant");
  expect_near(get(upper), ref::map(x, [](double v) { return 2 * v; }), {}, "double");
}

TEST_P(Elementwise, CapturesAreTracedAtEveryCall) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {9});
  const ops::Tensor y = make(Dtype::kF32, {9});
  for (const float factor : {2.0f, 3.0f}) {
    ops::elementwise(ctx(), {y}, {put(x)}, [factor](Expr v) { return v * factor; });
    expect_near(get(y), ref::map(x, [&](double v) { return v * static_cast<double>(factor); }),
                {0.5, 0}, "factor");
  }
}

TEST_P(Elementwise, IntegersStayWords) {
  HostTensor x(Dtype::kI8, {5}), y(Dtype::kU8, {5});
  for (std::uint64_t i = 0; i < 5; ++i) {
    x.set(i, -100.0 + 50.0 * static_cast<double>(i));
    y.set(i, 50.0 * static_cast<double>(i));
  }
  const ops::Tensor z = make(Dtype::kI32, {5}), f = make(Dtype::kF32, {5});
  ops::elementwise(ctx(), {z, f}, {put(x), put(y)}, [](Expr a, Expr b) {
    const Expr sum = iadd(a, b);
    return std::pair(sum, i2f(sum));
  });
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(get(z).integer(i), x.integer(i) + y.integer(i));
    EXPECT_EQ(get(f).value(i), static_cast<double>(x.integer(i) + y.integer(i)));
  }
}

TEST_P(Elementwise, OutputExactlyOverAnInput) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {4, 300}),
                   y = random_tensor(random_, Dtype::kF32, {300});
  const ops::Tensor a = put(x);
  ops::elementwise(ctx(), {a}, {a, put(y)}, [](Expr p, Expr q) { return p * q; });
  expect_near(get(a), ref::map(x, y, x.shape, [](double p, double q) { return p * q; }), {0.5, 0},
              "in place");
}

TEST_P(Elementwise, WrongArgumentsBad) {
  const ops::Tensor x = make(Dtype::kF32, {4}), y = make(Dtype::kF32, {4}),
                    z = make(Dtype::kF32, {5});
  const auto product = [](Expr a, Expr b) { return a * b; };
  expect_bad({"elementwise: inputs: expected 2 inputs and parameters, as the function takes",
              "1 inputs, 0 parameters"},
             [&] { ops::elementwise(ctx(), {y}, {x}, product); });
  expect_bad({"elementwise: input 1: expected a shape that broadcasts to [4], found f32[5]"}, [&] {
    ops::elementwise(ctx(), {y}, {x, z}, product);
  });
  expect_bad({"elementwise: output 1: expected shape [4], found f32[5]"}, [&] {
    ops::elementwise(ctx(), {y, z}, {x}, [](Expr a) { return std::pair(a, a); });
  });
  expect_bad({"elementwise: outputs: expected 1, as the function returns, found 2"}, [&] {
    ops::elementwise(ctx(), {y, x}, {x, x}, product);
  });
  expect_bad({"elementwise: outputs: expected 1 to 3 tensors, found 0"}, [&] {
    ops::elementwise(ctx(), {}, {x, x}, product);
  });
  expect_bad(
      {"elementwise: function: expected operations on single elements, found a row reduction"},
      [&] { ops::elementwise(ctx(), {y}, {x}, [](Expr a) { return a - row_max(a); }); });
  expect_bad({"elementwise: output 0: expected memory apart from or exactly that of input 0"}, [&] {
    ops::elementwise(ctx(), {x.slice(0, 1, 4)}, {x.slice(0, 0, 3)}, [](Expr a) { return a; });
  });
}

}  // namespace
}  // namespace tandem::tests

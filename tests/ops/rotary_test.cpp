// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/rotary.hpp"

#include "ops/op_test.hpp"

namespace tandem::tests {
namespace {

using ops::RotaryStyle;

TANDEM_OP_TEST(Rotary);

struct Tables {
  HostTensor cos, sin;
};
Tables tables(std::uint64_t seq, std::uint64_t pairs) {
  Tables result{HostTensor(Dtype::kF32, {seq, pairs}), HostTensor(Dtype::kF32, {seq, pairs})};
  for_each_index({seq, pairs}, [&](std::uint64_t flat, const Shape& i) {
    const double angle = static_cast<double>(i[0]) *
                         std::pow(10000.0, -static_cast<double>(i[1]) / static_cast<double>(pairs));
    result.cos.set(flat, std::cos(angle));
    result.sin.set(flat, std::sin(angle));
  });
  return result;
}

/// x [batch, heads, seq, dim].
std::vector<double> turned(const HostTensor& x, const Tables& t, RotaryStyle style) {
  const std::uint64_t pairs = t.cos.shape[1], seq = x.shape[2], dim = x.shape[3];
  std::vector<double> y(x.numel());
  for (std::uint64_t flat = 0; flat < x.numel(); ++flat) {
    const std::uint64_t d = flat % dim, s = flat / dim % seq, row = flat - d;
    y[flat] = x.value(flat);
    if (d >= 2 * pairs) continue;
    const bool half = style == RotaryStyle::kHalfSplit;
    const std::uint64_t pair = half ? d % pairs : d / 2;
    const bool second = half ? d >= pairs : d % 2 == 1;
    const double a = x.value(row + (half ? pair : 2 * pair));
    const double b = x.value(row + (half ? pair + pairs : 2 * pair + 1));
    const double c = t.cos.value(s * pairs + pair), sine = t.sin.value(s * pairs + pair);
    y[flat] = second ? b * c + a * sine : a * c - b * sine;
  }
  return y;
}

TEST_P(Rotary, StylesTypesAndPartial) {
  for (const RotaryStyle style : {RotaryStyle::kHalfSplit, RotaryStyle::kInterleaved}) {
    for (const Dtype type : {Dtype::kF32, Dtype::kBF16, Dtype::kF16}) {
      for (const auto& [dim, dims] :
           {std::pair{16, 16}, std::pair{64, 64}, std::pair{20, 12}, std::pair{2, 2}}) {
        const HostTensor x =
            random_tensor(random_, type, {2, 3, 5, static_cast<std::uint64_t>(dim)});
        const Tables t = tables(5, static_cast<std::uint64_t>(dims) / 2);
        const ops::Tensor y = make(Dtype::kF32, x.shape);
        EXPECT_EQ(packets_of([&] { ops::rotary(ctx(), put(x), put(t.cos), put(t.sin), style, y); }),
                  dim == dims ? 1u : 2u);
        expect_near(get(y), turned(x, t, style), {1, 5e-7}, name_of(type, x.shape));
      }
    }
  }
}

TEST_P(Rotary, TokenMajorInPlaceAndIntoACache) {
  // x [seq, heads, dim] as projections leave it; tables [seq, 1, pairs].
  const HostTensor x = random_tensor(random_, Dtype::kF32, {1, 3, 5, 16});
  const Tables t = tables(5, 8);
  const auto expected = turned(x, t, RotaryStyle::kHalfSplit);
  const ops::Tensor tokens = make(Dtype::kF32, {5, 3, 16});
  ops::copy(ctx(), put(x).select(0, 0), tokens.transpose(0, 1));
  const ops::Tensor cos = put(t.cos).unsqueeze(1), sin = put(t.sin).unsqueeze(1);
  const ops::Tensor cache = make(Dtype::kF16, {3, 20, 16});
  const ops::Tensor slot = cache.slice(1, 7, 12).transpose(0, 1);
  EXPECT_EQ(
      packets_of([&] { ops::rotary(ctx(), tokens, cos, sin, RotaryStyle::kHalfSplit, slot); }), 1u);
  expect_near(get(cache.slice(1, 7, 12)), expected, {1, 5e-7}, "cache");
  EXPECT_EQ(
      packets_of([&] { ops::rotary(ctx(), tokens, cos, sin, RotaryStyle::kHalfSplit, tokens); }),
      1u);
  expect_near(get(tokens.transpose(0, 1)), expected, {1, 5e-7}, "in place");
}

TEST_P(Rotary, PartialInPlaceLeavesTheRest) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {1, 2, 3, 10});
  const Tables t = tables(3, 3);
  const ops::Tensor y = put(x);
  EXPECT_EQ(packets_of([&] {
              ops::rotary(ctx(), y, put(t.cos), put(t.sin), RotaryStyle::kInterleaved, y);
            }),
            1u);
  expect_near(get(y), turned(x, t, RotaryStyle::kInterleaved), {1, 5e-7}, "partial");
}

TEST_P(Rotary, WrongArgumentsBad) {
  const ops::Tensor x = make(Dtype::kF32, {2, 5, 16}), cos = make(Dtype::kF32, {5, 8}),
                    wide = make(Dtype::kF32, {5, 9}), half = make(Dtype::kF16, {5, 8});
  expect_bad({"rotary: cos: expected a last axis of 1 to 8", "found f32[5, 9]"},
             [&] { ops::rotary(ctx(), x, wide, wide, RotaryStyle::kHalfSplit, x); });
  expect_bad({"rotary: sin: expected shape [5, 8], found f32[5, 9]"},
             [&] { ops::rotary(ctx(), x, cos, wide, RotaryStyle::kHalfSplit, x); });
  expect_bad({"rotary: cos: expected type f32, found f16[5, 8]"},
             [&] { ops::rotary(ctx(), x, half, half, RotaryStyle::kHalfSplit, x); });
  expect_bad({"rotary: cos: expected a shape that broadcasts to [2, 4, 8], found f32[5, 8]"}, [&] {
    ops::rotary(ctx(), x.slice(1, 0, 4), cos, cos, RotaryStyle::kHalfSplit, x.slice(1, 0, 4));
  });
}

}  // namespace
}  // namespace tandem::tests

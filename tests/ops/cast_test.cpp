// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/cast.hpp"

#include <cmath>
#include <limits>

#include "ops/op_test.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::tests {
namespace {

using ops::Fp8Rule;

TANDEM_OP_TEST(Cast);

constexpr Dtype kTypes[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2,
                            Dtype::kI8,  Dtype::kU8,   Dtype::kI32, Dtype::kI64};

bool is_float(Dtype type) {
  return type != Dtype::kI8 && type != Dtype::kU8 && type != Dtype::kI32 && type != Dtype::kI64;
}

/// Values around every limit and rounding point of every type.
HostTensor inputs(Dtype type, std::mt19937& random) {
  HostTensor x(type, {1000});
  for (std::uint64_t i = 0; i < x.numel(); ++i) {
    x.set_bits(i, static_cast<std::uint64_t>(random()) << 32 | random());
  }
  std::uint64_t at = 0;
  if (!is_float(type)) {
    for (int power = 0; power < 63 && at < 400; ++power) {
      for (const int offset : {-1, 0, 1}) {
        const auto value = static_cast<std::int64_t>((std::uint64_t{1} << power) +
                                                     static_cast<std::uint64_t>(offset));
        x.set_bits(at++, static_cast<std::uint64_t>(value));
        x.set_bits(at++, static_cast<std::uint64_t>(-value));
      }
    }
    x.set_bits(at++, 0);
    x.set_bits(at++, std::uint64_t{1} << 63);
    x.set_bits(at++, ~std::uint64_t{0} >> 1);
    // Ties of the rounding to fp32 in both words.
    x.set_bits(at++, 0x0000010000008000ull);
    x.set_bits(at++, 0x0000010000018000ull);
    x.set_bits(at++, 0x0000010000008001ull);
    return x;
  }
  const double inf = std::numeric_limits<double>::infinity();
  for (const double value : {0.0,
                             -0.0,
                             inf,
                             -inf,
                             std::nan(""),
                             0.5,
                             -0.5,
                             0.99,
                             -0.99,
                             127.0,
                             127.9,
                             128.0,
                             -128.0,
                             -128.9,
                             -129.0,
                             255.0,
                             255.9,
                             256.0,
                             447.0,
                             448.0,
                             464.0,
                             465.0,
                             480.0,
                             57344.0,
                             61439.0,
                             61440.0,
                             65504.0,
                             65519.0,
                             65520.0,
                             2147483520.0,
                             2147483648.0,
                             -2147483648.0,
                             -2147483904.0,
                             9.223371e18,
                             9.223372036854775807e18,
                             -9.2233720368547758e18,
                             1e19,
                             -1e19,
                             4294967296.0,
                             1099511627776.0,
                             3e9,
                             -3e9,
                             1e-45,
                             1e-40,
                             6e-8,
                             3e-8}) {
    for (const double nudge : {1.0, 1.0 + 1e-7, 1.0 - 1e-7}) x.set(at++, value * nudge);
  }
  return x;
}

std::int64_t saturated(double value, Dtype type) {
  if (std::isnan(value)) return 0;
  const double whole = std::trunc(value);
  const int bits = type == Dtype::kI8 ? 8 : type == Dtype::kI32 ? 32 : 64;
  if (type == Dtype::kU8) return static_cast<std::int64_t>(std::clamp(whole, 0.0, 255.0));
  const double limit = std::ldexp(1.0, bits - 1);
  if (whole >= limit)
    return bits == 64 ? std::numeric_limits<std::int64_t>::max()
                      : static_cast<std::int64_t>(limit) - 1;
  if (whole < -limit) return static_cast<std::int64_t>(-limit);
  return static_cast<std::int64_t>(whole);
}

std::uint64_t converted(const HostTensor& x, std::uint64_t at, Dtype to) {
  if (is_float(x.dtype) && !is_float(to))
    return static_cast<std::uint64_t>(saturated(x.value(at), to));
  if (!is_float(to)) return static_cast<std::uint64_t>(x.integer(at));
  // static_cast<float> of an integer rounds to nearest even.
  const float single =
      is_float(x.dtype) ? static_cast<float>(x.value(at)) : static_cast<float>(x.integer(at));
  return narrow(to, single);
}

TEST_P(Cast, EveryPairOfTypes) {
  for (const Dtype from : kTypes) {
    const HostTensor x = inputs(from, random_);
    const ops::Tensor source = put(x);
    for (const Dtype to : kTypes) {
      const ops::Tensor y = make(to, x.shape);
      EXPECT_EQ(packets_of([&] { ops::cast(ctx(), source, y); }), 1u);
      HostTensor expected(to, x.shape);
      for (std::uint64_t i = 0; i < x.numel(); ++i) {
        expected.set_bits(i, from == to ? x.bits(i) : converted(x, i, to));
      }
      expect_same(get(y), expected, name_of(from, x.shape) + " to " + name_of(to, {}));
    }
  }
}

TEST_P(Cast, CastsGiveTheCanonicalNan) {
  HostTensor x(Dtype::kF32, {2});
  x.set_bits(0, 0x7F800001);
  x.set_bits(1, 0xFFC00123);
  for (const auto& [type, nan] : {std::pair{Dtype::kBF16, 0x7FC0u}, std::pair{Dtype::kF16, 0x7E00u},
                                  std::pair{Dtype::kE4M3, 0x7Fu}, std::pair{Dtype::kE5M2, 0x7Eu}}) {
    const ops::Tensor y = make(type, {2});
    ops::cast(ctx(), put(x), y);
    EXPECT_EQ(get(y).bits(0), nan);
    EXPECT_EQ(get(y).bits(1), nan);
  }
  const ops::Tensor same = make(Dtype::kF32, {2});
  ops::cast(ctx(), put(x), same);
  EXPECT_EQ(get(same).bytes, x.bytes);
}

TEST_P(Cast, Fp8Rules) {
  using numerics::Fp8Overflow;
  const HostTensor x = inputs(Dtype::kF32, random_);
  const ops::Tensor source = put(x);
  for (const Fp8Rule rule : {Fp8Rule::kTorch, Fp8Rule::kSaturating, Fp8Rule::kNonSaturating}) {
    const ops::Tensor e4m3 = make(Dtype::kE4M3, x.shape), e5m2 = make(Dtype::kE5M2, x.shape);
    ops::cast(ctx(), source, e4m3, rule);
    ops::cast(ctx(), source, e5m2, rule);
    const Fp8Overflow of_e4m3 =
        rule == Fp8Rule::kNonSaturating ? Fp8Overflow::kNonSaturate : Fp8Overflow::kSaturate;
    const Fp8Overflow of_e5m2 =
        rule == Fp8Rule::kSaturating ? Fp8Overflow::kSaturate : Fp8Overflow::kNonSaturate;
    HostTensor expected4(Dtype::kE4M3, x.shape), expected5(Dtype::kE5M2, x.shape);
    for (std::uint64_t i = 0; i < x.numel(); ++i) {
      const auto bits = static_cast<std::uint32_t>(x.bits(i));
      expected4.set_bits(i, numerics::f32_to_e4m3(bits, of_e4m3));
      expected5.set_bits(i, numerics::f32_to_e5m2(bits, of_e5m2));
    }
    expect_same(get(e4m3), expected4, "e4m3");
    expect_same(get(e5m2), expected5, "e5m2");
  }
  HostTensor infinities(Dtype::kE5M2, {2});
  infinities.set_bits(0, 0x7C);
  infinities.set_bits(1, 0xFC);
  const ops::Tensor y = make(Dtype::kE5M2, {2});
  ops::cast(ctx(), put(infinities), y, Fp8Rule::kSaturating);
  EXPECT_EQ(get(y).bits(0), 0x7Bu);
  EXPECT_EQ(get(y).bits(1), 0xFBu);
}

TEST_P(Cast, BroadcastsAndStridesIncludingI64) {
  const HostTensor x = inputs(Dtype::kI64, random_);
  const ops::Tensor view = put(x).slice(0, 1, 31, 3);
  const ops::Tensor y = make(Dtype::kF32, {4, 10});
  ops::cast(ctx(), view, y);
  const HostTensor got = get(y);
  for (std::uint64_t i = 0; i < got.numel(); ++i) {
    EXPECT_EQ(got.value(i), static_cast<double>(static_cast<float>(x.integer(1 + 3 * (i % 10)))));
  }
  const ops::Tensor back = make(Dtype::kI64, {10, 4});
  ops::cast(ctx(), y, back.transpose(0, 1));
  EXPECT_EQ(get(back).integer(4), saturated(got.value(1), Dtype::kI64));
}

TEST_P(Cast, NothingToDoTakesNoPacket) {
  const ops::Tensor x = make(Dtype::kF32, {0}), y = make(Dtype::kI64, {0});
  EXPECT_EQ(packets_of([&] { ops::cast(ctx(), x, y); }), 0u);
}

TEST_P(Cast, WrongShapeBad) {
  const ops::Tensor x = make(Dtype::kF32, {4}), y = make(Dtype::kI8, {5});
  expect_bad({"cast: x: expected a shape that broadcasts to [5], found f32[4]"},
             [&] { ops::cast(ctx(), x, y); });
}

}  // namespace
}  // namespace tandem::tests

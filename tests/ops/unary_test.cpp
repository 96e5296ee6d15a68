// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/unary.hpp"

#include "ops/op_test.hpp"
#include "ops/ref/elementwise.hpp"

namespace tandem::tests {
namespace {

using ops::UnaryOp;

TANDEM_OP_TEST(Unary);

constexpr Dtype kFloats[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2};

UnaryOp op_at(int number) { return static_cast<UnaryOp>(number); }
constexpr int kNumOps = static_cast<int>(UnaryOp::kSigmoid) + 1;

Bound bound_of(UnaryOp op) {
  switch (op) {
    case UnaryOp::kCopy:
    case UnaryOp::kNeg:
    case UnaryOp::kAbs:
    case UnaryOp::kRelu:
      return {};
    case UnaryOp::kSqr:
      return {0.5, 0};
    case UnaryOp::kSin:
    case UnaryOp::kCos:
      return {2, 0x1p-24};
    case UnaryOp::kGelu:
    case UnaryOp::kGeluTanh:
      return {4, 5e-7};
    case UnaryOp::kElu:
      return {4, 0x1p-24};
    case UnaryOp::kSilu:
    case UnaryOp::kSigmoid:
      return {4, 3e-37};
    default:
      return {2, 0};
  }
}

TEST_P(Unary, EveryFunctionOfEveryTypeIsWithinItsBound) {
  for (int number = 0; number < kNumOps; ++number) {
    const UnaryOp op = op_at(number);
    for (const Dtype from : kFloats) {
      for (const Dtype to : {Dtype::kF32, from}) {
        const HostTensor x = random_tensor(random_, from, {2, 5, 67}, -4, 4, true);
        const ops::Tensor y = make(to, x.shape);
        EXPECT_EQ(packets_of([&] { ops::unary(ctx(), op, put(x), y, 0.75f); }), 1u);
        expect_near(get(y), ref::map(x, [&](double v) { return ref::unary(op, v, 0.75); }),
                    bound_of(op),
                    std::string(to_string(op)) + " " + name_of(from, x.shape) + " to " +
                        std::string(name_of(to, {})));
      }
    }
  }
}

TEST_P(Unary, OddSizesAndScalars) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{63}, Shape{64}, Shape{65}, Shape{1025},
                             Shape{1, 1, 3}, Shape{300, 2}, Shape{3, 300}}) {
    const HostTensor x = random_tensor(random_, Dtype::kF32, shape);
    const ops::Tensor y = make(Dtype::kF32, shape);
    EXPECT_EQ(packets_of([&] { ops::unary(ctx(), UnaryOp::kSqr, put(x), y); }), 1u);
    expect_near(get(y), ref::map(x, [](double v) { return v * v; }), {0.5, 0},
                name_of(Dtype::kF32, shape));
  }
}

TEST_P(Unary, NothingToDoTakesNoPacket) {
  const ops::Tensor x = make(Dtype::kF32, {3, 0, 5});
  EXPECT_EQ(packets_of([&] { ops::unary(ctx(), UnaryOp::kExp, x, x); }), 0u);
}

TEST_P(Unary, StridedAndBroadcastViews) {
  const HostTensor x = random_tensor(random_, Dtype::kBF16, {6, 40});
  const ops::Tensor all = put(x);
  const ops::Tensor out = make(Dtype::kF32, {20, 3});
  // Every second row, every second column, transposed.
  const ops::Tensor view = all.slice(0, 0, 6, 2).slice(1, 0, 40, 2).transpose(0, 1);
  ops::unary(ctx(), UnaryOp::kNeg, view, out);
  expect_near(get(out), ref::map(get(view), [](double v) { return -v; }), {}, "transposed view");
  const ops::Tensor wide = make(Dtype::kF32, {4, 6, 40});
  ops::unary(ctx(), UnaryOp::kNeg, all, wide);
  const HostTensor got = get(wide);
  for (std::uint64_t i = 0; i < got.numel(); ++i) {
    ASSERT_EQ(got.value(i), -x.value(i % x.numel())) << i;
  }
}

TEST_P(Unary, ColumnStridesBeyondAPacketTakeAnotherAxis) {
  // 70000 bytes between the elements of the last axis: more than a packet's column stride.
  const ops::Tensor all = make(Dtype::kF32, {4, 17500});
  const HostTensor x = random_tensor(random_, Dtype::kF32, {4, 3});
  const ops::Tensor view = all.slice(1, 0, 3).transpose(0, 1);
  const ops::Tensor source = put(x);
  ops::unary(ctx(), UnaryOp::kCopy, source.transpose(0, 1), view);
  const ops::Tensor y = make(Dtype::kF32, {3, 4});
  EXPECT_EQ(packets_of([&] { ops::unary(ctx(), UnaryOp::kAbs, view, y); }), 1u);
  expect_same(
      get(y.transpose(0, 1)),
      [&] {
        HostTensor expected = x;
        for (std::uint64_t i = 0; i < x.numel(); ++i) expected.set(i, std::fabs(x.value(i)));
        return expected;
      }(),
      "far columns");
}

TEST_P(Unary, FourAxesThatDoNotMergeTakePackets) {
  const ops::Tensor all = put(random_tensor(random_, Dtype::kF32, {3, 4, 5, 6, 7}));
  const int dims[] = {4, 2, 0, 3, 1};
  const ops::Tensor view = all.permute(dims);
  const ops::Tensor y = make(Dtype::kF32, {7, 5, 3, 6, 4});
  ops::unary(ctx(), UnaryOp::kSqr, view, y);
  expect_near(get(y), ref::map(get(view), [](double v) { return v * v; }), {0.5, 0}, "5 axes");
}

TEST_P(Unary, InPlace) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {5, 33});
  const ops::Tensor t = put(x);
  ops::unary(ctx(), UnaryOp::kTanh, t, t);
  expect_near(get(t), ref::map(x, [](double v) { return std::tanh(v); }), {2, 0}, "in place");
}

TEST_P(Unary, SignChangesKeepNanPayloads) {
  for (const auto& [type, nan, sign] : {std::tuple{Dtype::kF32, 0x7F812345ull, 0x80000000ull},
                                        std::tuple{Dtype::kBF16, 0x7F81ull, 0x8000ull},
                                        std::tuple{Dtype::kF16, 0x7C01ull, 0x8000ull},
                                        std::tuple{Dtype::kE5M2, 0x7Dull, 0x80ull}}) {
    HostTensor x(type, {2});
    x.set_bits(0, nan);
    x.set_bits(1, nan | sign);
    const ops::Tensor y = make(type, {2});
    ops::unary(ctx(), UnaryOp::kNeg, put(x), y);
    EXPECT_EQ(get(y).bits(0), nan | sign);
    EXPECT_EQ(get(y).bits(1), nan);
    ops::unary(ctx(), UnaryOp::kAbs, put(x), y);
    EXPECT_EQ(get(y).bits(1), nan);
    ops::unary(ctx(), UnaryOp::kCopy, put(x), y);
    expect_same(get(y), x, "copy");
    EXPECT_EQ(get(y).bits(1), nan | sign);
  }
}

TEST_P(Unary, NarrowResultsSaturateAsTorchDoes) {
  const ops::Tensor x = put(Dtype::kF32, {4}, {300, 1e6, -1e6, 1e-9});
  const ops::Tensor e4m3 = make(Dtype::kE4M3, {4}), e5m2 = make(Dtype::kE5M2, {4});
  ops::affine(ctx(), x, 2.0f, 0.0f, e4m3);
  ops::affine(ctx(), x, 2.0f, 0.0f, e5m2);
  EXPECT_EQ(get(e4m3).value(0), 448);
  EXPECT_EQ(get(e4m3).value(2), -448);
  EXPECT_EQ(get(e5m2).value(1), INFINITY);
  EXPECT_EQ(get(e5m2).value(3), 0);
}

TEST_P(Unary, AffineRoundsOnce) {
  const HostTensor x = random_tensor(random_, Dtype::kF16, {7, 31});
  const ops::Tensor y = make(Dtype::kF32, x.shape);
  ops::affine(ctx(), put(x), 1.7f, -0.3f, y);
  expect_near(
      get(y),
      ref::map(x,
               [](double v) { return v * static_cast<double>(1.7f) + static_cast<double>(-0.3f); }),
      {0.5, 0}, "affine");
}

TEST_P(Unary, GatesAreOnePacket) {
  const HostTensor gate = random_tensor(random_, Dtype::kF32, {3, 257}, -6, 6);
  const HostTensor up = random_tensor(random_, Dtype::kBF16, {3, 257});
  using Gate = void (*)(ops::Context&, const ops::Tensor&, const ops::Tensor&, const ops::Tensor&);
  const std::pair<Gate, UnaryOp> gates[] = {{ops::silu_mul, UnaryOp::kSilu},
                                            {ops::gelu_mul, UnaryOp::kGelu},
                                            {ops::gelu_tanh_mul, UnaryOp::kGeluTanh}};
  for (const auto& [call, op] : gates) {
    const ops::Tensor y = make(Dtype::kF32, gate.shape);
    EXPECT_EQ(packets_of([&] { call(ctx(), put(gate), put(up), y); }), 1u);
    expect_near(
        get(y),
        ref::map(gate, up, gate.shape, [&](double g, double u) { return ref::unary(op, g) * u; }),
        {6, 2e-6}, std::string(to_string(op)));
  }
}

TEST_P(Unary, NamesRoundTrip) {
  for (int number = 0; number < kNumOps; ++number) {
    EXPECT_EQ(ops::unary_op(to_string(op_at(number))), op_at(number));
  }
  EXPECT_EQ(ops::unary_op("cbrt"), std::nullopt);
}

TEST_P(Unary, WrongTypeBad) {
  const ops::Tensor x = make(Dtype::kI32, {4}), y = make(Dtype::kF32, {4});
  expect_bad({"exp: x: expected type f32, bf16, f16, e4m3 or e5m2, found i32[4]"},
             [&] { ops::unary(ctx(), UnaryOp::kExp, x, y); });
  expect_bad({"silu_mul: up: expected type", "i32[4]"}, [&] { ops::silu_mul(ctx(), y, x, y); });
}

TEST_P(Unary, WrongShapeBad) {
  const ops::Tensor x = make(Dtype::kF32, {4, 3}), y = make(Dtype::kF32, {4, 5});
  expect_bad({"log: x: expected a shape that broadcasts to [4, 5], found f32[4, 3]"},
             [&] { ops::unary(ctx(), UnaryOp::kLog, x, y); });
}

TEST_P(Unary, PartialOverlapBad) {
  const ops::Tensor x = make(Dtype::kF32, {8});
  expect_bad({"exp: y: expected memory apart from or exactly that of x", "f32[6]"},
             [&] { ops::unary(ctx(), UnaryOp::kExp, x.slice(0, 0, 6), x.slice(0, 2, 8)); });
  // Interleaved halves share no byte.
  EXPECT_NO_THROW(ops::fill(ctx(), x, 1));
  EXPECT_NO_THROW(ops::unary(ctx(), UnaryOp::kExp, x.slice(0, 0, 8, 2), x.slice(0, 1, 8, 2)));
}

}  // namespace
}  // namespace tandem::tests

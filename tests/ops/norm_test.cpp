// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/norm.hpp"

#include "ops/op_test.hpp"
#include "ops/ref/rows.hpp"

namespace tandem::tests {
namespace {

TANDEM_OP_TEST(Norm);

constexpr Dtype kTypes[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16};

std::vector<double> row_of(const HostTensor& x, std::uint64_t row) {
  const std::uint64_t n = x.shape.back();
  std::vector<double> result;
  for (std::uint64_t i = 0; i < n; ++i) result.push_back(x.value(row * n + i));
  return result;
}

/// f of every row of the last axis.
std::vector<double> by_rows(
    const HostTensor& x, const std::function<std::vector<double>(const std::vector<double>&)>& f) {
  std::vector<double> result;
  for (std::uint64_t row = 0; row < x.numel() / x.shape.back(); ++row) {
    const auto values = f(row_of(x, row));
    result.insert(result.end(), values.begin(), values.end());
  }
  return result;
}

TEST_P(Norm, SoftmaxOfRows) {
  for (const Dtype type : kTypes) {
    for (const Shape& shape :
         {Shape{1, 1}, Shape{3, 17}, Shape{2, 3, 65}, Shape{2, 1025}, Shape{5}}) {
      const HostTensor x = random_tensor(random_, type, shape, -8, 8);
      const ops::Tensor y = make(Dtype::kF32, shape);
      EXPECT_EQ(packets_of([&] { ops::softmax(ctx(), put(x), -1, y); }), 1u);
      expect_near(get(y), by_rows(x, ref::softmax), {14, 0}, name_of(type, shape));
      ops::log_softmax(ctx(), put(x), -1, y);
      expect_near(get(y), by_rows(x, ref::log_softmax), {4, 1e-6}, name_of(type, shape));
    }
  }
}

TEST_P(Norm, SoftmaxAlongOtherAxes) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {4, 6, 5});
  for (const int axis : {0, 1}) {
    const ops::Tensor y = make(Dtype::kF32, x.shape);
    EXPECT_EQ(packets_of([&] { ops::softmax(ctx(), put(x), axis, y); }), 1u);
    const auto groups = ref::groups(x, {axis});
    const HostTensor got = get(y);
    for_each_index(x.shape, [&](std::uint64_t flat, const Shape& i) {
      const std::uint64_t row = axis == 0 ? i[1] * 5 + i[2] : i[0] * 5 + i[2];
      EXPECT_NEAR(got.value(flat), ref::softmax(groups[row])[i[static_cast<std::size_t>(axis)]],
                  1e-6);
    });
  }
  // An axis too far apart for a packet's columns: through scratch, the same bits.
  const ops::Tensor wide = make(Dtype::kF32, {6, 20000}), out = make(Dtype::kF32, {6, 20000});
  const HostTensor small = random_tensor(random_, Dtype::kF32, {6, 3});
  ops::copy(ctx(), put(small), wide.slice(1, 0, 3));
  ops::softmax(ctx(), wide.slice(1, 0, 3), 0, out.slice(1, 0, 3));
  const ops::Tensor direct = make(Dtype::kF32, {6, 3});
  ops::softmax(ctx(), put(small), 0, direct);
  expect_same(get(out.slice(1, 0, 3)), get(direct), "far axis");
}

TEST_P(Norm, SoftmaxOfExtremes) {
  const double inf = INFINITY;
  const ops::Tensor x =
      put(Dtype::kF32, {4, 3}, {-inf, -inf, -inf, 1e38, -1e38, 1e38, -inf, 0, -inf, 0, -200, -90});
  const ops::Tensor y = make(Dtype::kF32, {4, 3});
  ops::softmax(ctx(), x, 1, y);
  const HostTensor got = get(y);
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(got.bits(i), 0x7FC00000u);
  EXPECT_EQ(got.value(3), 0.5);
  EXPECT_EQ(got.bits(4), 0u);
  EXPECT_EQ(got.bits(6), 0u) << "masked elements are +0";
  EXPECT_EQ(got.value(7), 1.0);
  EXPECT_EQ(got.bits(10), 0u);
  EXPECT_GT(got.value(11), 0.0);
}

std::vector<double> rmsnorm_of(const std::vector<double>& x, const HostTensor& weight, double eps,
                               double offset) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  const double scale = 1.0 / std::sqrt(sum / static_cast<double>(x.size()) + eps);
  std::vector<double> y;
  for (std::size_t i = 0; i < x.size(); ++i) y.push_back(x[i] * scale * (weight.value(i) + offset));
  return y;
}

TEST_P(Norm, Rmsnorm) {
  for (const Dtype type : kTypes) {
    for (const std::uint64_t n : {1u, 17u, 64u, 576u}) {
      const HostTensor x = random_tensor(random_, type, {2, 3, n});
      const HostTensor weight = random_tensor(random_, type, {n});
      for (const float offset : {0.0f, 1.0f}) {
        const float eps = 1e-5f;
        const auto expected = by_rows(x, [&](const auto& row) {
          return rmsnorm_of(row, weight, static_cast<double>(eps), static_cast<double>(offset));
        });
        for (const Dtype to : {Dtype::kF32, type}) {
          const ops::Tensor y = make(to, x.shape);
          EXPECT_EQ(packets_of([&] { ops::rmsnorm(ctx(), put(x), put(weight), eps, offset, y); }),
                    1u);
          expect_near(get(y), expected, {9, offset == 0.0f ? 0 : 1e-6}, name_of(type, x.shape));
        }
      }
    }
  }
}

TEST_P(Norm, AddRmsnormIsAddThenRmsnorm) {
  const HostTensor x = random_tensor(random_, Dtype::kF32, {5, 100});
  const HostTensor delta = random_tensor(random_, Dtype::kBF16, {5, 100});
  const HostTensor weight = random_tensor(random_, Dtype::kF32, {100});
  const ops::Tensor sum = make(Dtype::kF32, {5, 100}), y = make(Dtype::kF32, {5, 100});
  const ops::Tensor fused_sum = make(Dtype::kF32, {5, 100}), fused = make(Dtype::kF32, {5, 100});
  const ops::Tensor a = put(x), b = put(delta), w = put(weight);
  ops::add(ctx(), a, b, sum);
  ops::rmsnorm(ctx(), sum, w, 1e-6f, 1.0f, y);
  EXPECT_EQ(packets_of([&] { ops::add_rmsnorm(ctx(), a, b, w, 1e-6f, 1.0f, fused_sum, fused); }),
            1u);
  expect_same(get(fused_sum), get(sum), "sum");
  expect_same(get(fused), get(y), "norm");
  expect_bad({"add_rmsnorm: sum: expected memory that does not overlap x"},
             [&] { ops::add_rmsnorm(ctx(), a, b, w, 1e-6f, 1.0f, a, fused); });
}

TEST_P(Norm, Layernorm) {
  for (const Dtype type : kTypes) {
    // A mean far from zero: one-pass variance would lose it.
    const HostTensor x = random_tensor(random_, type, {4, 200}, 90, 110);
    const HostTensor weight = random_tensor(random_, type, {200});
    const HostTensor bias = random_tensor(random_, type, {200});
    for (const bool with_bias : {true, false}) {
      const ops::Tensor y = make(Dtype::kF32, x.shape);
      std::optional<ops::Tensor> b;
      if (with_bias) b = put(bias);
      EXPECT_EQ(packets_of([&] { ops::layernorm(ctx(), put(x), put(weight), b, 1e-5f, y); }), 1u);
      const auto expected = by_rows(x, [&](const std::vector<double>& row) {
        double mean = 0, var = 0;
        for (const double v : row) mean += v / 200;
        for (const double v : row) var += (v - mean) * (v - mean) / 200;
        std::vector<double> result;
        for (std::size_t i = 0; i < row.size(); ++i) {
          result.push_back((row[i] - mean) / std::sqrt(var + static_cast<double>(1e-5f)) *
                               weight.value(i) +
                           (with_bias ? bias.value(i) : 0.0));
        }
        return result;
      });
      expect_near(get(y), expected, {9, 2e-5}, name_of(type, x.shape));
    }
  }
}

TEST_P(Norm, NothingToDoTakesNoPacket) {
  const ops::Tensor x = make(Dtype::kF32, {0, 8}), w = make(Dtype::kF32, {8});
  EXPECT_EQ(packets_of([&] { ops::rmsnorm(ctx(), x, w, 1e-5f, 0, x); }), 0u);
  EXPECT_EQ(packets_of([&] { ops::softmax(ctx(), x, 1, x); }), 0u);
}

TEST_P(Norm, WrongArgumentsBad) {
  const ops::Tensor x = make(Dtype::kF32, {3, 8}), w = make(Dtype::kF32, {7}),
                    i = make(Dtype::kI32, {3, 8}), y = make(Dtype::kF32, {3, 8});
  expect_bad({"rmsnorm: weight: expected shape [8], found f32[7]"},
             [&] { ops::rmsnorm(ctx(), x, w, 1e-5f, 0, y); });
  expect_bad({"softmax: x: expected type f32", "found i32[3, 8]"},
             [&] { ops::softmax(ctx(), i, 1, y); });
  expect_bad({"softmax: axis: expected an axis of f32[3, 8], found -3"},
             [&] { ops::softmax(ctx(), x, -3, y); });
  expect_bad({"softmax: y: expected memory that does not overlap x"},
             [&] { ops::softmax(ctx(), x, 1, x); });
  expect_bad({"layernorm: bias: expected shape [8], found f32[7]"},
             [&] { ops::layernorm(ctx(), x, make(Dtype::kF32, {8}), w, 1e-5f, y); });
  expect_bad({"log_softmax: y: expected shape [3, 8], found f32[7]"},
             [&] { ops::log_softmax(ctx(), x, 1, w); });
}

}  // namespace
}  // namespace tandem::tests

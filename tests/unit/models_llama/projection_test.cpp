// SPDX-License-Identifier: Apache-2.0
#include "tandem/models/llama/projection.hpp"

#include <gtest/gtest.h>

#include "support/errors.hpp"
#include "test_model.hpp"

namespace tandem::tests {
namespace {

using models::Projection;
using models::WeightRole;
using models::WeightStorage;

// Small integers: every product and sum is exact in every storage.
std::vector<float> counting(std::uint64_t rows, std::uint64_t cols, int seed) {
  std::vector<float> values(rows * cols);
  for (std::uint64_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(static_cast<int>((i * 7 + seed) % 11) - 5);
  }
  return values;
}

class ProjectionTest : public testing::Test {
 protected:
  ops::Tensor upload(const std::vector<float>& values, std::uint64_t rows) {
    buffers_.push_back(device_.malloc("activations", values.size() * 4, "test"));
    device_.copy_in(buffers_.back().addr(), std::as_bytes(std::span(values)));
    return ops::Tensor(buffers_.back().addr(), abi::Dtype::kF32, {rows, values.size() / rows});
  }
  std::vector<float> download(const ops::Tensor& tensor) {
    std::vector<float> values(tensor.numel());
    device_.copy_out(tensor.addr, std::as_writable_bytes(std::span(values)));
    return values;
  }

  runtime::Device device_ = runtime::Device::open("cmodel:");
  ops::Context context_{device_};
  std::vector<runtime::Buffer> buffers_;
};

TEST_F(ProjectionTest, JoinsWeightsBelowOneAnother) {
  // Row counts that are no multiples of a panel or of the loader's blocks.
  constexpr std::uint64_t kCols = 20, kQuery = 70, kKey = 35, kRows = kQuery + kKey;
  FakeSource source;
  const std::vector<float> q = counting(kQuery, kCols, 1), k = counting(kKey, kCols, 5);
  const std::vector<float> q_bias = counting(1, kQuery, 2), k_bias = counting(1, kKey, 3);
  source.add({WeightRole::kQuery}, kQuery, kCols, q);
  source.add({WeightRole::kKey}, kKey, kCols, k);
  source.add({WeightRole::kQueryBias}, 1, kQuery, q_bias);
  source.add({WeightRole::kKeyBias}, 1, kKey, k_bias);

  std::uint64_t loaded = 0;
  const Projection projection =
      Projection::load(device_, source,
                       {.label = "layer.0.qk",
                        .weights = {{WeightRole::kQuery}, {WeightRole::kKey}},
                        .biases = {{WeightRole::kQueryBias}, {WeightRole::kKeyBias}}},
                       WeightStorage::kAuto, [&](std::uint64_t bytes) { loaded += bytes; });
  ASSERT_EQ(projection.parts().size(), 1u);
  EXPECT_EQ(projection.rows(), kRows);
  EXPECT_EQ(loaded, models::device_bytes({.dtype = abi::Dtype::kF16}, kRows, kCols));
  EXPECT_EQ(source.done().size(), 4u);

  const std::vector<float> x = counting(3, kCols, 9);
  std::vector<float> want(3 * kRows), old = counting(3, kRows, 4);
  for (std::uint64_t m = 0; m < 3; ++m) {
    for (std::uint64_t n = 0; n < kRows; ++n) {
      float sum = n < kQuery ? q_bias[n] : k_bias[n - kQuery];
      for (std::uint64_t i = 0; i < kCols; ++i) {
        sum += x[m * kCols + i] * (n < kQuery ? q[n * kCols + i] : k[(n - kQuery) * kCols + i]);
      }
      want[m * kRows + n] = sum;
    }
  }
  const ops::Tensor device_x = upload(x, 3);
  const ops::Tensor y = upload(std::vector<float>(3 * kRows), 3);
  projection.apply(context_, device_x, y);
  EXPECT_EQ(download(y), want);

  const ops::Tensor sum = upload(old, 3);
  projection.apply_add(context_, device_x, sum);
  for (std::size_t i = 0; i < want.size(); ++i) want[i] += old[i];
  EXPECT_EQ(download(sum), want);
}

TEST_F(ProjectionTest, RefusesValuesThatF16CannotHold) {
  FakeSource source;
  std::vector<float> values = counting(40, 8, 0);
  values[300] = 70000.0f;
  source.add({WeightRole::kDown}, 40, 8, values);
  const models::ProjectionNames names{.label = "down", .weights = {{WeightRole::kDown}}};
  expect_error(ErrorCode::kInvalidArgument, {"fake.gguf", "1 of the 320 values", "do not fit f16"},
               [&] { Projection::load(device_, source, names, WeightStorage::kAuto, {}); });
  EXPECT_EQ(Projection::load(device_, source, names, WeightStorage::kF32, {}).rows(), 40u);
}

TEST_F(ProjectionTest, NamesAMissingWeight) {
  const FakeSource source;
  expect_error(ErrorCode::kNotFound, {"layer.0.down"}, [&] {
    Projection::load(device_, source, {.label = "down", .weights = {{WeightRole::kDown}}},
                     WeightStorage::kAuto, {});
  });
}

}  // namespace
}  // namespace tandem::tests

// SPDX-License-Identifier: Apache-2.0
// Views of tensors: addresses and strides, and what does not fit.
#include "tandem/ops/tensor.hpp"

#include <gtest/gtest.h>

#include "support/errors.hpp"

namespace tandem::ops {
namespace {

using Extents = std::vector<std::uint64_t>;

Extents shape_of(const Tensor& x) { return {x.shape.begin(), x.shape.begin() + x.rank}; }
Extents strides_of(const Tensor& x) { return {x.stride.begin(), x.stride.begin() + x.rank}; }

void expect_bad(std::initializer_list<std::string_view> parts, const std::function<void()>& call) {
  tests::expect_error(ErrorCode::kInvalidArgument, parts, call);
}

const Tensor kTensor(PhysAddr(0x1000), Dtype::kF16, {2, 3, 4});

TEST(Tensor, IsRowMajor) {
  EXPECT_EQ(strides_of(kTensor), (Extents{24, 8, 2}));
  EXPECT_EQ(kTensor.numel(), 24u);
  EXPECT_TRUE(kTensor.is_contiguous());
  EXPECT_EQ(kTensor.dim(-1), 4u);
  EXPECT_EQ(kTensor.describe(), "f16[2, 3, 4]");
  const Tensor scalar(PhysAddr(64), Dtype::kI64, {});
  EXPECT_EQ(scalar.numel(), 1u);
  EXPECT_EQ(scalar.describe(), "i64[]");
}

TEST(Tensor, Views) {
  const Tensor slice = kTensor.slice(1, 1, 3).slice(-1, 0, 4, 3);
  EXPECT_EQ(slice.addr.value, 0x1008u);
  EXPECT_EQ(shape_of(slice), (Extents{2, 2, 2}));
  EXPECT_EQ(strides_of(slice), (Extents{24, 8, 6}));
  EXPECT_FALSE(slice.is_contiguous());
  const int dims[] = {2, 0, -2};
  EXPECT_EQ(strides_of(kTensor.permute(dims)), (Extents{2, 24, 8}));
  EXPECT_EQ(shape_of(kTensor.transpose(0, -1)), (Extents{4, 3, 2}));
  const Tensor selected = kTensor.select(1, 2);
  EXPECT_EQ(selected.addr.value, 0x1010u);
  EXPECT_EQ(shape_of(selected), (Extents{2, 4}));
  EXPECT_EQ(shape_of(kTensor.unsqueeze(-1)), (Extents{2, 3, 4, 1}));
  EXPECT_EQ(shape_of(kTensor.unsqueeze(0)), (Extents{1, 2, 3, 4}));
  const Extents wide = {5, 2, 3, 4};
  EXPECT_EQ(strides_of(kTensor.broadcast_to(wide)), (Extents{0, 24, 8, 2}));
  const Extents column = {7, 4};
  EXPECT_EQ(strides_of(kTensor.slice(0, 0, 1).slice(1, 0, 1).select(0, 0).broadcast_to(column)),
            (Extents{0, 2}));
}

TEST(Tensor, ReshapeNeedsNoCopyWhereAxesMerge) {
  const Extents flat = {24}, pairs = {6, 2, 2}, ones = {1, 6, 1, 4};
  EXPECT_EQ(strides_of(kTensor.reshape(flat)), (Extents{2}));
  EXPECT_EQ(strides_of(kTensor.reshape(pairs)), (Extents{8, 4, 2}));
  // Rows of a wider tensor: the first two axes merge, the last stays.
  const Tensor rows = Tensor(PhysAddr(64), Dtype::kF32, {2, 3, 10}).slice(2, 0, 4);
  EXPECT_EQ(strides_of(rows.reshape(ones)), (Extents{240, 40, 16, 4}));
  const Extents split = {2, 3, 2, 2};
  EXPECT_EQ(strides_of(rows.reshape(split)), (Extents{120, 40, 8, 4}));
  const Extents none = {0, 5};
  EXPECT_EQ(Tensor(PhysAddr(64), Dtype::kF32, {3, 0}).reshape(none).numel(), 0u);
}

TEST(Tensor, DoesNotFitBad) {
  const Extents flat = {24}, wrong = {5, 5}, seven = {1, 1, 1, 1, 1, 1, 1};
  const Tensor rows = Tensor(PhysAddr(64), Dtype::kF32, {6, 10}).slice(1, 0, 4);
  expect_bad({"reshape: strides", "ops::reshape copies", "f32[6, 4]"}, [&] { rows.reshape(flat); });
  expect_bad({"reshape: shape: expected 24 elements", "[5, 5]"}, [&] { kTensor.reshape(wrong); });
  expect_bad({"at most 6 axes, found 7"}, [&] { Tensor(PhysAddr(64), Dtype::kF32, seven); });
  expect_bad({"select: index: expected less than 3 on axis 1, found 3"},
             [&] { kTensor.select(1, 3); });
  expect_bad({"slice: range", "found 3:2:1"}, [&] { kTensor.slice(1, 3, 2); });
  expect_bad({"slice: range", "found 0:2:0"}, [&] { kTensor.slice(1, 0, 2, 0); });
  expect_bad({"dim: axis: expected -3 to 2", "found 3"}, [&] { kTensor.dim(3); });
  expect_bad({"broadcast_to: x: expected a shape that broadcasts to [5, 5]"},
             [&] { kTensor.broadcast_to(wrong); });
  expect_bad({"Tensor: dtype: expected a type of whole bytes, found u4"},
             [&] { Tensor(PhysAddr(64), Dtype::kU4, flat); });
  const Extents huge = {std::uint64_t{1} << 40, std::uint64_t{1} << 40};
  expect_bad({"Tensor: shape: expected less than 2^64 bytes"},
             [&] { Tensor(PhysAddr(64), Dtype::kF32, huge); });
}

}  // namespace
}  // namespace tandem::ops

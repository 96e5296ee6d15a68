// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/context.hpp"

#include <fmt/format.h>

#include "ops/op_test.hpp"

namespace tandem::tests {
namespace {

TANDEM_OP_TEST(OpContext);

TEST_P(OpContext, TraceNamesOpsShapesAndPackets) {
  std::vector<std::string> seen;
  ctx().set_trace([&](const ops::OpTrace& op) {
    std::string line = fmt::format("{} {} {}", op.name, op.depth, op.packets);
    for (const ops::Tensor& tensor : op.tensors) line += fmt::format(" {}", tensor.describe());
    seen.push_back(line);
  });
  const ops::Tensor x = put(Dtype::kF16, {3}, {1, 2, 3}), y = make(Dtype::kF16, {3});
  ops::unary(ctx(), ops::UnaryOp::kExp, x, y);
  ops::unary(ctx(), ops::UnaryOp::kCopy, x, y);
  const std::vector<std::string> expected = {"exp 0 1 f16[3] f16[3]", "copy 1 1 f16[3] f16[3]",
                                             "copy 0 1 f16[3] f16[3]"};
  EXPECT_EQ(seen, expected);
  ctx().set_trace({});
  ops::unary(ctx(), ops::UnaryOp::kExp, x, y);
  EXPECT_EQ(seen.size(), 3u);
}

TEST_P(OpContext, ScratchIsReusedAndGrows) {
  const ops::Tensor x = make(Dtype::kF32, {300, 4, 100});
  ops::fill(ctx(), x, 1);
  const ops::Tensor y = make(Dtype::kF32, {4});
  const int axes[] = {0, 2};
  for (int i = 0; i < 5; ++i) ops::reduce(ctx(), ops::ReduceOp::kSum, x, axes, y);
  const std::uint64_t held = ctx().scratch_bytes();
  for (int i = 0; i < 20; ++i) ops::reduce(ctx(), ops::ReduceOp::kSum, x, axes, y);
  EXPECT_EQ(ctx().scratch_bytes(), held);
  const ops::Tensor large = make(Dtype::kF32, {300, 4, 2000});
  ops::fill(ctx(), large, 1);
  ops::reduce(ctx(), ops::ReduceOp::kSum, large, axes, y);
  EXPECT_GT(ctx().scratch_bytes(), held);
  EXPECT_EQ(get(y).value(0), 600000);
}

TEST_P(OpContext, ScratchOfNestedOpsIsApart) {
  // scatter_add of a narrow type casts inside: three scratch tensors at once, also when memory must
  // grow meanwhile.
  const std::uint64_t n = 200000;
  const ops::Tensor x = make(Dtype::kBF16, {n}), src = make(Dtype::kBF16, {n}),
                    y = make(Dtype::kBF16, {n});
  const ops::Tensor index = make(Dtype::kI32, {n});
  ops::fill(ctx(), x, 1);
  ops::fill(ctx(), src, 2);
  ops::elementwise(ctx(), {index}, {x}, [](ops::Expr v) { return and_(v, ops::Expr::imm(0)); });
  ops::index_add(ctx(), x, 0, index, src, y);
  const HostTensor got = get(y.slice(0, 0, 3));
  EXPECT_EQ(got.value(0), 399360) << "1 + 2 n rounded to bf16";
  EXPECT_EQ(got.value(1), 1);
}

TEST_P(OpContext, UploadsSurviveUntilTheyAreUsed) {
  // More than the staging ring holds, each read by a packet submitted at once.
  const std::uint64_t words = 30000;
  std::vector<std::uint32_t> data(words);
  const ops::Tensor y = make(Dtype::kI32, {30, words});
  for (std::uint32_t i = 0; i < 30; ++i) {
    std::fill(data.begin(), data.end(), i);
    const ops::Tensor staged(ctx().upload(std::as_bytes(std::span(data))), Dtype::kI32, {words});
    ops::copy(ctx(), staged, y.select(0, i));
  }
  const HostTensor got = get(y);
  for (std::uint64_t i = 0; i < 30; ++i) {
    EXPECT_EQ(got.integer(i * words), static_cast<std::int64_t>(i));
    EXPECT_EQ(got.integer((i + 1) * words - 1), static_cast<std::int64_t>(i));
  }
  expect_bad({"upload: data: expected at most 262144 bytes, found 262148"},
             [&] { ctx().upload(std::vector<std::byte>(262148)); });
}

TEST_P(OpContext, DeviceErrorsNameTheOp) {
  ops::Tensor x(PhysAddr(0x7000000000), Dtype::kF32, {4});
  const ops::Tensor y = make(Dtype::kF32, {4});
  ops::unary(ctx(), ops::UnaryOp::kExp, x, y);
  expect_error(ErrorCode::kDeviceFault, {"UNMAPPED", "exp"}, [&] { ctx().queue().finish(); });
  const ops::Tensor good = put(Dtype::kF32, {4}, {0, 0, 0, 0});
  ops::unary(ctx(), ops::UnaryOp::kExp, good, y);
  EXPECT_EQ(get(y).value(3), 1);
}

TEST_P(OpContext, HostOpsAreCounted) {
  ops::Context other(device());
  EXPECT_TRUE(other.host_ops().empty());
  other.count_host_op("sort");
  other.count_host_op("sort");
  EXPECT_EQ(other.host_ops().at("sort"), 2u);
}

}  // namespace
}  // namespace tandem::tests

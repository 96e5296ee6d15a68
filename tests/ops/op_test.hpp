// SPDX-License-Identifier: Apache-2.0
// The fixture of op tests: every test runs on every backend that computes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "ops/host_tensor.hpp"
#include "support/backends.hpp"
#include "support/errors.hpp"
#include "tandem/ops/all.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::tests {

/// Opens the backend anew for each test. Device memory of tensors lies between guard bytes, checked
/// at the end.
class OpTest : public testing::TestWithParam<const BackendUnderTest*> {
 protected:
  void SetUp() override;
  void TearDown() override;

  runtime::Device& device() { return *device_; }
  ops::Context& ctx() { return *ctx_; }

  /// A tensor with the values in device memory.
  ops::Tensor put(const HostTensor& values);
  ops::Tensor put(Dtype dtype, const Shape& shape, const std::vector<double>& values);
  /// Memory of a pattern that no result has.
  ops::Tensor make(Dtype dtype, const Shape& shape);
  /// Elements of a view, after all packets.
  HostTensor get(const ops::Tensor& view);
  /// Packets that `call` submits.
  template <class Call>
  std::uint64_t packets_of(Call&& call) {
    const std::uint64_t before = ctx_->packets();
    call();
    return ctx_->packets() - before;
  }
  /// Expects kInvalidArgument with these parts, no packet, and the context usable.
  template <class Call>
  void expect_bad(std::initializer_list<std::string_view> parts, Call&& call) {
    const std::uint64_t before = ctx_->packets();
    expect_error(ErrorCode::kInvalidArgument, parts, call);
    EXPECT_EQ(ctx_->packets(), before);
  }

  std::mt19937 random_{20240229};

 private:
  std::unique_ptr<runtime::Device> device_;
  std::unique_ptr<ops::Context> ctx_;
  std::vector<std::pair<runtime::Buffer, std::uint64_t>> buffers_;  ///< With the tensor's bytes.
};

/// Backends that compute.
std::vector<const BackendUnderTest*> computing_backends();

/// "f32[3, 17]".
std::string name_of(Dtype dtype, const Shape& shape);

}  // namespace tandem::tests

/// Declares a suite of op tests and runs it on every backend.
#define TANDEM_OP_TEST(suite)                                                                     \
  class suite : public ::tandem::tests::OpTest {};                                                \
  INSTANTIATE_TEST_SUITE_P(On, suite, ::testing::ValuesIn(::tandem::tests::computing_backends()), \
                           [](const auto& info) { return std::string(info.param->name); })

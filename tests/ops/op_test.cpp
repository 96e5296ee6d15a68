// SPDX-License-Identifier: Apache-2.0
#include "ops/op_test.hpp"

#include <algorithm>
#include <cstring>

#include "tandem/abi/metadata.hpp"

namespace tandem::tests {
namespace {

constexpr std::uint64_t kGuard = 64;
constexpr std::byte kPattern{0xA5};

}  // namespace

std::vector<const BackendUnderTest*> computing_backends() {
  std::vector<const BackendUnderTest*> result;
  for (const BackendUnderTest& backend : backends()) {
    if (find_note(backend.unsupported, "Vector", "Any") == nullptr) result.push_back(&backend);
  }
  return result;
}

std::string name_of(Dtype dtype, const Shape& shape) {
  return ops::Tensor(PhysAddr(64), dtype, shape).describe();
}

void OpTest::SetUp() {
  try {
    device_ = std::make_unique<runtime::Device>(runtime::Device::open(GetParam()->uri));
  } catch (const Error& error) {
    if (GetParam()->built) throw;
    GTEST_SKIP() << "backend absent: " << error.what();
  }
  ctx_ = std::make_unique<ops::Context>(*device_);
}

void OpTest::TearDown() {
  if (!ctx_) return;
  ctx_->queue().finish();
  EXPECT_TRUE(ctx_->host_ops().empty());
  EXPECT_EQ(device_->take_findings(), "");
  std::array<std::byte, kGuard> guard;
  for (const auto& [buffer, size] : buffers_) {
    for (const std::uint64_t at : {std::uint64_t{0}, kGuard + size}) {
      device_->copy_out(buffer.addr() + at, guard);
      EXPECT_TRUE(std::ranges::all_of(guard, [](std::byte b) { return b == kPattern; }))
          << "bytes written outside a tensor";
    }
  }
  buffers_.clear();
  ctx_.reset();
  device_.reset();
}

ops::Tensor OpTest::put(const HostTensor& values) {
  const ops::Tensor tensor = make(values.dtype, values.shape);
  device_->copy_in(tensor.addr, values.bytes);
  return tensor;
}

ops::Tensor OpTest::put(Dtype dtype, const Shape& shape, const std::vector<double>& values) {
  HostTensor host(dtype, shape);
  for (std::uint64_t i = 0; i < host.numel(); ++i) host.set(i, values.at(i));
  return put(host);
}

ops::Tensor OpTest::make(Dtype dtype, const Shape& shape) {
  ops::Tensor tensor(PhysAddr(), dtype, shape);
  const std::uint64_t size = tensor.numel() * tensor.elem_bytes();
  // The guard begins right behind the last element.
  buffers_.emplace_back(device_->malloc("activations", size + 2 * kGuard, "test tensor"), size);
  const PhysAddr start = buffers_.back().first.addr();
  device_->copy_in(start, std::vector<std::byte>(size + 2 * kGuard, kPattern));
  tensor.addr = start + kGuard;
  return tensor;
}

HostTensor OpTest::get(const ops::Tensor& view) {
  ctx_->queue().finish();
  HostTensor result(view.dtype, Shape(view.shape.begin(), view.shape.begin() + view.rank));
  if (view.is_contiguous()) {
    device_->copy_out(view.addr, result.bytes);
    return result;
  }
  const std::uint64_t size = view.elem_bytes();
  for_each_index(result.shape, [&](std::uint64_t flat, const Shape& index) {
    PhysAddr addr = view.addr;
    for (std::size_t i = 0; i < index.size(); ++i) addr = addr + index[i] * view.stride[i];
    device_->copy_out(addr, {result.bytes.data() + flat * size, size});
  });
  return result;
}

}  // namespace tandem::tests

// SPDX-License-Identifier: Apache-2.0
// VECTOR: what a language model uses, as the op library does it.
#include "rtl/cycles/cases.hpp"
#include "tandem/ops/all.hpp"

namespace tandem::rtltest {
namespace {

using abi::Dtype;
using ops::Tensor;

CycleCase op_case(std::string name, std::function<std::function<void()>(CycleDevice&)> make) {
  return {"vector " + name,
          [make = std::move(make)](CycleDevice& device) { return device.run_op(make(device)); }};
}

CycleCase softmax(const char* name, std::uint64_t rows, std::uint64_t cols) {
  return op_case(name, [=](CycleDevice& d) {
    const Tensor x = d.tensor(Dtype::kF32, {rows, cols}), y = d.tensor(Dtype::kF16, {rows, cols});
    return [=, &d] { ops::softmax(d.context(), x, -1, y); };
  });
}

CycleCase rmsnorm(const char* name, std::uint64_t rows, std::uint64_t cols) {
  return op_case(name, [=](CycleDevice& d) {
    const Tensor x = d.tensor(Dtype::kF32, {rows, cols}), w = d.tensor(Dtype::kF32, {cols}),
                 y = d.tensor(Dtype::kF16, {rows, cols});
    return [=, &d] { ops::rmsnorm(d.context(), x, w, 1e-5f, 0.0f, y); };
  });
}

CycleCase silu_mul(const char* name, std::uint64_t rows, std::uint64_t cols) {
  return op_case(name, [=](CycleDevice& d) {
    const Tensor gate = d.tensor(Dtype::kF32, {rows, cols}),
                 up = d.tensor(Dtype::kF32, {rows, cols}), y = d.tensor(Dtype::kF16, {rows, cols});
    return [=, &d] {
      ops::elementwise(d.context(), {y}, {gate, up},
                       [](auto g, auto u) { return ops::mul(numerics::silu(g), u); });
    };
  });
}

CycleCase rotary(const char* name, ops::RotaryStyle style) {
  return op_case(name, [=](CycleDevice& d) {
    constexpr std::uint64_t kTokens = 4, kHeads = 3, kDims = 64;
    const Tensor x = d.tensor(Dtype::kF32, {kTokens, kHeads, kDims}),
                 cos = d.tensor(Dtype::kF32, {kTokens, 1, kDims / 2}),
                 sin = d.tensor(Dtype::kF32, {kTokens, 1, kDims / 2}),
                 y = d.tensor(Dtype::kF16, {kTokens, kHeads, kDims});
    return [=, &d] { ops::rotary(d.context(), x, cos, sin, style, y); };
  });
}

CycleCase add(const char* name, Dtype type, std::uint64_t rows, std::uint64_t cols) {
  return op_case(name, [=](CycleDevice& d) {
    const Tensor x = d.tensor(type, {rows, cols}), y = d.tensor(type, {rows, cols}),
                 z = d.tensor(type, {rows, cols});
    return [=, &d] { ops::add(d.context(), x, y, z); };
  });
}

CycleCase cast(const char* name, Dtype from, Dtype to) {
  return op_case(name, [=](CycleDevice& d) {
    const Tensor x = d.tensor(from, {2, 1024}), y = d.tensor(to, {2, 1024});
    return [=, &d] { ops::cast(d.context(), x, y); };
  });
}

}  // namespace

std::vector<CycleCase> vector_cases() {
  return {
      softmax("softmax 9 x 40", 9, 40),
      softmax("softmax 4 x 300", 4, 300),
      rmsnorm("rmsnorm 1 x 576", 1, 576),
      rmsnorm("rmsnorm 4 x 576", 4, 576),
      silu_mul("silu * mul 1 x 1536", 1, 1536),
      silu_mul("silu * mul 8 x 100", 8, 100),
      rotary("rotary of halves 4 x 3 x 64", ops::RotaryStyle::kHalfSplit),
      rotary("rotary of pairs 4 x 3 x 64", ops::RotaryStyle::kInterleaved),
      add("add f32 2 x 1024", Dtype::kF32, 2, 1024),
      add("add f16 2 x 1024", Dtype::kF16, 2, 1024),
      add("add f32 64 x 16", Dtype::kF32, 64, 16),
      cast("cast f32 to f16", Dtype::kF32, Dtype::kF16),
      cast("cast f32 to e4m3", Dtype::kF32, Dtype::kE4M3),
      cast("cast bf16 to f32", Dtype::kBF16, Dtype::kF32),
  };
}

}  // namespace tandem::rtltest

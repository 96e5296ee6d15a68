// SPDX-License-Identifier: Apache-2.0
#include "native_plan.hpp"

#include <optional>

namespace tandem::gpu {
namespace {

using abi::Dtype;

constexpr std::uint32_t kPanel = 32;
// Each batch of the outer dimension is a call of its own where one stride does not cover both.
constexpr std::uint64_t kMaxCalls = 256;
// cuBLASLt takes leading dimensions and extents as signed numbers; nothing real comes near.
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 40;

std::optional<int> cuda_type(Dtype type) {
  switch (type) {
    case Dtype::kF32:
      return kCudaF32;
    case Dtype::kBF16:
      return kCudaBf16;
    case Dtype::kF16:
      return kCudaF16;
    default:
      return std::nullopt;
  }
}

std::uint64_t bytes_of(int type) { return type == kCudaF32 ? 4 : 2; }

/// Two batch dimensions as one strided batch, repeated: most packets need no repetition.
struct Batches {
  std::uint32_t inner = 1;
  std::uint32_t outer = 1;
  bool by_batch1 = true;  ///< The inner one is batch1 (or both), else batch0.
};

std::uint64_t stride(const MatmulOperand& operand, bool by_batch1) {
  return by_batch1 ? operand.batch1_stride : operand.batch0_stride;
}

Batches join_batches(const MatmulArgs& p) {
  const auto joins = [&](const MatmulOperand& o) {
    return o.batch0_stride == o.batch1_stride * p.batch1;
  };
  if (p.batch0 == 1) return {p.batch1, 1, true};
  if (p.batch1 == 1) return {p.batch0, 1, false};
  if (joins(p.a) && joins(p.b) && joins(p.c)) return {p.batch0 * p.batch1, 1, true};
  return {p.batch1, p.batch0, true};
}

/// What neither types nor layouts of the library cover; empty if it may work.
std::string obstacle(const MatmulArgs& p) {
  if (p.a_type == Dtype::kI8) return "int8: the exact kernel is exact";
  if (p.scale_mode != abi::ScaleMode::kNone) return "group-quantised weights";
  const auto a = cuda_type(p.a_type);
  const auto b = cuda_type(p.b_type);
  const auto c = cuda_type(p.c_type);
  if (!a || !b || !c) return "fp8 operands";
  const bool narrows = *a == kCudaF32 && *b == kCudaBf16 && p.a_layout == abi::ALayout{};
  if (*a != *b && !narrows) return "operands of two types";
  if (narrows && *c != kCudaF32) return "fp32 activations, narrow result";
  if (*b == kCudaF32 && *c != kCudaF32) return "fp32 operands, narrower result";
  if ((*b == kCudaF16 && *c == kCudaBf16) || (*b == kCudaBf16 && *c == kCudaF16)) {
    return "f16 and bf16 in one product";
  }
  if (p.init_mode == abi::InitMode::kBias && *c != kCudaF32) return "bias and a narrow result";
  return {};
}

/// False if rows overlap or lie too far apart.
bool set_rows(NativeMatrix& m, std::uint64_t row_stride, std::uint64_t rows) {
  m.ld = row_stride / bytes_of(m.type);
  if (m.cols == 1 || rows == 1) m.ld = m.ld < m.rows || m.ld > kMaxElements ? m.rows : m.ld;
  return m.ld >= m.rows && m.ld <= kMaxElements;
}

bool fits(std::uint64_t batch_stride) { return batch_stride <= kMaxElements; }

}  // namespace

NativePlan plan_product(const MatmulArgs& p) {
  NativePlan plan;
  plan.reason = obstacle(p);
  if (!plan.reason.empty()) return plan;
  const int a_type = *cuda_type(p.a_type);
  const int b_type = *cuda_type(p.b_type);
  const int c_type = *cuda_type(p.c_type);
  plan.narrow_a = a_type != b_type;
  plan.compute = b_type == kCudaF32 ? kComputeTf32 : kComputeF32;
  const bool accumulate = p.init_mode == abi::InitMode::kAccumulate;
  const std::uint64_t bias = p.init_mode == abi::InitMode::kBias ? p.bias : 0;
  const bool panels = p.b_layout == abi::BLayout::kPanels;
  const bool nk = p.b_layout == abi::BLayout::kNk;
  const bool a_transposed = p.a_layout != abi::ALayout{};
  if (panels && bias != 0 && p.n > kPanel) {
    plan.reason = "bias on weights in panels";
    return plan;
  }

  const auto refuse = [&plan](const char* reason) {
    plan = NativePlan{};
    plan.reason = reason;
    return plan;
  };
  MatmulArgs q = p;
  if (plan.narrow_a) {  // Dense, without repetitions of what the batches share.
    q.a.row_stride = std::uint64_t{p.k} * 2;
    const std::uint64_t matrix = std::uint64_t{p.m} * q.a.row_stride;
    q.a.batch1_stride = p.batch1 == 1 || p.a.batch1_stride == 0 ? 0 : matrix;
    const std::uint64_t inner = q.a.batch1_stride == 0 ? matrix : matrix * p.batch1;
    q.a.batch0_stride = p.batch0 == 1 || p.a.batch0_stride == 0 ? 0 : inner;
    q.a.at = 0;
    plan.part_bytes = q.a.batch0_stride == 0 ? inner : inner * p.batch0;
  }
  // A panel is a product of 32 columns: panels are the strided batch, batches are calls.
  const Batches batches = panels ? Batches{1, 0, true} : join_batches(q);
  const std::uint64_t calls =
      panels ? std::uint64_t{p.batch0} * p.batch1 : std::uint64_t{batches.outer};
  if (calls > kMaxCalls) return refuse("more batches than calls pay for");

  NativeCall base;
  base.y = {q.a.at,
            plan.narrow_a ? kCudaBf16 : a_type,
            a_transposed,
            a_transposed ? p.m : p.k,
            a_transposed ? p.k : p.m,
            0,
            0};
  base.x = {p.b.at, b_type, nk, nk ? p.k : p.n, nk ? p.n : p.k, 0, 0};
  base.d = {p.c.at, c_type, false, p.n, p.m, 0, 0};
  if (panels) base.x = {p.b.at, b_type, false, kPanel, p.k, kPanel, 0};
  if (!set_rows(base.y, q.a.row_stride, base.y.cols) ||
      (!panels && !set_rows(base.x, p.b.row_stride, base.x.cols)) ||
      !set_rows(base.d, p.c.row_stride, p.m)) {
    return refuse("rows that overlap or repeat");
  }

  base.accumulate = accumulate;
  base.bias = bias;
  const auto add_call = [&plan](NativeCall call) {
    const bool ok =
        fits(call.x.batch_stride) && fits(call.y.batch_stride) && fits(call.d.batch_stride);
    plan.calls.push_back(call);
    if (!plan.narrow_a) return ok;
    call.y.at += plan.part_bytes;
    call.accumulate = true;
    call.bias = 0;
    plan.calls.push_back(call);
    return ok;
  };
  for (std::uint64_t i = 0; i < calls; ++i) {
    NativeCall call = base;
    const std::uint64_t i0 = panels ? i / p.batch1 : i;
    const std::uint64_t i1 = panels ? i % p.batch1 : 0;
    call.x.at += i0 * p.b.batch0_stride + i1 * p.b.batch1_stride;
    call.y.at += i0 * q.a.batch0_stride + i1 * q.a.batch1_stride;
    call.d.at += i0 * p.c.batch0_stride + i1 * p.c.batch1_stride;
    bool ok = true;
    if (!panels) {
      call.batch = batches.inner;
      call.x.batch_stride = stride(p.b, batches.by_batch1) / bytes_of(b_type);
      call.y.batch_stride = stride(q.a, batches.by_batch1) / bytes_of(call.y.type);
      call.d.batch_stride = stride(p.c, batches.by_batch1) / bytes_of(c_type);
      if (call.batch == 1) {
        call.x.batch_stride = call.y.batch_stride = call.d.batch_stride = 0;
      }
      ok = add_call(call);
    } else {
      const std::uint32_t whole = p.n / kPanel;
      const std::uint32_t rest = p.n % kPanel;
      NativeCall part = call;
      part.batch = whole;
      part.d.rows = kPanel;
      part.x.batch_stride = p.b.row_stride / bytes_of(b_type);
      part.d.batch_stride = kPanel;
      if (whole == 1) part.x.batch_stride = part.d.batch_stride = 0;
      if (whole != 0) ok = add_call(part);
      if (rest != 0) {
        part = call;
        part.x.at += whole * p.b.row_stride;
        part.x.rows = rest;
        part.d.at += std::uint64_t{whole} * kPanel * bytes_of(c_type);
        part.d.rows = rest;
        ok = ok && add_call(part);
      }
    }
    if (!ok) return refuse("batches too far apart");
  }
  return plan;
}

}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
// Plans of native products, carried out by plain loops, against the packets' meaning.
#include "native_plan.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "kernels/narrow.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::gpu {
namespace {

using abi::Dtype;

/// Host memory that stands for the GPU's.
struct Memory {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(1 << 20);
  std::uint64_t at(std::uint64_t offset) const {
    return reinterpret_cast<std::uint64_t>(bytes.data()) + offset;
  }
};

double value_at(std::uint64_t at, int type) {
  if (type == kCudaF32) return numerics::float_of(load<std::uint32_t>(at));
  const auto bits = load<std::uint16_t>(at);
  return numerics::float_of(type == kCudaF16 ? numerics::f16_to_f32(bits)
                                             : numerics::bf16_to_f32(bits));
}

void put(std::uint64_t at, int type, double value) {
  const std::uint32_t bits = numerics::bits_of(float(value));
  if (type == kCudaF32) return store<std::uint32_t>(at, bits);
  store<std::uint16_t>(at,
                       type == kCudaF16 ? numerics::f32_to_f16(bits) : numerics::f32_to_bf16(bits));
}

int code(Dtype type) {
  return type == Dtype::kF32 ? kCudaF32 : type == Dtype::kF16 ? kCudaF16 : kCudaBf16;
}

std::uint64_t element(const NativeMatrix& m, std::uint64_t row, std::uint64_t col,
                      std::uint64_t batch) {
  EXPECT_LT(row, m.rows);
  EXPECT_LT(col, m.cols);
  return m.at + (batch * m.batch_stride + col * m.ld + row) * (m.type == kCudaF32 ? 4 : 2);
}

/// What cuBLASLt would do.
void carry_out(const NativePlan& plan) {
  for (const NativeCall& call : plan.calls) {
    const std::uint64_t k = call.x.transposed ? call.x.rows : call.x.cols;
    ASSERT_EQ(k, call.y.transposed ? call.y.cols : call.y.rows);
    for (std::uint64_t b = 0; b < call.batch; ++b) {
      for (std::uint64_t col = 0; col < call.d.cols; ++col) {
        for (std::uint64_t row = 0; row < call.d.rows; ++row) {
          const std::uint64_t out = element(call.d, row, col, b);
          double sum = call.accumulate ? value_at(out, call.d.type) : 0;
          if (call.bias != 0) sum += value_at(call.bias + row * 4, kCudaF32);
          for (std::uint64_t i = 0; i < k; ++i) {
            sum += value_at(
                       call.x.transposed ? element(call.x, i, row, b) : element(call.x, row, i, b),
                       call.x.type) *
                   value_at(
                       call.y.transposed ? element(call.y, col, i, b) : element(call.y, i, col, b),
                       call.y.type);
          }
          put(out, call.d.type, sum);
        }
      }
    }
  }
}

struct Product {
  Memory memory;
  MatmulArgs args;
  std::uint64_t used = 256;

  MatmulOperand place(std::uint64_t rows, std::uint64_t row_bytes, std::mt19937& random,
                      bool broadcast) {
    MatmulOperand o;
    o.row_stride = row_bytes + random() % 3 * 64;
    o.batch1_stride = broadcast ? 0 : rows * o.row_stride + random() % 2 * 128;
    o.batch0_stride = broadcast ? 0 : args.batch1 * o.batch1_stride + random() % 2 * 64;
    o.at = memory.at(used);
    used += args.batch0 * (o.batch0_stride + args.batch1 * o.batch1_stride) + rows * o.row_stride;
    used = (used + 255) / 256 * 256;
    EXPECT_LT(used, memory.bytes.size());
    return o;
  }
};

double expected(const MatmulArgs& a, std::uint64_t b0, std::uint64_t b1, std::uint64_t m,
                std::uint64_t n, double old) {
  const auto base = [&](const MatmulOperand& o) {
    return o.at + b0 * o.batch0_stride + b1 * o.batch1_stride;
  };
  const std::uint64_t ea = a.a_type == Dtype::kF32 ? 4 : 2;
  const std::uint64_t eb = a.b_type == Dtype::kF32 ? 4 : 2;
  double sum = a.init_mode == abi::InitMode::kAccumulate ? old : 0;
  if (a.init_mode == abi::InitMode::kBias) sum += value_at(a.bias + n * 4, kCudaF32);
  for (std::uint64_t k = 0; k < a.k; ++k) {
    const std::uint64_t at_a =
        base(a.a) + (a.a_layout == abi::ALayout::kCols ? k * a.a.row_stride + m * ea
                                                       : m * a.a.row_stride + k * ea);
    std::uint64_t at_b = base(a.b);
    if (a.b_layout == abi::BLayout::kPanels) {
      at_b += n / 32 * a.b.row_stride + (k * 32 + n % 32) * eb;
    } else if (a.b_layout == abi::BLayout::kNk) {
      at_b += n * a.b.row_stride + k * eb;
    } else {
      at_b += k * a.b.row_stride + n * eb;
    }
    sum += value_at(at_a, code(a.a_type)) * value_at(at_b, code(a.b_type));
  }
  return sum;
}

TEST(NativePlan, RandomProductsMeanWhatThePacketMeans) {
  std::printf("seed 3\n");
  std::mt19937 random(3);
  std::map<std::string, int> refused;
  int planned = 0;
  for (int round = 0; round < 300; ++round) {
    auto owner = std::make_unique<Product>();
    MatmulArgs& a = owner->args;
    const auto pick = [&](auto first, auto... rest) {
      const decltype(first) all[] = {first, rest...};
      return all[random() % (1 + sizeof...(rest))];
    };
    a.m = 1 + random() % 9, a.n = 1 + random() % 70, a.k = 1 + random() % 12;
    a.batch0 = 1 + random() % 3, a.batch1 = 1 + random() % 3;
    a.a_type = pick(Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3);
    a.b_type = random() % 3 == 0 ? pick(Dtype::kF32, Dtype::kBF16) : a.a_type;
    a.c_type = pick(Dtype::kF32, Dtype::kF32, Dtype::kBF16, Dtype::kF16);
    a.a_layout = pick(abi::ALayout::kRows, abi::ALayout::kRows, abi::ALayout::kCols);
    a.b_layout = pick(abi::BLayout::kKn, abi::BLayout::kNk, abi::BLayout::kPanels);
    a.init_mode = pick(abi::InitMode::kZero, abi::InitMode::kBias, abi::InitMode::kAccumulate);
    const std::uint64_t ea = a.a_type == Dtype::kF32 ? 4 : 2;
    const std::uint64_t eb = a.b_type == Dtype::kF32 ? 4 : 2;
    const std::uint64_t ec = a.c_type == Dtype::kF32 ? 4 : 2;
    const bool cols = a.a_layout == abi::ALayout::kCols;
    a.a = owner->place(cols ? a.k : a.m, (cols ? a.m : a.k) * ea, random, random() % 4 == 0);
    const bool share_b = random() % 2 == 0;
    if (a.b_layout == abi::BLayout::kPanels) {
      a.b = owner->place((a.n + 31) / 32, a.k * 32 * eb, random, share_b);
    } else {
      const bool nk = a.b_layout == abi::BLayout::kNk;
      a.b = owner->place(nk ? a.n : a.k, (nk ? a.k : a.n) * eb, random, share_b);
    }
    a.c = owner->place(a.m, a.n * ec, random, false);
    a.bias = a.init_mode == abi::InitMode::kBias ? owner->place(1, a.n * 4, random, true).at : 0;
    // Small integers: every order of additions gives the same.
    const auto fill = [&](const MatmulOperand& o, std::uint64_t end, int type, int range = 9) {
      const std::uint64_t step = type == kCudaF32 ? 4 : 2;
      for (std::uint64_t at = o.at; at + step <= end; at += step) {
        put(at, type, double(int(random() % range)) - range / 2);
      }
    };
    const std::uint64_t end = owner->memory.at(owner->used);
    fill(a.a, a.b.at, code(a.a_type), a.a_type == Dtype::kF32 ? 9001 : 9);
    fill(a.b, a.c.at, code(a.b_type));
    fill(a.c, a.bias != 0 ? a.bias : end, code(a.c_type));
    if (a.bias != 0) fill({.at = a.bias}, end, kCudaF32);

    NativePlan plan = plan_product(a);
    if (!plan.reason.empty()) {
      ++refused[plan.reason];
      continue;
    }
    ++planned;
    std::vector<std::uint8_t> scratch(2 * plan.part_bytes);
    if (plan.narrow_a) {
      const auto base = reinterpret_cast<std::uint64_t>(scratch.data());
      std::uint64_t at = base;
      for (std::uint64_t b0 = 0; b0 < (a.a.batch0_stride == 0 ? 1 : a.batch0); ++b0) {
        for (std::uint64_t b1 = 0; b1 < (a.a.batch1_stride == 0 ? 1 : a.batch1); ++b1) {
          for (std::uint64_t i = 0; i < std::uint64_t{a.m} * a.k; ++i, at += 2) {
            const Halves halves =
                split(load<std::uint32_t>(a.a.at + b0 * a.a.batch0_stride + b1 * a.a.batch1_stride +
                                          i / a.k * a.a.row_stride + i % a.k * 4));
            store(at, halves.high);
            store(at + plan.part_bytes, halves.low);
          }
        }
      }
      EXPECT_EQ(at - base, plan.part_bytes);
      for (NativeCall& call : plan.calls) call.y.at += base;
    }
    const std::vector<std::uint8_t> before = owner->memory.bytes;
    carry_out(plan);
    const std::vector<std::uint8_t> after = owner->memory.bytes;
    owner->memory.bytes = before;
    for (std::uint64_t i = 0; i < std::uint64_t{a.batch0} * a.batch1 * a.m * a.n; ++i) {
      const std::uint64_t n = i % a.n, m = i / a.n % a.m, b1 = i / a.n / a.m % a.batch1;
      const std::uint64_t b0 = i / a.n / a.m / a.batch1;
      const std::uint64_t at =
          a.c.at + b0 * a.c.batch0_stride + b1 * a.c.batch1_stride + m * a.c.row_stride + n * ec;
      const double want = expected(a, b0, b1, m, n, value_at(at, code(a.c_type)));
      std::uint8_t rounded[4];
      put(reinterpret_cast<std::uint64_t>(rounded), code(a.c_type), want);
      ASSERT_EQ(std::memcmp(after.data() + (at - owner->memory.at(0)), rounded, ec), 0)
          << "round " << round << ": " << m << ", " << n;
    }
  }
  EXPECT_GT(planned, 80);
  EXPECT_GE(refused.size(), 5u);
}

TEST(NativePlan, HalvesHoldSixteenBits) {
  std::mt19937 random(5);
  for (int i = 0; i < 100000; ++i) {
    const std::uint32_t bits = std::uint32_t(random()) % 0x7f00'0000u | (i % 2 << 31);
    if ((bits & 0x7fff'ffffu) < 0x0c00'0000u) continue;  // The rest would be subnormal.
    const Halves halves = split(bits);
    const double sum = double(numerics::float_of(std::uint32_t{halves.high} << 16)) +
                       numerics::float_of(std::uint32_t{halves.low} << 16);
    const double x = numerics::float_of(bits);
    ASSERT_LE(std::abs(sum - x), std::abs(x) * 0x1p-16) << std::hex << bits;
  }
  EXPECT_EQ(split(numerics::kF32Inf).low, 0);
  EXPECT_EQ(split(numerics::kF32Nan).low, 0);
}

TEST(NativePlan, SaysWhyTheExactKernelRuns) {
  MatmulArgs a;
  a.m = a.n = a.k = a.batch0 = a.batch1 = 1;
  a.a_type = a.b_type = Dtype::kI8;
  EXPECT_THAT(plan_product(a).reason, testing::HasSubstr("int8"));
  a.a_type = a.b_type = Dtype::kE4M3;
  EXPECT_THAT(plan_product(a).reason, testing::HasSubstr("fp8"));
  a.a_type = Dtype::kF32, a.b_type = Dtype::kF16, a.c_type = Dtype::kF32;
  EXPECT_THAT(plan_product(a).reason, testing::HasSubstr("two types"));
}

}  // namespace
}  // namespace tandem::gpu

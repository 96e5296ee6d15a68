// SPDX-License-Identifier: Apache-2.0
// Bounds of ops: an independent arithmetic stays within them, faults do not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "bounds/matmul_terms.hpp"
#include "support/small_packets.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/debug/error_figures.hpp"
#include "tandem/debug/op_bounds.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::debug {
namespace {

using abi::Dtype;

class Memory {
 public:
  abi::ReadMemory reader() const {
    return [this](std::uint64_t addr, std::span<std::byte> dst) {
      std::memcpy(dst.data(), bytes_.data() + addr, dst.size());
    };
  }
  template <class T>
  void store(std::uint64_t addr, T value) {
    std::memcpy(bytes_.data() + addr, &value, sizeof value);
  }
  template <class T>
  T load(std::uint64_t addr) const {
    T value;
    std::memcpy(&value, bytes_.data() + addr, sizeof value);
    return value;
  }

 private:
  std::vector<std::byte> bytes_ = std::vector<std::byte>(1 << 21);
};

constexpr std::uint64_t kA = 0x1000;
constexpr std::uint64_t kB = 0x80000;
constexpr std::uint64_t kC = 0x100000;
constexpr std::uint32_t kRows = 4;
constexpr std::uint32_t kCols = 24;

/// A product [4, k] x [k, 24] of f32 or bf16 values, in rows.
abi::MatmulPacket product(std::uint32_t k, Dtype type) {
  return tests::small_product(kRows, kCols, k, type, kA, kB, kC);
}

/// The same operands on two devices, and what each makes of them.
struct TwoDevices {
  Memory a;
  Memory b;
  abi::MatmulPacket packet;

  TwoDevices(std::uint32_t k, Dtype type, unsigned seed) : packet(product(k, type)) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto fill = [&](std::uint64_t base, std::uint64_t count) {
      for (std::uint64_t i = 0; i < count; ++i) {
        const float value = normal(random);
        if (type == Dtype::kF32) {
          a.store(base + 4 * i, value);
        } else {
          a.store(base + 2 * i, static_cast<std::uint16_t>(numerics::bits_of(value) >> 16));
        }
      }
    };
    fill(kA, std::uint64_t{kRows} * k);
    fill(kB, std::uint64_t{kCols} * k);
    b = a;
    for_each([&](std::uint64_t m, std::uint64_t n) { a.store(c(m, n), chain(m, n)); });
  }

  static std::uint64_t c(std::uint64_t m, std::uint64_t n) { return kC + 4 * (m * kCols + n); }
  static void for_each(const std::function<void(std::uint64_t, std::uint64_t)>& call) {
    for (std::uint64_t m = 0; m < kRows; ++m) {
      for (std::uint64_t n = 0; n < kCols; ++n) call(m, n);
    }
  }
  float operand(const Memory& memory, std::uint64_t base, std::uint64_t i) const {
    if (packet.a_type == Dtype::kF32) return memory.load<float>(base + 4 * i);
    return numerics::float_of(std::uint32_t{memory.load<std::uint16_t>(base + 2 * i)} << 16);
  }
  float left(std::uint64_t m, std::uint64_t k) const { return operand(b, kA, m * packet.k + k); }
  float right(std::uint64_t k, std::uint64_t n) const { return operand(b, kB, k * kCols + n); }

  /// As the device contract has it.
  float chain(std::uint64_t m, std::uint64_t n) const {
    float acc = 0;
    for (std::uint64_t k = 0; k < packet.k; ++k) {
      acc = numerics::fma32(numerics::to_e8m10(left(m, k)), numerics::to_e8m10(right(k, n)), acc);
    }
    return acc;
  }
  /// Operands as stored, pairs of partial sums from the end.
  float other(std::uint64_t m, std::uint64_t n) const {
    float sums[2] = {0, 0};
    for (std::uint64_t k = packet.k; k-- > 0;) sums[k % 2] += left(m, k) * right(k, n);
    return sums[0] + sums[1];
  }
  BoundCheck check(const std::function<float(std::uint64_t, std::uint64_t)>& value) {
    for_each([&](std::uint64_t m, std::uint64_t n) { b.store(c(m, n), value(m, n)); });
    return check_bounds(abi::to_packet(packet), a.reader(), b.reader());
  }
};

TEST(OpBounds, AnotherArithmeticIsWithin) {
  for (const Dtype type : {Dtype::kF32, Dtype::kBF16}) {
    for (const std::uint32_t k : {1u, 2u, 17u, 256u, 1536u}) {
      for (unsigned seed = 0; seed < 4; ++seed) {
        SCOPED_TRACE(testing::Message() << "k " << k << ", type " << int(type) << ", " << seed);
        TwoDevices devices(k, type, seed);
        const BoundCheck check =
            devices.check([&](std::uint64_t m, std::uint64_t n) { return devices.other(m, n); });
        EXPECT_TRUE(check.within()) << check.element << ' ' << check.row;
        if (k > 2) {
          EXPECT_GT(check.row, 0);
        }
      }
    }
  }
}

// Exact sums stay within, too, whatever cancels: the bound follows the terms, not the result.
TEST(OpBounds, SumsThatCancel) {
  TwoDevices devices(256, Dtype::kF32, 1);
  for (std::uint64_t m = 0; m < kRows; ++m) {
    for (std::uint64_t k = 0; k < 128; ++k) {
      const std::uint64_t row = kA + 4 * m * 256;
      devices.b.store(row + 4 * (k + 128), -devices.b.load<float>(row + 4 * k));
    }
  }
  for (std::uint64_t k = 0; k < 128; ++k) {
    for (std::uint64_t n = 0; n < kCols; ++n) {
      const float value = devices.b.load<float>(kB + 4 * (k * kCols + n));
      devices.b.store(kB + 4 * ((k + 128) * kCols + n), value * 1.0001f);
    }
  }
  devices.a = devices.b;
  devices.for_each([&](std::uint64_t m, std::uint64_t n) {
    devices.a.store(devices.c(m, n), devices.chain(m, n));
  });
  EXPECT_TRUE(devices.check([&](std::uint64_t m, std::uint64_t n) { return devices.other(m, n); })
                  .within());
}

TEST(OpBounds, FaultsAreNot) {
  for (const Dtype type : {Dtype::kF32, Dtype::kBF16}) {
    TwoDevices devices(256, type, 5);
    const auto right = [&](std::uint64_t m, std::uint64_t n) { return devices.other(m, n); };
    // One element lacks one step.
    const BoundCheck lost = devices.check([&](std::uint64_t m, std::uint64_t n) {
      return m == 2 && n == 3 ? right(m, n) - devices.left(m, 7) * devices.right(7, n)
                              : right(m, n);
    });
    EXPECT_FALSE(lost.within());
    EXPECT_GT(lost.row, 1);
    // Operands are cut to seven bits: no element is far off, all are a little.
    const BoundCheck coarse = devices.check([&](std::uint64_t m, std::uint64_t n) {
      const auto cut = [](float x) {
        return numerics::float_of(numerics::bits_of(x) & 0xffff8000u);
      };
      float sum = 0;
      for (std::uint64_t k = 0; k < 256; ++k) sum += cut(devices.left(m, k)) * devices.right(k, n);
      return sum + 1e-2f * std::abs(sum);
    });
    EXPECT_GT(coarse.row, 1);
    // A neighbour's value, NaN, infinity.
    EXPECT_GT(devices.check([&](auto m, auto n) { return right(m, n == 5 ? 6 : n); }).element, 1);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      EXPECT_TRUE(std::isinf(
          devices.check([&](auto m, auto n) { return n == 5 ? bad : right(m, n); }).element));
    }
  }
}

// Longer sums and wider operands may differ by more.
TEST(OpBounds, Coefficients) {
  const auto bound = [](std::uint32_t k, Dtype type, Dtype c) {
    return op_bound(abi::to_packet(product(k, type)), c);
  };
  EXPECT_EQ(bound(16, Dtype::kBF16, Dtype::kF32).terms, 0);
  EXPECT_DOUBLE_EQ(bound(16, Dtype::kF32, Dtype::kF32).terms, 2 * (0x1p-11 + 0x1p-10));
  EXPECT_DOUBLE_EQ(bound(99, Dtype::kF32, Dtype::kF32).sum, 100 * (0x1p-24 + 0x1p-23));
  EXPECT_EQ(bound(16, Dtype::kF32, Dtype::kF16).value, 0x1p-10);
  EXPECT_EQ(bound(16, Dtype::kF32, Dtype::kE5M2).value, 0x1p-2);
  EXPECT_TRUE(bound(16, Dtype::kI8, Dtype::kI32).exact);
  abi::CopyPacket copy;
  EXPECT_TRUE(op_bound(abi::to_packet(copy), Dtype::kNone).exact);
}

TEST(OpBounds, MovedBitsAreEqual) {
  const abi::CopyPacket copy = tests::copy_words(kA, kC, 8);
  Memory a;
  Memory b;
  EXPECT_TRUE(check_bounds(abi::to_packet(copy), a.reader(), b.reader()).within());
  b.store<std::uint8_t>(kC + 9, 1);
  EXPECT_FALSE(check_bounds(abi::to_packet(copy), a.reader(), b.reader()).within());
}

// A micro-program of four words over rows of 32 columns.
TEST(OpBounds, RowsOfVectors) {
  abi::VectorPacket p;
  p.cols = 32;
  p.rows0 = 1;
  p.rows1 = 2;
  p.ucode_words = 4;
  p.out0_type = Dtype::kF32;
  p.out0_addr = kC;
  p.out0_col_stride = 4;
  p.out0_row1_stride = p.out0_row0_stride = 128;
  Memory a;
  for (std::uint64_t i = 0; i < 64; ++i) a.store(kC + 4 * i, i < 32 ? 1000.0f : 1e-3f);
  const auto check = [&](std::uint64_t i, float value) {
    Memory b = a;
    b.store(kC + 4 * i, value);
    return check_bounds(abi::to_packet(p), a.reader(), b.reader());
  };
  EXPECT_TRUE(check(3, std::nextafter(1000.0f, 0.0f)).within());
  EXPECT_FALSE(check(3, 1001.0f).within());
  // Each row has its own size: what is little beside the first is much in the second.
  EXPECT_TRUE(check(3, 1000.0f - 1e-3f).within());
  EXPECT_FALSE(check(40, 2e-3f).within());
}

TEST(ErrorFigures, CountRowByRow) {
  ErrorSums sums;
  for (const double got : {1.0, 1.0}) sums.add(got, 1.0);
  sums.end_row();
  sums.add(2.2, 2.0);
  sums.add(std::nan(""), std::nan(""));
  sums.end_row();
  const ErrorFigures figures = sums.figures();
  EXPECT_NEAR(figures.max_abs, 0.2, 1e-12);
  EXPECT_NEAR(figures.row_rel_rms, 0.1, 1e-12);
  EXPECT_NEAR(figures.rel_rms, 0.2 / std::sqrt(6.0), 1e-12);
  EXPECT_TRUE(figures.finite);
  EXPECT_EQ(exceeded(figures, {}), "");
  EXPECT_THAT(exceeded(figures, {.row_rel_rms = 0.05}),
              testing::StartsWith("row_rel_rms 0.1, bound 0.05"));
  sums.add(1, std::numeric_limits<double>::infinity());
  sums.end_row();
  EXPECT_EQ(exceeded(sums.figures(), {}), "not finite");
  EXPECT_TRUE(std::isinf(sums.figures().rel_rms));
}

}  // namespace
}  // namespace tandem::debug

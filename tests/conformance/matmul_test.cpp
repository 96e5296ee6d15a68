// SPDX-License-Identifier: Apache-2.0
// MATMUL against plain loops: types, layouts, batches, initial values, scales, special values.
#include <gtest/gtest.h>

#include "conformance/functional.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::tests {
namespace {

using abi::ALayout;
using abi::BLayout;
using abi::Dtype;
using abi::InitMode;
using abi::ScaleMode;

constexpr Dtype kFloats[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2};
constexpr Dtype kResults[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16};

std::uint64_t round_up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

class Matmul : public Functional {
 protected:
  struct Shape {
    std::uint32_t m, n, k, batch0 = 1, batch1 = 1;
  };

  /// A packet of contiguous operands with some padding in the strides.
  abi::MatmulPacket packet(Shape s, Dtype a, Dtype b, Dtype c, ALayout a_layout = ALayout::kRows,
                           BLayout b_layout = BLayout::kKn) {
    abi::MatmulPacket p;
    p.m = s.m;
    p.n = s.n;
    p.k = s.k;
    p.batch0 = s.batch0;
    p.batch1 = s.batch1;
    p.a_type = a;
    p.b_type = b;
    p.c_type = c;
    p.a_layout = a_layout;
    p.b_layout = b_layout;
    p.a_addr = kA;
    p.b_addr = kB;
    p.c_addr = kC;
    const bool rows = a_layout == ALayout::kRows;
    p.a_row_stride = ((rows ? s.k : s.m) + random(3)) * bits(a) / 8;
    p.a_batch1_stride = p.a_row_stride * (rows ? s.m : s.k);
    p.a_batch0_stride = p.a_batch1_stride * s.batch1;
    set_b(p);
    p.c_row_stride = (s.n + random(3)) * bits(c) / 8;
    p.c_batch1_stride = p.c_row_stride * s.m;
    p.c_batch0_stride = p.c_batch1_stride * s.batch1;
    return p;
  }

  void set_b(abi::MatmulPacket& p) {
    std::uint64_t rows = p.k;
    p.b_row_stride = (p.n + random(3)) * bits(p.b_type) / 8;
    if (p.b_layout == BLayout::kNk) {
      rows = p.n;
      p.b_row_stride = (p.k * bits(p.b_type) + 7) / 8 + random(3) * ((bits(p.b_type) + 7) / 8);
    } else if (p.b_layout == BLayout::kPanels) {
      rows = (p.n + 31) / 32;
      p.b_row_stride = round_up(std::uint64_t{p.k} * 32 * bits(p.b_type) / 8, 64);
    }
    p.b_batch1_stride = p.b_row_stride * rows;
    p.b_batch0_stride = p.b_batch1_stride * p.batch1;
  }

  static std::uint64_t bits(Dtype type) { return abi::dtype_bits(type); }

  void add_groups(abi::MatmulPacket& p, Dtype b, Dtype scale, std::uint16_t group) {
    p.b_type = b;
    p.scale_mode = ScaleMode::kGroup;
    p.scale_type = scale;
    p.group_size = group;
    set_b(p);
    const std::uint64_t e = bits(scale) / 8;
    const std::uint64_t groups = (p.k + group - 1) / group;
    const bool panels = p.b_layout == BLayout::kPanels;
    p.b_scale_row_stride = panels ? groups * 32 * e : (groups + random(2)) * e;
    p.b_scale_batch1_stride = p.b_scale_row_stride * (panels ? (p.n + 31) / 32 : p.n);
    p.b_scale_batch0_stride = p.b_scale_batch1_stride * p.batch1;
    p.b_scale_addr = kD;
    p.b_min_addr = kD + 0x8000;
  }

  /// Fills an operand with values of its type that are neither huge nor NaN.
  void put(std::uint64_t addr, Dtype type, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const float value = (static_cast<float>(random(2001)) - 1000.0f) / 256.0f;
      const std::uint32_t word = numerics::bits_of(value);
      const std::uint64_t at = addr + i * bits(type) / 8;
      constexpr auto kRule = numerics::Fp8Overflow::kSaturate;
      switch (type) {
        case Dtype::kF32:
          device().write_one(at, word);
          break;
        case Dtype::kBF16:
          device().write_one(at, numerics::f32_to_bf16(word));
          break;
        case Dtype::kF16:
          device().write_one(at, numerics::f32_to_f16(word));
          break;
        case Dtype::kE4M3:
          device().write_one(at, numerics::f32_to_e4m3(word, kRule));
          break;
        case Dtype::kE5M2:
          device().write_one(at, numerics::f32_to_e5m2(word, kRule));
          break;
        default:
          device().write_one(at, static_cast<std::uint8_t>(random(256)));
          break;
      }
    }
  }

  void fill_operands(const abi::MatmulPacket& p) {
    scramble();
    put(kA, p.a_type, 3000);
    if (p.scale_mode != ScaleMode::kGroup) put(kB, p.b_type, 6000);
    if (p.scale_type != Dtype::kNone) {
      put(kD, p.scale_type, 3000);
      put(kD + 0x8000, p.scale_type, 3000);
    }
    if (p.init_mode == InitMode::kAccumulate) put(kC, p.c_type, 3000);
  }
};
TANDEM_CONFORMANCE_FIXTURE(Matmul);

TEST_P(Matmul, EveryPairOfFloatTypes) {
  for (const Dtype a : kFloats) {
    for (const Dtype b : kFloats) {
      const Dtype c = kResults[random(3)];
      SCOPED_TRACE(fmt::format("{} x {} -> {}", to_string(a), to_string(b), to_string(c)));
      const abi::MatmulPacket p = packet({5, 37, 19}, a, b, c);
      fill_operands(p);
      compare(p);
    }
  }
}

TEST_P(Matmul, EveryLayoutAndShape) {
  const Shape shapes[] = {{1, 1, 1},   {1, 32, 64}, {1, 70, 33},  {2, 31, 5},
                          {7, 33, 16}, {17, 65, 9}, {33, 40, 40}, {4, 64, 1}};
  for (const Shape shape : shapes) {
    for (const ALayout a : {ALayout::kRows, ALayout::kCols}) {
      for (const BLayout b : {BLayout::kKn, BLayout::kNk, BLayout::kPanels}) {
        SCOPED_TRACE(fmt::format("{}x{}x{} A {} B {}", shape.m, shape.n, shape.k,
                                 static_cast<int>(a), static_cast<int>(b)));
        const Dtype type = kFloats[random(3)];
        const abi::MatmulPacket p = packet(shape, type, type, kResults[random(3)], a, b);
        fill_operands(p);
        compare(p);
      }
    }
  }
}

TEST_P(Matmul, BatchesWithBroadcast) {
  for (int round = 0; round < 8; ++round) {
    abi::MatmulPacket p = packet({3, 33, 8, 2, 3}, Dtype::kBF16, Dtype::kF16, Dtype::kF32,
                                 ALayout::kRows, round % 2 == 0 ? BLayout::kNk : BLayout::kPanels);
    if ((round & 1) != 0) p.a_batch0_stride = 0;
    if ((round & 2) != 0) p.b_batch1_stride = 0;
    if ((round & 4) != 0) p.b_batch0_stride = 0;
    fill_operands(p);
    SCOPED_TRACE(round);
    compare(p);
  }
}

TEST_P(Matmul, BiasAndAccumulate) {
  for (const Dtype c : kResults) {
    abi::MatmulPacket p = packet({6, 45, 20, 2, 1}, Dtype::kF16, Dtype::kBF16, c);
    p.init_mode = InitMode::kBias;
    p.bias_addr = kD;
    fill_operands(p);
    put_floats(kD, 45);
    compare(p);
    p.init_mode = InitMode::kAccumulate;
    p.bias_addr = 0;
    fill_operands(p);
    compare(p);
  }
}

TEST_P(Matmul, Integers) {
  for (const InitMode init : {InitMode::kZero, InitMode::kBias, InitMode::kAccumulate}) {
    for (const BLayout layout : {BLayout::kKn, BLayout::kNk, BLayout::kPanels}) {
      abi::MatmulPacket p =
          packet({5, 39, 70}, Dtype::kI8, Dtype::kI8, Dtype::kI32, ALayout::kRows, layout);
      p.init_mode = init;
      p.bias_addr = init == InitMode::kBias ? kD : 0;
      fill_operands(p);
      compare(p);
    }
  }
}

TEST_P(Matmul, IntegersScaledByRowAndColumn) {
  for (const Dtype c : kResults) {
    for (const bool bias : {false, true}) {
      abi::MatmulPacket p =
          packet({5, 39, 70, 2, 2}, Dtype::kI8, Dtype::kI8, c, ALayout::kCols, BLayout::kNk);
      p.scale_mode = ScaleMode::kRowCol;
      p.scale_type = Dtype::kF32;
      p.b_scale_addr = kD;
      p.a_scale_addr = kD + 0x8000;
      p.b_scale_batch1_stride = 4 * p.n;
      p.b_scale_batch0_stride = 8 * p.n;
      p.a_scale_batch1_stride = 4 * p.m;
      p.init_mode = bias ? InitMode::kBias : InitMode::kZero;
      p.bias_addr = bias ? kD + 0xc000 : 0;
      fill_operands(p);
      compare(p);
    }
  }
}

TEST_P(Matmul, GroupsOfEverySize) {
  for (const std::uint16_t group : {16, 32, 64, 128}) {
    for (const Dtype b : {Dtype::kU4, Dtype::kI8}) {
      for (const BLayout layout : {BLayout::kNk, BLayout::kPanels}) {
        for (const std::uint32_t k : {group * 2u, group + 5u, 3u}) {
          const Dtype scale = random(2) == 0 ? Dtype::kF16 : Dtype::kF32;
          abi::MatmulPacket p =
              packet({3, 35, k}, Dtype::kBF16, Dtype::kF32, Dtype::kF32, ALayout::kRows, layout);
          add_groups(p, b, scale, group);
          SCOPED_TRACE(fmt::format("group {} of {} k {} layout {}", group, to_string(b), k,
                                   static_cast<int>(layout)));
          fill_operands(p);
          compare(p);
        }
      }
    }
  }
}

TEST_P(Matmul, GroupsInBatches) {
  abi::MatmulPacket p = packet({2, 33, 32, 2, 2}, Dtype::kF16, Dtype::kF32, Dtype::kBF16,
                               ALayout::kRows, BLayout::kPanels);
  add_groups(p, Dtype::kU4, Dtype::kF16, 16);
  fill_operands(p);
  compare(p);
}

TEST_P(Matmul, LongChainsInOneOrder) {
  // Large and small terms alternate, so every other order of the sum gives other bits.
  abi::MatmulPacket p =
      packet({2, 40, 1500}, Dtype::kF32, Dtype::kBF16, Dtype::kF32, ALayout::kRows, BLayout::kNk);
  p.b_row_stride = 0;  // one column of B for all n
  fill_operands(p);
  for (std::uint64_t k = 0; k < 1500; k += 3) device().write_one(kA + 4 * k, 1e6f);
  for (std::uint64_t k = 1; k < 1500; k += 3) device().write_one(kA + 4 * k, -1e6f);
  compare(p);
}

TEST_P(Matmul, SpecialValues) {
  const std::vector<std::uint32_t> words = {0x0000'0000, 0x8000'0000, 0x0000'0001, 0x8000'0fff,
                                            0x007f'ffff, 0x0080'0000, 0x7f7f'ffff, 0xff7f'ffff,
                                            0x7f80'0000, 0xff80'0000, 0x7fc0'0000, 0xffff'ffff,
                                            0x7f80'0001, 0x3f80'0fff, 0x3f80'1000, 0x3f80'3000};
  for (const Dtype c : kResults) {
    abi::MatmulPacket p = packet({16, 16, 1}, Dtype::kF32, Dtype::kF32, c);
    p.a_row_stride = 4;
    scramble();
    device().write(kA, words);
    device().write(kB, words);
    compare(p);
    p.k = 2;
    p.a_row_stride = 8;
    p.b_row_stride = 64;
    std::vector<std::uint32_t> twice = words;
    twice.insert(twice.end(), words.rbegin(), words.rend());
    device().write(kA, twice);
    device().write(kB, twice);
    compare(p);
  }
}

TEST_P(Matmul, RandomBitsAreNumbersToo) {
  for (const Dtype a : kFloats) {
    for (const Dtype b : kFloats) {
      const abi::MatmulPacket p = packet({9, 33, 3}, a, b, Dtype::kF32);
      scramble();
      compare(p);
    }
  }
}

}  // namespace
}  // namespace tandem::tests

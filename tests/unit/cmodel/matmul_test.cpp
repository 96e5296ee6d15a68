// SPDX-License-Identifier: Apache-2.0
// MATMUL of every instruction set and thread count against plain loops.
#include <fmt/format.h>

#include <cfenv>

#include "reference.hpp"

namespace tandem::cmodel::test {
namespace {

using abi::BLayout;
using abi::Dtype;
using abi::InitMode;
using abi::MatmulPacket;
using abi::ScaleMode;

unsigned bytes_of(Dtype type) { return abi::dtype_bits(type) / 8; }

std::string describe(const MatmulPacket& p) {
  return fmt::format(
      "m {} n {} k {} batch {}x{} types a {} b {} c {} scale {} layouts a {} b {} init {} scaling "
      "{} group {}",
      p.m, p.n, p.k, p.batch0, p.batch1, abi::to_string(p.a_type), abi::to_string(p.b_type),
      abi::to_string(p.c_type), abi::to_string(p.scale_type), int(p.a_layout), int(p.b_layout),
      int(p.init_mode), int(p.scale_mode), p.group_size);
}

/// Chooses strides and addresses for a packet whose shape, types, layouts and modes are set.
class Placement {
 public:
  Placement(Random& random, MatmulPacket& packet) : random_(random), p_(packet) {}

  Memory place(bool specials) {
    strides();
    addresses();
    Memory memory((space_.used() + 4095) / 4096 * 4096 + 4096);
    for (std::byte& byte : memory) byte = std::byte(random_.word());
    const auto fill = [&](std::uint64_t addr, std::uint64_t bytes, Dtype type) {
      if (addr != 0)
        fill_random(random_, type, specials, &memory[addr - kBase], bytes / bytes_of(type));
    };
    fill(p_.a_addr, a_bytes_, p_.a_type);
    fill(p_.b_addr, b_bytes_, p_.b_type == Dtype::kU4 ? Dtype::kU8 : p_.b_type);
    fill(p_.c_addr, c_bytes_, p_.c_type);
    fill(p_.bias_addr, p_.n * 4, p_.a_type == Dtype::kI8 ? Dtype::kI32 : Dtype::kF32);
    if (p_.scale_mode != ScaleMode::kNone) fill(p_.b_scale_addr, scale_bytes_, p_.scale_type);
    if (p_.scale_mode == ScaleMode::kGroup) fill(p_.b_min_addr, scale_bytes_, p_.scale_type);
    fill(p_.a_scale_addr, a_scale_bytes_, Dtype::kF32);
    return memory;
  }

 private:
  /// A stride of at least `bytes`, sometimes longer, a multiple of `unit`.
  std::uint64_t stride(std::uint64_t bytes, std::uint64_t unit) {
    bytes = (bytes + unit - 1) / unit * unit;
    return bytes + (random_.one_in(3) ? unit * random_.below(5) : 0);
  }
  /// Batch strides of a matrix of `bytes`; inputs may broadcast. Returns the whole extent.
  std::uint64_t batch(std::uint64_t bytes, std::uint64_t unit, bool may_broadcast,
                      std::uint64_t& stride1, std::uint64_t& stride0) {
    stride1 = stride(bytes, unit);
    stride0 = stride(p_.batch1 * stride1, unit);
    if (may_broadcast && random_.one_in(3)) stride1 = 0;
    if (may_broadcast && random_.one_in(3)) stride0 = 0;
    return p_.batch0 * stride0 + p_.batch1 * stride1 + bytes;
  }

  void strides() {
    const unsigned a = bytes_of(p_.a_type);
    const bool rows = p_.a_layout == abi::ALayout::kRows;
    p_.a_row_stride = stride((rows ? p_.k : p_.m) * a, a);
    a_bytes_ = batch((rows ? p_.m : p_.k) * p_.a_row_stride, a, true, p_.a_batch1_stride,
                     p_.a_batch0_stride);
    const bool panels = p_.b_layout == BLayout::kPanels;
    const unsigned bits = abi::dtype_bits(p_.b_type);
    const std::uint64_t unit = panels ? 64 : std::max(1u, bits / 8);
    const std::uint64_t across =
        panels ? std::uint64_t(p_.k) * 32 : (p_.b_layout == BLayout::kNk ? p_.k : p_.n);
    const std::uint64_t down =
        panels ? (p_.n + 31) / 32 : (p_.b_layout == BLayout::kNk ? p_.n : p_.k);
    p_.b_row_stride = stride((across * bits + 7) / 8, unit);
    b_bytes_ = batch(down * p_.b_row_stride, unit, true, p_.b_batch1_stride, p_.b_batch0_stride);
    const unsigned c = bytes_of(p_.c_type);
    p_.c_row_stride = stride(p_.n * c, c);
    c_bytes_ = batch(p_.m * p_.c_row_stride, c, false, p_.c_batch1_stride, p_.c_batch0_stride);
    if (p_.scale_mode == ScaleMode::kGroup) {
      const unsigned s = bytes_of(p_.scale_type);
      const std::uint64_t groups = (p_.k + p_.group_size - 1) / p_.group_size;
      const std::uint64_t scale_unit = panels ? 64 : s;
      p_.b_scale_row_stride = stride(groups * s * (panels ? 32 : 1), scale_unit);
      scale_bytes_ = batch(down * p_.b_scale_row_stride, scale_unit, true, p_.b_scale_batch1_stride,
                           p_.b_scale_batch0_stride);
    } else if (p_.scale_mode == ScaleMode::kRowCol) {
      scale_bytes_ = batch(p_.n * 4, 4, true, p_.b_scale_batch1_stride, p_.b_scale_batch0_stride);
      a_scale_bytes_ = batch(p_.m * 4, 4, true, p_.a_scale_batch1_stride, p_.a_scale_batch0_stride);
    }
  }

  void addresses() {
    p_.a_addr = space_.take(a_bytes_) + bytes_of(p_.a_type);
    space_.take(64);
    p_.b_addr = space_.take(b_bytes_);
    p_.c_addr = space_.take(c_bytes_);
    if (p_.init_mode == InitMode::kBias) p_.bias_addr = space_.take(p_.n * 4);
    if (p_.scale_mode != ScaleMode::kNone) p_.b_scale_addr = space_.take(scale_bytes_);
    if (p_.scale_mode == ScaleMode::kGroup) p_.b_min_addr = space_.take(scale_bytes_);
    if (p_.scale_mode == ScaleMode::kRowCol) p_.a_scale_addr = space_.take(a_scale_bytes_);
    space_.take(256);
  }

  Random& random_;
  MatmulPacket& p_;
  AddressSpace space_;
  std::uint64_t a_bytes_ = 0, b_bytes_ = 0, c_bytes_ = 0, scale_bytes_ = 0, a_scale_bytes_ = 0;
};

MatmulPacket random_packet(Random& random) {
  MatmulPacket p;
  p.m = random.pick<std::uint32_t>({1, 1, 2, 3, 4, 6, 7, 11, 12, 13, 25, 30});
  p.n = random.pick<std::uint32_t>({1, 5, 31, 32, 33, 64, 100, 130, 160});
  p.k = random.pick<std::uint32_t>({1, 2, 7, 15, 16, 17, 32, 63, 127, 128, 129, 200, 257});
  p.batch0 = random.pick<std::uint32_t>({1, 1, 1, 2});
  p.batch1 = random.pick<std::uint32_t>({1, 1, 3});
  p.a_layout = random.pick({abi::ALayout::kRows, abi::ALayout::kCols});
  p.b_layout = random.pick({BLayout::kKn, BLayout::kNk, BLayout::kPanels});
  p.init_mode = random.pick({InitMode::kZero, InitMode::kBias, InitMode::kAccumulate});
  p.a_type = random.pick({Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2});
  p.b_type = random.pick({Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2});
  p.c_type = random.pick({Dtype::kF32, Dtype::kBF16, Dtype::kF16});
  switch (random.below(4)) {
    case 0:
      p.a_type = p.b_type = Dtype::kI8;
      p.c_type = Dtype::kI32;
      if (random.one_in(2)) break;
      p.scale_mode = ScaleMode::kRowCol;
      p.scale_type = Dtype::kF32;
      p.c_type = random.pick({Dtype::kF32, Dtype::kBF16, Dtype::kF16});
      p.init_mode = random.pick({InitMode::kZero, InitMode::kBias});
      break;
    case 1:
      p.scale_mode = ScaleMode::kGroup;
      p.b_type = random.pick({Dtype::kI8, Dtype::kU4});
      p.scale_type = random.pick({Dtype::kF32, Dtype::kF16});
      p.group_size = random.pick<std::uint16_t>({16, 32, 64, 128});
      p.b_layout = random.pick({BLayout::kNk, BLayout::kPanels});
      break;
    default:
      break;
  }
  return p;
}

class MatmulTest : public ::testing::TestWithParam<EngineSetup> {};

void expect_reference(const EngineSetup& setup, const MatmulPacket& packet, const Memory& before) {
  Memory expected = before;
  const Expected reference = reference_matmul(packet, expected);
  TestDevice device(setup, before.size());
  Memory found = before;
  const driver::ExecutionResult result = device.run(packet, found);
  ASSERT_EQ(result.error, abi::Fault::kNone);
  EXPECT_TRUE(expected == found) << describe(packet) << "\n" << first_difference(expected, found);
  EXPECT_EQ(result.checksum, reference.checksum) << describe(packet);
}

TEST_P(MatmulTest, GivesTheBitsOfPlainLoops) {
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    MatmulPacket packet = random_packet(random);
    const Memory before = Placement(random, packet).place(seed % 3 == 0);
    expect_reference(GetParam(), packet, before);
    if (HasFailure()) return;
  }
}

TEST_P(MatmulTest, TouchesNothingBehindItsOperands) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed + 1000);
    MatmulPacket packet = random_packet(random);
    packet.k = std::min(packet.k, 70u);
    const Memory placed = Placement(random, packet).place(false);
    auto moved = std::bit_cast<abi::Packet>(packet);
    for (int i = 0; i < abi::operands(moved).count; ++i) {
      Memory before = placed;
      moved = std::bit_cast<abi::Packet>(packet);
      move_to_end(moved, i, before);
      expect_reference(GetParam(), std::bit_cast<MatmulPacket>(moved), before);
      if (HasFailure()) return;
    }
  }
}

TEST_P(MatmulTest, KeepsOneChainWhereTheRowsOfADoNotFitTheScratchMemory) {
  Random random(7);
  MatmulPacket packet{.k = 90000, .batch0 = 1, .batch1 = 1};
  packet.a_type = packet.b_type = Dtype::kF16;
  packet.c_type = Dtype::kF32;
  for (const BLayout layout : {BLayout::kPanels, BLayout::kKn, BLayout::kNk}) {
    packet.m = layout == BLayout::kKn ? 1 : 13;
    packet.n = layout == BLayout::kKn ? 33 : 2;
    packet.b_layout = layout;
    const Memory before = Placement(random, packet).place(false);
    expect_reference(GetParam(), packet, before);
  }
}

TEST_P(MatmulTest, EndsWithABlockOfLessThanATile) {
  Random random(10);
  MatmulPacket packet{.m = 13, .n = 2, .k = 21000, .batch0 = 1, .batch1 = 1};
  packet.a_type = packet.b_type = packet.c_type = Dtype::kF32;
  packet.b_layout = BLayout::kPanels;
  const Memory before = Placement(random, packet).place(false);
  expect_reference(GetParam(), packet, before);
}

TEST_P(MatmulTest, SplitsRowsAmongThreadsWherePanelsAreFew) {
  Random random(11);
  MatmulPacket packet{.m = 77, .n = 33, .k = 100, .batch0 = 1, .batch1 = 1};
  packet.a_type = packet.b_type = Dtype::kF16;
  packet.c_type = Dtype::kF32;
  const Memory before = Placement(random, packet).place(false);
  expect_reference(GetParam(), packet, before);
}

TEST_P(MatmulTest, SplitsManyRowsAndPanelsAmongThreads) {
  Random random(8);
  MatmulPacket packet{.m = 260, .n = 200, .k = 40, .batch0 = 1, .batch1 = 1};
  packet.a_type = Dtype::kF32;
  packet.b_type = Dtype::kBF16;
  packet.c_type = Dtype::kBF16;
  packet.b_layout = BLayout::kPanels;
  const Memory before = Placement(random, packet).place(false);
  expect_reference(GetParam(), packet, before);
}

TEST_P(MatmulTest, IgnoresTheFloatingPointEnvironmentOfTheCaller) {
  Random random(9);
  MatmulPacket packet{.m = 3, .n = 40, .k = 20, .batch0 = 1, .batch1 = 1};
  packet.a_type = packet.b_type = packet.c_type = Dtype::kF32;
  Memory before = Placement(random, packet).place(true);
  // Products of small numbers: subnormal sums.
  for (unsigned i = 0; i < packet.m * packet.k; ++i) {
    const std::uint32_t tiny = 0x20000000u | (random.word() & 0x807FFFFF);
    std::memcpy(&before[packet.a_addr - kBase + 4 * i], &tiny, 4);
  }
  std::fesetround(FE_UPWARD);
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040u);  // flush to zero, denormals are zero
#endif
  TestDevice device(GetParam(), before.size());
  Memory found = before;
  const driver::ExecutionResult result = device.run(packet, found);
  std::fesetenv(FE_DFL_ENV);
  Memory expected = before;
  EXPECT_EQ(reference_matmul(packet, expected).checksum, result.checksum);
  EXPECT_TRUE(expected == found) << first_difference(expected, found);
}

INSTANTIATE_TEST_SUITE_P(Paths, MatmulTest, ::testing::ValuesIn(engine_setups()), setup_name);

}  // namespace
}  // namespace tandem::cmodel::test

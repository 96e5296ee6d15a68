// SPDX-License-Identifier: Apache-2.0
// Micro-programs that break a rule: npu_vector names the same word as check_ucode.
#include "vector_bench.hpp"

namespace tandem::rtltest {
namespace {

using abi::Fault;

template <class Top>
class VectorCheck : public testing::Test {};
TYPED_TEST_SUITE(VectorCheck, VectorTops);

/// A small packet with a random valid program.
VectorCase small_case(Random& random) {
  VectorCase c = random_vector_case(random, 4);
  c.packet.cols = c.packet.rows0 = c.packet.rows1 = 1;
  c.data.clear();
  return c;
}

/// Breaks a rule, perhaps.
void mutate(Random& random, VectorCase& c) {
  const auto at = [&] { return random.below(c.program.size()); };
  const auto set_field = [&](unsigned lsb, unsigned width) {
    std::uint64_t& word = c.program[at()];
    const std::uint64_t mask = ((std::uint64_t{1} << width) - 1) << lsb;
    word = (word & ~mask) | ((random.below(std::uint64_t{1} << width) << lsb) & mask);
  };
  switch (random.below(12)) {
    case 0:  // Any operation, known or not.
      set_field(abi::kUcodeOpLsb, abi::kUcodeOpWidth);
      break;
    case 1:
      set_field(abi::kUcodeDstLsb, abi::kUcodeDstWidth);
      break;
    case 2:
      set_field(abi::kUcodeALsb, abi::kUcodeAWidth);
      break;
    case 3:
      set_field(abi::kUcodeBLsb, abi::kUcodeBWidth);
      break;
    case 4:
      set_field(abi::kUcodeCLsb, abi::kUcodeCWidth);
      break;
    case 5:
      set_field(abi::kUcodeImmLsb, 3);
      break;
    case 6:
      c.program.erase(c.program.begin() + std::ptrdiff_t(at()));
      if (c.program.empty()) c.program.push_back(1);
      break;
    case 7:
      std::swap(c.program[at()], c.program[at()]);
      break;
    case 8:
      c.program.insert(c.program.begin() + std::ptrdiff_t(at()), c.program[at()]);
      break;
    case 9:  // More phases.
      for (std::uint64_t n = random.below(9); n != 0; --n) {
        c.program.insert(c.program.begin() + std::ptrdiff_t(at()), 1);
      }
      break;
    case 10:
      c.packet.out_scalar ^= 1;
      if (c.packet.out_scalar & 1) c.packet.out0_col_stride = 0;
      break;
    default:
      std::rotate(c.program.begin(), c.program.begin() + std::ptrdiff_t(at()), c.program.end());
  }
}

TYPED_TEST(VectorCheck, NamesTheWordThatCheckUcodeNames) {
  VectorBench<TypeParam> bench(51);
  ASSERT_TRUE(bench.load_tables());
  unsigned bad = 0, good = 0;
  for (unsigned i = 0; i < 900; ++i) {
    VectorCase c = small_case(bench.random);
    for (std::uint64_t n = 1 + bench.random.below(2); n != 0; --n) mutate(bench.random, c);
    ASSERT_TRUE(bench.load_and_same(c)) << "program " << i;
    (bench.engine.last().error == Fault::kBadUcode ? bad : good) += 1;
  }
  EXPECT_GT(bad, 300u);
  EXPECT_GT(good, 50u);
}

/// One word, every operation with selectors of every kind, in a program that is valid around it.
TYPED_TEST(VectorCheck, KnowsTheOperandsOfEveryOperation) {
  VectorBench<TypeParam> bench(52);
  ASSERT_TRUE(bench.load_tables());
  VectorCase c;
  c.packet.wait_mask = 7;
  c.packet.cols = c.packet.rows0 = c.packet.rows1 = 1;
  c.packet.in0_type = c.packet.out0_type = abi::Dtype::kF32;
  place_streams(bench.random, c);
  const auto head = abi::assemble_ucode(
      "phase\nfadd s0, p0, p1\nld v0, in0\nrsum s3, v0\nphase\nfadd s1, p0, p1\n");
  const auto tail = abi::assemble_ucode("phase\nst out0, p0\n");
  for (unsigned op = 0; op < 256; ++op) {
    for (unsigned i = 0; i < 4; ++i) {
      const auto selector = [&] {
        return bench.random.template pick<std::uint64_t>(
            {0, 0, 1, 2, 3, 15, 16, 17, 19, 23, 24, 27, 28, 29, 30, 31, 32, 63});
      };
      c.program = head;
      c.program.push_back(op | selector() << abi::kUcodeDstLsb | selector() << abi::kUcodeALsb |
                          selector() << abi::kUcodeBLsb | selector() << abi::kUcodeCLsb |
                          (bench.random.one_in(2) ? std::uint64_t{7} << abi::kUcodeImmLsb : 0));
      c.program.insert(c.program.end(), tail.begin(), tail.end());
      ASSERT_TRUE(bench.load_and_same(c)) << "operation " << op;
    }
  }
}

TYPED_TEST(VectorCheck, MissesWhatIsNotLoaded) {
  for (std::uint64_t seed = 60; seed < 75; ++seed) {
    VectorBench<TypeParam> bench(seed);
    VectorCase c = small_case(bench.random);
    ASSERT_TRUE(bench.load(c));
    VectorCase other = c;
    for (const unsigned words : {1u, 2u, 70u, 60000u}) {
      other.packet.ucode_words = std::uint16_t(c.packet.ucode_words + words);
      ASSERT_TRUE(bench.same(other));
      EXPECT_EQ(bench.engine.last().error, Fault::kBadUcode);
    }
    other.packet.ucode_words = c.packet.ucode_words;
    for (const unsigned start : {1u, 500u, 4095u, 65535u}) {
      other.packet.ucode_start = std::uint16_t(start);
      ASSERT_TRUE(bench.same(other));
      EXPECT_EQ(bench.engine.last().error, Fault::kBadUcode);
    }
    // Tables, where the program reads any.
    ASSERT_TRUE(bench.same(c));
    ASSERT_TRUE(bench.load_tables());
    ASSERT_TRUE(bench.same(c));
    EXPECT_EQ(bench.engine.last().error, Fault::kNone);
  }
}

/// The check of extents runs beside that of the program, whose error goes first.
TYPED_TEST(VectorCheck, GoesBeforeTheCheckOfExtents) {
  VectorBench<TypeParam> bench(81);
  ASSERT_TRUE(bench.load_tables());
  for (unsigned i = 0; i < 20; ++i) {
    VectorCase c = small_case(bench.random);
    c.packet.in0_addr = 0x2000'0000;
    ASSERT_TRUE(bench.load_and_same(c));
    EXPECT_EQ(bench.engine.last().error, Fault::kUnmapped);
    c.program.back() = 0xff;
    ASSERT_TRUE(bench.load_and_same(c));
    EXPECT_EQ(bench.engine.last().error, Fault::kBadUcode);
    abi::LoadUcodePacket load = load_program(0, 8);
    load.src_addr = 0x2000'0000;
    ASSERT_TRUE(bench.engine.same(load));
    EXPECT_EQ(bench.engine.last().error, Fault::kUnmapped);
  }
}

/// A program is checked again when the packet's types or the memory change.
TYPED_TEST(VectorCheck, RemembersOnlyWhatStillHolds) {
  VectorBench<TypeParam> bench(91);
  VectorCase c;
  c.packet.wait_mask = 7;
  c.packet.cols = c.packet.rows0 = c.packet.rows1 = 1;
  c.packet.in0_type = c.packet.out0_type = abi::Dtype::kF32;
  c.program = abi::assemble_ucode("phase\nld v0, in0\nst out0, v0\n");
  place_streams(bench.random, c);
  ASSERT_TRUE(bench.load_and_same(c));
  ASSERT_EQ(bench.engine.last().error, Fault::kNone);
  VectorCase without = c;
  abi::set_vector_stream(without.packet, 0, {});
  ASSERT_TRUE(bench.same(without));
  EXPECT_EQ(bench.engine.last().error, Fault::kBadUcode);
  VectorCase more = c;
  abi::set_vector_stream(more.packet, 5, {abi::Dtype::kF32, c.packet.out0_addr + 64, 4, 4, 4});
  ASSERT_TRUE(bench.same(more));
  EXPECT_EQ(bench.engine.last().error, Fault::kBadUcode);
  VectorCase scalar = c;
  scalar.packet.out_scalar = 1;
  scalar.packet.out0_col_stride = 0;
  ASSERT_TRUE(bench.same(scalar));
  EXPECT_EQ(bench.engine.last().error, Fault::kBadUcode);
  ASSERT_TRUE(bench.same(c));
  EXPECT_EQ(bench.engine.last().error, Fault::kNone);
  bench.engine.write(kUcodeBase, std::vector<std::uint64_t>{0xff});
  ASSERT_TRUE(bench.engine.same(load_program(c.packet.ucode_start + 1u, 1)));
  ASSERT_TRUE(bench.same(c));
  EXPECT_EQ(bench.engine.last().error, Fault::kBadUcode);
}

}  // namespace
}  // namespace tandem::rtltest

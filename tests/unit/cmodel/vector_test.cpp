// SPDX-License-Identifier: Apache-2.0
// VECTOR of every instruction set and thread count against plain loops, with random programs.
#include <fmt/format.h>

#include "packetgen/random_program.hpp"
#include "reference.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::cmodel::test {
namespace {

using abi::Dtype;
using abi::VectorPacket;
using abi::VectorStream;

constexpr std::uint32_t kTableWords = abi::kTableWords;

/// Places the operands of a packet whose shape and types are set; output strides never overlap.
Memory place(Random& random, VectorPacket& p, bool specials) {
  AddressSpace space;
  for (unsigned i = 0; i < abi::kVectorStreams; ++i) {
    VectorStream s = abi::vector_stream(p, i);
    if (s.type == Dtype::kNone) continue;
    const bool output = i >= abi::kVectorInputs;
    const bool scalar = output && ((p.out_scalar >> (i - abi::kVectorInputs)) & 1) != 0;
    const std::uint64_t bytes = abi::dtype_bits(s.type) / 8;
    s.col_stride = scalar ? 0 : bytes * random.pick<std::uint64_t>({1, 1, 1, 2, 3});
    if (!output && random.one_in(6)) s.col_stride = 0;
    const std::uint64_t row = scalar ? bytes : (p.cols - 1) * s.col_stride + bytes;
    s.row1_stride =
        (row + bytes * random.pick<std::uint64_t>({0, 0, 3}) + bytes - 1) / bytes * bytes;
    s.row0_stride = s.row1_stride * p.rows1 + bytes * random.pick<std::uint64_t>({0, 0, 2});
    if (!output && random.one_in(5)) s.row1_stride = 0;
    if (!output && random.one_in(5)) s.row0_stride = 0;
    s.addr = space.take((p.rows0 - 1) * s.row0_stride + (p.rows1 - 1) * s.row1_stride + row);
    abi::set_vector_stream(p, i, s);
  }
  space.take(64);
  Memory memory((space.used() + 4095) / 4096 * 4096);
  fill_random(random, Dtype::kF32, specials, memory.data(), memory.size() / 4);
  for (unsigned i = 0; i < abi::kVectorInputs; ++i) {
    const VectorStream s = abi::vector_stream(p, i);
    if (s.type == Dtype::kNone || s.type == Dtype::kF32) continue;
    const std::uint64_t bytes = abi::dtype_bits(s.type) / 8;
    const std::uint64_t end = (p.rows0 - 1) * s.row0_stride + (p.rows1 - 1) * s.row1_stride +
                              (p.cols - 1) * s.col_stride + bytes;
    fill_random(random, s.type, specials, &memory[s.addr - kBase], end / bytes);
  }
  return memory;
}

VectorPacket random_packet(Random& random) {
  const auto any_type = [&] {
    return random.pick({Dtype::kF32, Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3,
                        Dtype::kE5M2, Dtype::kI8, Dtype::kU8, Dtype::kU16, Dtype::kI32,
                        Dtype::kI64});
  };
  VectorPacket p;
  p.cols = random.pick<std::uint32_t>({1, 2, 7, 31, 32, 33, 64, 100, 128, 129, 255, 256, 257, 600});
  p.rows0 = random.pick<std::uint32_t>({1, 1, 2, 3});
  p.rows1 = random.pick<std::uint32_t>({1, 2, 5, 9});
  p.in0_type = any_type();
  for (Dtype* type : {&p.in1_type, &p.in2_type, &p.in3_type}) {
    *type = random.one_in(2) ? any_type() : Dtype::kNone;
  }
  p.out0_type = any_type();
  p.out1_type = random.one_in(2) ? any_type() : Dtype::kNone;
  p.out2_type = random.one_in(3) ? any_type() : Dtype::kNone;
  const Dtype outputs[] = {p.out0_type, p.out1_type, p.out2_type};
  for (unsigned i = 0; i < 3; ++i) {
    if (outputs[i] == Dtype::kNone) continue;
    if (random.one_in(4)) p.out_scalar |= std::uint8_t(1u << i);
    const bool fp8 = outputs[i] == Dtype::kE4M3 || outputs[i] == Dtype::kE5M2;
    if (fp8 && random.one_in(2)) p.saturate |= std::uint8_t(1u << i);
  }
  p.param0 = random.float_pattern(false);
  p.param1 = random.float_pattern(true);
  p.param2 = random.word();
  p.param3 = std::uint32_t(random.below(40));
  return p;
}

void load_tables(Random& random, driver::UcodeMemory& ucode) {
  for (auto& table : ucode.tables) {
    for (std::uint32_t i = 0; i < kTableWords; ++i) table[i] = random.float_pattern(true);
  }
  ucode.tables_loaded = 3;
}

void load_program(driver::UcodeMemory& ucode, VectorPacket& packet,
                  const std::vector<std::uint64_t>& words, std::uint16_t start) {
  std::copy(words.begin(), words.end(), ucode.words.begin() + start);
  ucode.loaded_words = 4096;
  ++ucode.generation;
  packet.ucode_start = start;
  packet.ucode_words = std::uint16_t(words.size());
  const abi::CheckResult check = abi::check_ucode(packet, words, ucode.tables_loaded);
  ASSERT_FALSE(check) << "word " << check.fault_addr << " of\n" << abi::disassemble_ucode(words);
}

class VectorTest : public ::testing::TestWithParam<EngineSetup> {
 protected:
  void expect_reference(TestDevice& device, const VectorPacket& packet, const Memory& before) {
    Memory expected = before;
    const Expected reference = reference_vector(packet, device.ucode(), expected);
    Memory found = before;
    const driver::ExecutionResult result = device.run(packet, found);
    ASSERT_EQ(result.error, abi::Fault::kNone);
    EXPECT_TRUE(expected == found)
        << first_difference(expected, found) << "\n"
        << abi::disassemble(std::bit_cast<abi::Packet>(packet)) << "\n"
        << abi::disassemble_ucode({&device.ucode().words[packet.ucode_start], packet.ucode_words});
    EXPECT_EQ(result.checksum, reference.checksum);
  }
};

TEST_P(VectorTest, GivesTheBitsOfPlainLoops) {
  TestDevice device(GetParam(), 4 << 20);
  for (std::uint64_t seed = 1; seed <= 250; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    load_tables(random, device.ucode());
    VectorPacket packet = random_packet(random);
    const Memory before = place(random, packet, seed % 2 == 0);
    load_program(device.ucode(), packet, random_program(random, packet),
                 std::uint16_t(random.below(1000)));
    expect_reference(device, packet, before);
    if (HasFailure()) return;
  }
}

TEST_P(VectorTest, TouchesNothingBehindItsOperands) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed + 1000);
    VectorPacket packet = random_packet(random);
    const Memory placed = place(random, packet, false);
    const std::vector<std::uint64_t> program = random_program(random, packet);
    packet.ucode_words = std::uint16_t(program.size());
    auto moved = std::bit_cast<abi::Packet>(packet);
    for (int i = 0; i < abi::operands(moved).count; ++i) {
      Memory before = placed;
      moved = std::bit_cast<abi::Packet>(packet);
      move_to_end(moved, i, before);
      TestDevice device(GetParam(), before.size());
      load_tables(random, device.ucode());
      auto last = std::bit_cast<VectorPacket>(moved);
      load_program(device.ucode(), last, program, 0);
      expect_reference(device, last, before);
      if (HasFailure()) return;
    }
  }
}

/// One operation over special operands in every combination.
TEST_P(VectorTest, ComputesEveryOperationOnSpecialValues) {
  static constexpr std::uint32_t kSpecial[] = {
      0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x3F800000,
      0xBF800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000,
      0x7F800001, 0x7FFFFFFF, 0x4EFFFFFF, 0x4F000000, 0xCF000000, 0xCF000001, 0x3F000000,
      0x3FC00000, 0x40200000, 0xBF000000, 0x4F7FFFFF, 0x0000001F, 0x00000020, 0xFFFFFFFF};
  constexpr std::uint32_t kCount = std::size(kSpecial);
  TestDevice device(GetParam(), 4 << 20);
  Random random(3);
  load_tables(random, device.ucode());
  VectorPacket p{.cols = kCount, .rows1 = kCount, .rows0 = kCount};
  for (const abi::MicroOpInfo& info : abi::micro_ops()) {
    if (info.d != 'd') continue;
    SCOPED_TRACE(info.name);
    // a varies along columns, b along inner rows, c along outer rows.
    const std::string program = fmt::format(
        "phase\nld v0, in0\nld v1, in1\nld v2, in2\n{} v3, v0{}{}\nst out0, v3\n", info.name,
        info.b == 'r' ? ", v1" : (info.b == 't' ? ", t1" : ""), info.c == 'r' ? ", v2" : "");
    AddressSpace space;
    p.in0_type = p.in1_type = p.in2_type = p.out0_type = Dtype::kI32;
    const std::uint64_t values = space.take(kCount * 4);
    const std::uint64_t out = space.take(std::uint64_t(kCount) * kCount * kCount * 4);
    abi::set_vector_stream(p, 0, {Dtype::kI32, values, 4, 0, 0});
    abi::set_vector_stream(p, 1, {Dtype::kI32, values, 0, 4, 0});
    abi::set_vector_stream(p, 2, {Dtype::kI32, values, 0, 0, 4});
    abi::set_vector_stream(p, 4, {Dtype::kI32, out, 4, kCount * 4, kCount * kCount * 4});
    Memory before((space.used() + 4095) / 4096 * 4096);
    std::memcpy(&before[values - kBase], kSpecial, sizeof kSpecial);
    load_program(device.ucode(), p, abi::assemble_ucode(program), 0);
    expect_reference(device, p, before);
  }
}

TEST_P(VectorTest, SplitsLongRowsOfElementWisePrograms) {
  TestDevice device(GetParam(), 4 << 20);
  Random random(4);
  VectorPacket p{.cols = 30000, .rows1 = 2, .rows0 = 1};
  p.in0_type = Dtype::kBF16;
  p.out0_type = Dtype::kF32;
  const Memory before = place(random, p, true);
  load_program(device.ucode(), p,
               abi::assemble_ucode("phase\nld v0, in0\ni2f v1, col\nfma v2, v0, v1, 0x3f800000\n"
                                   "st out0, v2\n"),
               0);
  expect_reference(device, p, before);
}

TEST_P(VectorTest, WritesAnOutputOverItsInput) {
  TestDevice device(GetParam(), 4 << 20);
  Random random(5);
  VectorPacket p{.cols = 300, .rows1 = 7, .rows0 = 1};
  p.in0_type = p.in1_type = p.out0_type = Dtype::kF32;
  const Memory before = place(random, p, false);
  p.out0_col_stride = p.in0_col_stride = 4;
  p.out0_row1_stride = p.in0_row1_stride = 4 * 300;
  p.out0_row0_stride = p.in0_row0_stride = 4 * 300 * 7;
  p.in0_addr = p.out0_addr;
  load_program(device.ucode(), p,
               abi::assemble_ucode("phase\nld v0, in1\nrsum s0, v0\nphase\nld v0, in0\n"
                                   "fmul v0, v0, s0\nst out0, v0\n"),
               0);
  expect_reference(device, p, before);
}

TEST_P(VectorTest, NoticesThatAProgramWasReplaced) {
  TestDevice device(GetParam(), 4 << 20);
  Random random(6);
  VectorPacket p{.cols = 10, .rows1 = 1, .rows0 = 1};
  p.in0_type = p.out0_type = Dtype::kF32;
  const Memory before = place(random, p, false);
  for (const char* op : {"fadd", "fmul", "fsub"}) {
    const std::string text = fmt::format("phase\nld v0, in0\n{} v0, v0, v0\nst out0, v0\n", op);
    load_program(device.ucode(), p, abi::assemble_ucode(text), 5);
    expect_reference(device, p, before);
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, VectorTest, ::testing::ValuesIn(engine_setups()), setup_name);

}  // namespace
}  // namespace tandem::cmodel::test

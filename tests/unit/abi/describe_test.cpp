// SPDX-License-Identifier: Apache-2.0
#include "tandem/abi/describe.hpp"

#include <gtest/gtest.h>

#include <random>

#include "samples.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::abi {
namespace {

/// The sentence for what check_packet finds.
template <class P>
std::string checked(const P& packet) {
  const CheckResult r = check_packet(to_packet(packet), kLimits);
  return describe_fault(to_packet(packet), r.fault, r.fault_addr);
}

TEST(Describe, BadField) {
  MatmulPacket p = sample_matmul();
  p.b_type = Dtype::kI32;
  EXPECT_EQ(checked(p),
            "MATMUL seq 17: BAD_FIELD at byte 41: b_type is i32, allowed f32 bf16 f16 e4m3 e5m2 i8 "
            "u4; correct the packet");
  p.b_type = Dtype::kI8;
  EXPECT_EQ(checked(p),
            "MATMUL seq 17: BAD_FIELD at byte 41: b_type is i8; a_type is f32: i8 goes with i8 "
            "only, u4 needs scale_mode group; correct the packet");
  p = sample_matmul();
  p.bias_addr = 64;
  EXPECT_EQ(checked(p),
            "MATMUL seq 17: BAD_FIELD at byte 88: bias_addr is 0x40; the operand is absent with "
            "init_mode zero and scale_mode none, which takes 0; correct the packet");
  p = sample_matmul();
  p.rsvd_36[1] = 5;
  EXPECT_EQ(checked(p),
            "MATMUL seq 17: BAD_FIELD at byte 37: the byte is reserved and holds 0x05, allowed is "
            "0; correct the packet");
  p = sample_matmul();
  p.wait_mask = 9;
  EXPECT_EQ(checked(p),
            "MATMUL seq 17: BAD_FIELD at byte 2: wait_mask is 0x9, allowed bits are 0x7; correct "
            "the packet");
}

TEST(Describe, BadShapeWithUnit) {
  MatmulPacket p = sample_matmul();
  p.m = 0;
  EXPECT_EQ(checked(p),
            "MATMUL seq 17: BAD_SHAPE at byte 16: m is 0 rows, allowed is 1 or more; correct the "
            "packet");
  LoadUcodePacket load = sample_load_ucode();
  load.words = 5000;
  EXPECT_EQ(checked(load),
            "LOAD_UCODE seq 0: BAD_SHAPE at byte 16: words is 5000 words; dst_word + words must "
            "not pass the UCODE_WORDS of the device; correct the packet");
}

TEST(Describe, OverflowAndAlignmentNameTheOperand) {
  MatmulPacket p = sample_matmul();
  p.c_row_stride = 0xfffffffffffffff0;
  EXPECT_EQ(checked(p),
            "MATMUL seq 17: SHAPE_OVERFLOW at byte 80: operand c at 0x30000 reaches past 2^64 - 1 "
            "with its extents and strides; correct extents and strides");
  p = sample_matmul();
  p.a_addr += 1;
  EXPECT_EQ(checked(p),
            "MATMUL seq 17: MISALIGNED at byte 64: a_addr is 0x10001, allowed are multiples of 4 "
            "bytes; correct the packet");
}

TEST(Describe, MemoryFaultsNameOperandAndRange) {
  const Packet p = to_packet(sample_matmul());
  EXPECT_EQ(describe_fault(p, Fault::kUnmapped, 0x20000),
            "MATMUL seq 17: UNMAPPED at 0x20000: operand b covers 0x20000 to 0x2008b, no valid "
            "region holds that byte; compare with the memory map of `tandem info`");
  EXPECT_EQ(describe_fault(p, Fault::kReadOnly, 0x30000),
            "MATMUL seq 17: READ_ONLY at 0x30000: operand c covers 0x30000 to 0x300ef, the region "
            "is not writable; choose another destination or set WRITABLE");
}

TEST(Describe, OtherFaults) {
  PacketBytes user{};
  user[0] = 0x90;
  EXPECT_EQ(describe_fault(from_bytes(user), Fault::kUnknownOpcode, 0),
            "opcode 0x90 seq 0: UNKNOWN_OPCODE: no engine of this device takes the opcode; known "
            "are NOP FENCE SIGNAL WAIT LOAD_UCODE MATMUL VECTOR COPY FILL GATHER SCATTER_ADD; "
            "correct the packet");
  EXPECT_EQ(describe_fault(to_packet(sample_vector()), Fault::kBadUcode, 9),
            "VECTOR seq 18: BAD_UCODE at word 9: the micro-program is words 8 to 11; word 9 is not "
            "loaded or breaks a rule; check it with `tandem dis`");
  EXPECT_EQ(describe_fault(to_packet(sample_gather()), Fault::kBadIndex, 0x30008),
            "GATHER seq 0: BAD_INDEX at 0x30008: the index at 0x30008 is negative or not below "
            "limit 100; correct the index data");
  EXPECT_EQ(describe_fault(to_packet(sample_wait()), Fault::kWaitTimeout, 0x10004),
            "WAIT seq 0: WAIT_TIMEOUT at 0x10004: the word at 0x10004 & 0xff did not become 0x1 "
            "within 1000 cycles; check who writes the word");
  EXPECT_EQ(describe_fault(to_packet(NopPacket{}), Fault::kNone, 0), "NOP seq 0: NONE");
}

/// A description exists for every combination of packet bytes, error and address.
TEST(Describe, NeverThrows) {
  std::mt19937_64 random(21);
  for (int i = 0; i < 20000; ++i) {
    PacketBytes bytes;
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    if (i % 4 != 0) bytes[0] = static_cast<std::uint8_t>(opcodes()[i % opcodes().size()].opcode);
    const std::uint64_t addr = random() >> (random() % 64);
    EXPECT_FALSE(describe_fault(from_bytes(bytes), static_cast<Fault>(i % 15), addr).empty());
  }
}

}  // namespace
}  // namespace tandem::abi

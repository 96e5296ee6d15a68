// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "samples.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::abi {
namespace {

template <class P>
CheckResult check(const P& packet) {
  return check_packet(to_packet(packet), kLimits);
}

std::vector<Packet> samples() {
  return {to_packet(NopPacket{}),     to_packet(FencePacket{}),       to_packet(sample_signal()),
          to_packet(sample_wait()),   to_packet(sample_load_ucode()), to_packet(sample_matmul()),
          to_packet(sample_group()),  to_packet(sample_row_col()),    to_packet(sample_vector()),
          to_packet(sample_copy()),   to_packet(sample_fill()),       to_packet(sample_gather()),
          to_packet(sample_scatter())};
}

TEST(CheckFields, AcceptsEverySample) {
  for (const Packet& packet : samples()) {
    const CheckResult r = check_packet(packet, kLimits);
    EXPECT_EQ(r.fault, Fault::kNone) << static_cast<int>(packet.opcode) << " at " << r.fault_addr;
  }
}

TEST(CheckFields, UnknownOpcodeWinsOverEverythingElse) {
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    if (find_opcode(static_cast<std::uint8_t>(opcode)) != nullptr) continue;
    PacketBytes bytes;
    bytes.fill(0xff);
    bytes[0] = static_cast<std::uint8_t>(opcode);
    const CheckResult r = check_packet(from_bytes(bytes), kLimits);
    EXPECT_EQ(r.fault, Fault::kUnknownOpcode);
    EXPECT_EQ(r.fault_addr, 0u);
  }
}

TEST(CheckFields, EveryReservedByteIsReportedAtItsOffset) {
  for (const Packet& sample : samples()) {
    const OpcodeInfo& info = *find_opcode(static_cast<std::uint8_t>(sample.opcode));
    for (std::size_t at = 0; at < kPacketBytes; ++at) {
      if (find_field(info, at) != nullptr) continue;
      PacketBytes bytes = to_bytes(sample);
      bytes[at] = 0x80;
      const CheckResult r = check_packet(from_bytes(bytes), kLimits);
      EXPECT_EQ(r.fault, Fault::kBadField) << info.name << " byte " << at;
      EXPECT_EQ(r.fault_addr, at) << info.name;
    }
  }
}

/// Every value of every 8-bit field with a rule: refused at the field exactly if the table does not
/// allow it.
TEST(CheckFields, EveryByteFieldTakesExactlyItsValues) {
  for (const Packet& sample : samples()) {
    const OpcodeInfo& info = *find_opcode(static_cast<std::uint8_t>(sample.opcode));
    for (const FieldInfo& field : info.fields) {
      if (field.width != 8 || field.name == "opcode") continue;
      for (unsigned value = 0; value < 256; ++value) {
        bool allowed = field.allowed.empty() && (value & ~field.mask) == 0;
        for (std::uint16_t v : field.allowed) allowed = allowed || v == value;
        PacketBytes bytes = to_bytes(sample);
        bytes[field.at] = static_cast<std::uint8_t>(value);
        const CheckResult r = check_packet(from_bytes(bytes), kLimits);
        if (!allowed) {
          EXPECT_EQ(r.fault, Fault::kBadField) << info.name << "." << field.name << "=" << value;
          EXPECT_EQ(r.fault_addr, field.at) << info.name << "." << field.name << "=" << value;
        }
      }
    }
  }
}

TEST(CheckFields, GroupSizeTakesListedValuesOnly) {
  for (unsigned size : {1u, 8u, 48u, 129u, 256u, 272u, 65535u}) {
    MatmulPacket p = sample_group();
    p.group_size = static_cast<std::uint16_t>(size);
    EXPECT_EQ(check(p).fault, Fault::kBadField) << size;
    EXPECT_EQ(check(p).fault_addr, 52u) << size;
  }
}

TEST(CheckFields, LowestOffsetIsReported) {
  MatmulPacket p = sample_matmul();
  p.rsvd_232[0] = 1;
  p.b_type = Dtype::kNone;
  p.c_type = Dtype::kE4M3;
  EXPECT_EQ(check(p).fault_addr, 41u);
  p.rsvd_36[3] = 1;
  EXPECT_EQ(check(p).fault_addr, 39u);
  p.wait_mask = 8;
  EXPECT_EQ(check(p).fault_addr, 2u);
}

TEST(CheckFields, FieldsBeforeCombinationsBeforeShapeBeforeOverflowBeforeAlignment) {
  MatmulPacket p = sample_matmul();
  p.a_addr = 0xffffffffffffff02;  // overflows and is misaligned
  EXPECT_EQ(check(p).fault, Fault::kShapeOverflow);
  EXPECT_EQ(check(p).fault_addr, 64u);
  p.m = 0;
  EXPECT_EQ(check(p).fault, Fault::kBadShape);
  EXPECT_EQ(check(p).fault_addr, 16u);
  p.bias_addr = 4;
  EXPECT_EQ(check(p).fault, Fault::kBadField);
  EXPECT_EQ(check(p).fault_addr, 88u);
  p.rsvd_232[5] = 1;
  EXPECT_EQ(check(p).fault_addr, 237u);
}

TEST(CheckFields, EveryZeroExtentIsBadShape) {
  for (const Packet& sample : samples()) {
    const OpcodeInfo& info = *find_opcode(static_cast<std::uint8_t>(sample.opcode));
    for (const FieldInfo& field : info.fields) {
      if (field.nonzero == NonZero::kNo) continue;
      PacketBytes bytes = to_bytes(sample);
      std::memset(bytes.data() + field.at, 0, field.width / 8u);
      const CheckResult r = check_packet(from_bytes(bytes), kLimits);
      EXPECT_EQ(r.fault, field.nonzero == NonZero::kShape ? Fault::kBadShape : Fault::kBadField)
          << info.name << "." << field.name;
      EXPECT_EQ(r.fault_addr, field.at);
    }
  }
}

TEST(CheckFields, EveryAddressAndStrideMustBeAligned) {
  for (const Packet& sample : samples()) {
    const OpcodeInfo& info = *find_opcode(static_cast<std::uint8_t>(sample.opcode));
    for (const FieldInfo& field : info.fields) {
      const bool pointer = field.unit == "address" || (field.unit == "bytes" && field.width >= 16);
      if (!pointer) continue;
      PacketBytes bytes = to_bytes(sample);
      bytes[field.at] |= 1;
      const CheckResult r = check_packet(from_bytes(bytes), kLimits);
      if (!r) continue;  // byte-sized elements
      const bool absent = r.fault == Fault::kBadField;
      EXPECT_TRUE(absent || r.fault == Fault::kMisaligned) << info.name << "." << field.name;
      EXPECT_EQ(r.fault_addr, field.at) << info.name << "." << field.name;
    }
  }
}

TEST(CheckFields, RandomBytesNeverMisbehave) {
  std::mt19937_64 random(1);
  unsigned faults = 0;
  for (int i = 0; i < 20000; ++i) {
    PacketBytes bytes;
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    const auto all = opcodes();
    bytes[0] = static_cast<std::uint8_t>(all[random() % all.size()].opcode);
    faults += check_packet(from_bytes(bytes), kLimits) ? 1 : 0;
  }
  EXPECT_EQ(faults, 20000u);
}

}  // namespace
}  // namespace tandem::abi

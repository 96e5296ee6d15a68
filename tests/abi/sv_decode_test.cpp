// SPDX-License-Identifier: Apache-2.0
// The generated SystemVerilog structs, in a Verilated module, against the generated vectors.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "Vpacket_fields.h"
#include "tandem/abi/metadata.hpp"
#include "vectors.hpp"

namespace tandem::abi {
namespace {

constexpr unsigned kReservedIndex = 255;  // shows whether a reserved bit is set

class SvDecode : public testing::Test {
 protected:
  template <class Port>
  void drive(Port& port, const std::vector<std::uint8_t>& bytes) {
    ASSERT_EQ(sizeof port, bytes.size());
    std::memcpy(&port, bytes.data(), sizeof port);
  }
  void select(unsigned index) {
    dut_->index_i = static_cast<std::uint8_t>(index);
    dut_->eval();
  }

  std::unique_ptr<Vpacket_fields> dut_ = std::make_unique<Vpacket_fields>();
};

TEST_F(SvDecode, PacketFields) {
  for (const tests::Vector& v : tests::load_vectors()) {
    if (v.kind != "packet") continue;
    drive(dut_->packet_i, v.bytes);
    const OpcodeInfo& info = *find_opcode(v.name);
    for (unsigned i = 0; i < info.fields.size(); ++i) {
      select(i);
      EXPECT_EQ(dut_->packet_field_o, v.value(info.fields[i].name))
          << "line " << v.line << " " << info.fields[i].name;
    }
    select(kReservedIndex);
    EXPECT_EQ(dut_->packet_field_o, 0u) << "line " << v.line;
  }
}

TEST_F(SvDecode, EveryReservedBitIsSeen) {
  for (const OpcodeInfo& info : opcodes()) {
    for (std::size_t at = 1; at < kPacketBytes; ++at) {
      std::vector<std::uint8_t> bytes(kPacketBytes);
      bytes[0] = static_cast<std::uint8_t>(info.opcode);
      bytes[at] = 0x10;
      drive(dut_->packet_i, bytes);
      select(kReservedIndex);
      EXPECT_EQ(dut_->packet_field_o, find_field(info, at) == nullptr ? 1u : 0u)
          << info.name << " byte " << at;
    }
  }
}

TEST_F(SvDecode, CompletionFields) {
  for (const tests::Vector& v : tests::load_vectors()) {
    if (v.kind != "completion") continue;
    drive(dut_->completion_i, v.bytes);
    for (unsigned i = 0; i < completion_fields().size(); ++i) {
      select(i);
      EXPECT_EQ(dut_->completion_field_o, v.value(completion_fields()[i].name)) << v.line;
    }
  }
}

TEST_F(SvDecode, MicroWordFields) {
  const char* const names[] = {"op", "dst", "a", "b", "c", "imm"};
  for (const tests::Vector& v : tests::load_vectors()) {
    if (v.kind != "word") continue;
    drive(dut_->word_i, v.bytes);
    for (unsigned i = 0; i < 6; ++i) {
      select(i);
      EXPECT_EQ(dut_->word_field_o, v.value(names[i])) << "line " << v.line << " " << names[i];
    }
  }
}

}  // namespace
}  // namespace tandem::abi

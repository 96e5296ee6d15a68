// SPDX-License-Identifier: Apache-2.0
// C++ structs, metadata and text against the generated vectors.
#include "vectors.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/ucode.hpp"

namespace tandem::abi {
namespace {

using tests::load_vectors;
using tests::Vector;

std::vector<std::uint8_t> encode_fields(const Vector& v, std::span<const FieldInfo> fields,
                                        std::size_t num_bytes) {
  std::vector<std::uint8_t> out(num_bytes);
  for (const FieldInfo& field : fields) {
    const std::uint64_t value = v.value(field.name);
    std::memcpy(out.data() + field.at, &value, field.width / 8u);
  }
  return out;
}

Packet packet_of(const Vector& v) {
  PacketBytes bytes{};
  std::memcpy(bytes.data(), v.bytes.data(), bytes.size());
  return from_bytes(bytes);
}

TEST(Vectors, CoverEveryOpcodeFieldAndOperation) {
  std::map<std::string, std::set<std::string>> seen;
  for (const Vector& v : load_vectors()) {
    for (const auto& [field, value] : v.fields) seen[v.kind + v.name].insert(field);
  }
  for (const OpcodeInfo& info : opcodes()) {
    EXPECT_EQ(seen["packet" + std::string(info.name)].size(), info.fields.size()) << info.name;
  }
  EXPECT_EQ(seen["completionany"].size(), completion_fields().size());
  for (const MicroOpInfo& info : micro_ops())
    EXPECT_TRUE(seen.contains("word" + std::string(info.name)));
}

TEST(Vectors, MetadataEncodesToTheBytes) {
  for (const Vector& v : load_vectors()) {
    if (v.kind == "packet") {
      const OpcodeInfo* info = find_opcode(v.name);
      ASSERT_NE(info, nullptr) << v.name;
      EXPECT_EQ(encode_fields(v, info->fields, kPacketBytes), v.bytes) << "line " << v.line;
    } else if (v.kind == "completion") {
      EXPECT_EQ(encode_fields(v, completion_fields(), kCompletionBytes), v.bytes)
          << "line " << v.line;
    }
  }
}

/// Struct members, one opcode written out by hand, against the vectors.
TEST(Vectors, StructMembersLieWhereTheVectorsSay) {
  int checked = 0;
  for (const Vector& v : load_vectors()) {
    if (v.kind != "packet" || v.name != "VECTOR") continue;
    const auto p = packet_as<VectorPacket>(packet_of(v));
    EXPECT_EQ(static_cast<std::uint64_t>(p.opcode), v.value("opcode"));
    EXPECT_EQ(p.seq, v.value("seq"));
    EXPECT_EQ(p.rows0, v.value("rows0"));
    EXPECT_EQ(p.ucode_words, v.value("ucode_words"));
    EXPECT_EQ(static_cast<std::uint64_t>(p.out1_type), v.value("out1_type"));
    EXPECT_EQ(p.out2_col_stride, v.value("out2_col_stride"));
    EXPECT_EQ(p.param3, v.value("param3"));
    EXPECT_EQ(p.in3_row1_stride, v.value("in3_row1_stride"));
    EXPECT_EQ(p.out2_row0_stride, v.value("out2_row0_stride"));
    ++checked;
  }
  EXPECT_GT(checked, 80);
}

TEST(Vectors, CompletionMembersLieWhereTheVectorsSay) {
  for (const Vector& v : load_vectors()) {
    if (v.kind != "completion") continue;
    Completion c;
    static_assert(sizeof c == kCompletionBytes);
    std::memcpy(static_cast<void*>(&c), v.bytes.data(), sizeof c);
    EXPECT_EQ(c.seq, v.value("seq"));
    EXPECT_EQ(static_cast<std::uint64_t>(c.error), v.value("error"));
    EXPECT_EQ(c.opcode, v.value("opcode"));
    EXPECT_EQ(static_cast<std::uint64_t>(c.engine), v.value("engine"));
    EXPECT_EQ(c.fault_addr, v.value("fault_addr"));
    EXPECT_EQ(c.checksum, v.value("checksum"));
    EXPECT_EQ(c.cycles, v.value("cycles"));
    EXPECT_EQ(c.start_cycle, v.value("start_cycle"));
  }
}

TEST(Vectors, MicroWordsEncodeAndDecode) {
  for (const Vector& v : load_vectors()) {
    if (v.kind != "word") continue;
    const MicroWord word{
        static_cast<MicroOp>(v.value("op")),     static_cast<std::uint8_t>(v.value("dst")),
        static_cast<std::uint8_t>(v.value("a")), static_cast<std::uint8_t>(v.value("b")),
        static_cast<std::uint8_t>(v.value("c")), static_cast<std::uint32_t>(v.value("imm"))};
    std::uint64_t bits = 0;
    std::memcpy(&bits, v.bytes.data(), sizeof bits);
    EXPECT_EQ(encode(word), bits) << "line " << v.line;
    EXPECT_EQ(decode(bits), word) << "line " << v.line;
    EXPECT_EQ(assemble_ucode(disassemble_word(bits)).at(0), bits) << "line " << v.line;
  }
}

TEST(Vectors, TextRoundTrips) {
  for (const Vector& v : load_vectors()) {
    if (v.kind != "packet") continue;
    const std::string text = disassemble(packet_of(v));
    EXPECT_EQ(text.substr(0, v.name.size()), v.name);
    EXPECT_EQ(to_bytes(assemble_packet(text)), to_bytes(packet_of(v))) << text;
  }
}

}  // namespace
}  // namespace tandem::abi

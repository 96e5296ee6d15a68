// SPDX-License-Identifier: Apache-2.0
#include "tandem/abi/metadata.hpp"

#include <gtest/gtest.h>

namespace tandem::abi {
namespace {

TEST(Metadata, OpcodesByCodeAndName) {
  EXPECT_EQ(find_opcode(0x10)->name, "MATMUL");
  EXPECT_EQ(find_opcode("SCATTER_ADD")->opcode, Opcode::kScatterAdd);
  EXPECT_EQ(find_opcode("SCATTER_ADD")->engine, Engine::kDma);
  EXPECT_EQ(find_opcode(0x00), nullptr);
  EXPECT_EQ(find_opcode(0x90), nullptr);
  EXPECT_EQ(find_opcode("matmul"), nullptr);
}

TEST(Metadata, FieldsByNameAndOffset) {
  const OpcodeInfo& info = *find_opcode("MATMUL");
  EXPECT_EQ(find_field(info, "c_addr")->at, 80);
  EXPECT_EQ(find_field(info, "d_addr"), nullptr);
  EXPECT_EQ(find_field(info, 87)->name, "c_addr");
  EXPECT_EQ(find_field(info, 36), nullptr);
  EXPECT_EQ(find_field(info, 1000), nullptr);
}

TEST(Metadata, MicroOps) {
  EXPECT_EQ(find_micro_op("fma")->c, 'r');
  EXPECT_EQ(find_micro_op(0x40)->b, 't');
  EXPECT_EQ(find_micro_op(0xff), nullptr);
  EXPECT_EQ(find_micro_op("nop"), nullptr);
  EXPECT_EQ(find_micro_op("clz")->doc, "leading zeros, 32 for 0");
}

TEST(Metadata, EnumerationsAndRegisters) {
  EXPECT_EQ(enum_name("dtype", 4), "E4M3");
  EXPECT_EQ(enum_name("dtype", 99), "");
  EXPECT_EQ(enum_name("colour", 0), "");
  EXPECT_EQ(enum_value("device_state", "BREAK"), 5u);
  EXPECT_EQ(enum_value("dtype", "F64"), std::nullopt);
  EXPECT_EQ(register_name(reg::kCtrl), "CTRL");
  EXPECT_EQ(register_name(0x444), "REGION2_BASE_HI");
  EXPECT_EQ(register_name(0xffc), "");
  EXPECT_EQ(to_string(Fault::kBadUcode), "BAD_UCODE");
  EXPECT_EQ(to_string(static_cast<Fault>(77)), "unknown error");
}

TEST(Metadata, TypeNamesFollowTheSpecification) {
  for (const EnumInfo& info : enums()) {
    if (info.name != "dtype") continue;
    for (const EnumValue& value : info.values) {
      std::string expected(value.name);
      for (char& c : expected) c = static_cast<char>(std::tolower(c));
      EXPECT_EQ(to_string(static_cast<Dtype>(value.value)), expected);
    }
  }
  EXPECT_EQ(dtype_bits(Dtype::kU4), 4u);
  EXPECT_EQ(dtype_bits(Dtype::kI64), 64u);
  EXPECT_EQ(dtype_bits(Dtype::kNone), 0u);
  EXPECT_EQ(dtype_bits(static_cast<Dtype>(200)), 0u);
}

}  // namespace
}  // namespace tandem::abi

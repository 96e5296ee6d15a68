// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>

#include "samples.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::abi {
namespace {

using Bytes = std::set<std::uint64_t>;

template <class P>
OperandList list_of(const P& packet) {
  return operands(to_packet(packet));
}

const Operand& named(const OperandList& list, std::string_view name) {
  for (const Operand& operand : list.view()) {
    if (operand.name == name) return operand;
  }
  throw std::runtime_error("no operand " + std::string(name));
}

std::string names(const OperandList& list) {
  std::string out;
  for (const Operand& operand : list.view()) out += std::string(operand.name) + " ";
  return out;
}

Bytes bytes_of(const Operand& operand) {
  Bytes out;
  for_each_run(operand, [&](std::uint64_t addr, std::uint64_t num_bytes) {
    for (std::uint64_t i = 0; i < num_bytes; ++i) out.insert(addr + i);
  });
  EXPECT_EQ(*out.begin(), operand.base);
  EXPECT_EQ(*out.rbegin() + 1, operand.hull_end());
  EXPECT_GE(operand.total_bytes(), out.size());
  return out;
}

void add(Bytes& out, std::uint64_t addr, std::uint64_t num_bytes) {
  for (std::uint64_t i = 0; i < num_bytes; ++i) out.insert(addr + i);
}

TEST(Operands, OrderAndRoles) {
  EXPECT_EQ(names(list_of(sample_matmul())), "a b c ");
  EXPECT_EQ(names(list_of(sample_group())), "a b c b_scale b_min ");
  MatmulPacket scaled = sample_row_col();
  scaled.init_mode = InitMode::kBias;
  EXPECT_EQ(names(list_of(scaled)), "a b c bias b_scale a_scale ");
  EXPECT_EQ(names(list_of(sample_vector())), "in0 in1 out0 out1 ");
  EXPECT_EQ(names(list_of(sample_copy())), "src dst ");
  EXPECT_EQ(names(list_of(sample_fill())), "dst ");
  EXPECT_EQ(names(list_of(sample_gather())), "src index dst ");
  EXPECT_EQ(names(list_of(sample_scatter())), "src index dst ");
  EXPECT_EQ(names(list_of(sample_signal())), "dst ");
  EXPECT_EQ(names(list_of(sample_wait())), "src ");
  EXPECT_EQ(names(list_of(sample_load_ucode())), "src ");
  EXPECT_EQ(names(list_of(NopPacket{})), "");
  EXPECT_EQ(named(list_of(sample_matmul()), "c").role, Role::kWrite);
  MatmulPacket accumulate = sample_matmul();
  accumulate.init_mode = InitMode::kAccumulate;
  EXPECT_EQ(named(list_of(accumulate), "c").role, Role::kReadWrite);
  EXPECT_EQ(named(list_of(sample_scatter()), "dst").role, Role::kReadWrite);
  EXPECT_TRUE(named(list_of(sample_scatter()), "dst").indexed);
  EXPECT_TRUE(named(list_of(sample_gather()), "src").indexed);
  EXPECT_FALSE(named(list_of(sample_gather()), "dst").indexed);
}

/// The field that an error names is the operand's address field.
TEST(Operands, AddressFieldIsNamedAfterTheOperand) {
  const OperandList lists[] = {list_of(sample_matmul()), list_of(sample_group()),
                               list_of(sample_row_col()), list_of(sample_vector()),
                               list_of(sample_gather())};
  const char* opcodes[] = {"MATMUL", "MATMUL", "MATMUL", "VECTOR", "GATHER"};
  for (int i = 0; i < 5; ++i) {
    for (const Operand& operand : lists[i].view()) {
      const FieldInfo* field = find_field(*find_opcode(opcodes[i]), operand.addr_field);
      ASSERT_NE(field, nullptr);
      EXPECT_EQ(field->name, std::string(operand.name) + "_addr");
    }
  }
}

/// Element addresses of MATMUL A, B and C written down a second time, for all layouts.
TEST(Operands, MatmulCoversExactlyItsElements) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    MatmulPacket p = sample_matmul();
    p.m = 1 + random() % 4, p.n = 1 + random() % 70, p.k = 1 + random() % 6;
    p.a_layout = static_cast<ALayout>(random() % 2);
    p.b_layout = static_cast<BLayout>(random() % 3);
    p.b_type = random() % 2 ? Dtype::kBF16 : Dtype::kE4M3;
    p.a_row_stride = 4 * (random() % 9), p.b_row_stride = 64 * (random() % 40);
    p.b_batch0_stride = 64 * (random() % 3), p.b_batch1_stride = 64 * (random() % 100);
    const std::uint64_t eb = dtype_bits(p.b_type) / 8;
    Bytes a, b, c;
    for (std::uint64_t b0 = 0; b0 < p.batch0; ++b0) {
      for (std::uint64_t b1 = 0; b1 < p.batch1; ++b1) {
        const std::uint64_t at = p.a_addr + b0 * p.a_batch0_stride + b1 * p.a_batch1_stride;
        const std::uint64_t bt = p.b_addr + b0 * p.b_batch0_stride + b1 * p.b_batch1_stride;
        const std::uint64_t ct = p.c_addr + b0 * p.c_batch0_stride + b1 * p.c_batch1_stride;
        for (std::uint64_t k = 0; k < p.k; ++k) {
          for (std::uint64_t m = 0; m < p.m; ++m) {
            const bool rows = p.a_layout == ALayout::kRows;
            add(a, at + (rows ? m : k) * p.a_row_stride + (rows ? k : m) * 4, 4);
          }
          const std::uint64_t columns = p.b_layout == BLayout::kPanels ? (p.n + 31) / 32 * 32 : p.n;
          for (std::uint64_t n = 0; n < columns; ++n) {
            const std::uint64_t offset = p.b_layout == BLayout::kKn ? k * p.b_row_stride + n * eb
                                         : p.b_layout == BLayout::kNk
                                             ? n * p.b_row_stride + k * eb
                                             : n / 32 * p.b_row_stride + (k * 32 + n % 32) * eb;
            add(b, bt + offset, eb);
          }
        }
        for (std::uint64_t m = 0; m < p.m; ++m) {
          for (std::uint64_t n = 0; n < p.n; ++n) add(c, ct + m * p.c_row_stride + n * 4, 4);
        }
      }
    }
    const OperandList list = list_of(p);
    EXPECT_EQ(bytes_of(named(list, "a")), a) << round;
    EXPECT_EQ(bytes_of(named(list, "b")), b) << round;
    EXPECT_EQ(bytes_of(named(list, "c")), c) << round;
  }
}

TEST(Operands, PackedWeightsAndGroupScales) {
  MatmulPacket p = sample_group();  // n 5, k 65, groups of 32: 33 bytes and 3 scales a row
  OperandList list = list_of(p);
  EXPECT_EQ(named(list, "b").hull_end(), p.b_addr + 4 * 33 + 33);
  EXPECT_EQ(named(list, "b_scale").hull_end(), p.b_scale_addr + 5 * 6);
  EXPECT_EQ(named(list, "b_min").hull_end(), p.b_min_addr + 5 * 6);
  p.b_layout = BLayout::kPanels;
  p.n = 33;
  p.b_row_stride = 1088;
  p.b_scale_row_stride = 192;
  list = list_of(p);
  EXPECT_EQ(named(list, "b").hull_end(), p.b_addr + 1088 + 65 * 16);
  EXPECT_EQ(named(list, "b_scale").hull_end(), p.b_scale_addr + 192 + 3 * 32 * 2);
}

TEST(Operands, ScalesAndBiasOfRowCol) {
  MatmulPacket p = sample_row_col();
  p.init_mode = InitMode::kBias;
  p.bias_addr = 0x60000;
  const OperandList list = list_of(p);
  EXPECT_EQ(named(list, "bias").hull_end(), p.bias_addr + 20);
  EXPECT_EQ(named(list, "b_scale").hull_end(), p.b_scale_addr + 20);
  EXPECT_EQ(named(list, "a_scale").hull_end(), p.a_scale_addr + 12 + 12);
}

TEST(Operands, VectorStreams) {
  const VectorPacket p = sample_vector();
  const OperandList list = list_of(p);
  EXPECT_EQ(bytes_of(named(list, "in0")).size(), 4u * 3 * 10 * 4);
  EXPECT_EQ(bytes_of(named(list, "in1")).size(), 20u);
  EXPECT_EQ(named(list, "in1").total_bytes(), 4u * 3 * 20);
  EXPECT_EQ(bytes_of(named(list, "out1")).size(), 12u);
  EXPECT_EQ(named(list, "out1").num_dims, 2);
}

TEST(Operands, TotalBytesSaturates) {
  Operand operand;
  operand.run_bytes = 8;
  operand.num_dims = 3;
  for (int d = 0; d < 3; ++d) operand.dims[static_cast<std::size_t>(d)] = {0xffffffff, 0};
  EXPECT_EQ(operand.total_bytes(), ~std::uint64_t{0});
}

}  // namespace
}  // namespace tandem::abi

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "samples.hpp"

namespace tandem::abi {
namespace {

Operand bytes(std::uint64_t base, std::uint64_t num_bytes, Role role = Role::kRead) {
  Operand operand;
  operand.base = base;
  operand.run_bytes = num_bytes;
  operand.role = role;
  return operand;
}

const std::vector<Region> kMap = {
    {0x1000, 0x1000, true, true},   // 1000..1fff
    {0x9000, 0x1000, true, false},  // 9000..9fff read only
    {0x2000, 0x1000, true, true},   // adjacent to the first, later in the table
    {0x3000, 0x1000, false, true},  // not valid
    {0xa000, 0x1000, true, true},   // behind the read-only one
};

void expect(const std::vector<Operand>& operands, Fault fault, std::uint64_t addr) {
  const CheckResult r = check_extents(operands, kMap);
  EXPECT_EQ(r.fault, fault);
  EXPECT_EQ(r.fault_addr, addr);
}

TEST(Extents, HullMustLieInValidRegions) {
  expect({bytes(0x1000, 0x1000)}, Fault::kNone, 0);
  expect({bytes(0x1800, 0x1800)}, Fault::kNone, 0);
  expect({bytes(0x0fff, 2)}, Fault::kUnmapped, 0xfff);
  expect({bytes(0, 1)}, Fault::kUnmapped, 0);
  expect({bytes(0x2fff, 2)}, Fault::kUnmapped, 0x3000);
  expect({bytes(0x5000, 1)}, Fault::kUnmapped, 0x5000);
}

TEST(Extents, HolesBetweenPositionsCount) {
  Operand operand = bytes(0x1000, 4);
  operand.num_dims = 1;
  operand.dims[0] = {2, 0x8000};
  expect({operand}, Fault::kUnmapped, 0x3000);
}

TEST(Extents, WritesNeedWritableRegions) {
  expect({bytes(0x9000, 4)}, Fault::kNone, 0);
  expect({bytes(0x9004, 4, Role::kWrite)}, Fault::kReadOnly, 0x9004);
  expect({bytes(0x9ffc, 8, Role::kReadWrite)}, Fault::kReadOnly, 0x9ffc);
  expect({bytes(0x9ffc, 8)}, Fault::kNone, 0);
  expect({bytes(0xaffc, 8, Role::kWrite)}, Fault::kUnmapped, 0xb000);
}

TEST(Extents, FirstBadOperandIsReported) {
  expect({bytes(0x1000, 4), bytes(0x9000, 4, Role::kWrite), bytes(0, 4)}, Fault::kReadOnly, 0x9000);
  expect({bytes(0, 4), bytes(0x9000, 4, Role::kWrite)}, Fault::kUnmapped, 0);
}

TEST(Extents, AddressesEndAt48Bits) {
  const std::vector<Region> map = {{0xffff00000000, ~std::uint64_t{0}, true, true}};
  const std::vector<Operand> last = {bytes(0xffffffffffff, 1)};
  EXPECT_EQ(check_extents(last, map).fault, Fault::kNone);
  const std::vector<Operand> across = {bytes(0xffffffffffff, 2)};
  EXPECT_EQ(check_extents(across, map).fault, Fault::kUnmapped);
  EXPECT_EQ(check_extents(across, map).fault_addr, 0x1000000000000u);
  const std::vector<Operand> top = {bytes(~std::uint64_t{0}, 1)};
  EXPECT_EQ(check_extents(top, map).fault, Fault::kUnmapped);
}

TEST(Extents, WholePacketAgainstTheMap) {
  const std::vector<Region> map = {{0x10000, 0x20000, true, true}, {0x30000, 0x10000, true, false}};
  const OperandList list = operands(to_packet(sample_matmul()));
  const CheckResult r = check_extents(list.view(), map);
  EXPECT_EQ(r.fault, Fault::kReadOnly);
  EXPECT_EQ(r.fault_addr, 0x30000u);
}

}  // namespace
}  // namespace tandem::abi

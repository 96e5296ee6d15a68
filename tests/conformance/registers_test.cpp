// SPDX-License-Identifier: Apache-2.0
// Identity block, access rules of every register, memory through the backend.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "conformance/conformance.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"

namespace tandem::tests {
namespace {

namespace reg = abi::reg;
using abi::Access;

TANDEM_CONFORMANCE(Identity);
TANDEM_CONFORMANCE(Registers);
TANDEM_CONFORMANCE(Memory);

TEST_P(Identity, NamesContractAndConfiguration) {
  RawDevice& d = device();
  EXPECT_EQ(d.r(reg::kMagic), 0x4d444e54u);
  EXPECT_EQ(d.r(reg::kAbiVersion), abi::kAbiVersion);
  EXPECT_EQ(d.r64(reg::kAbiHashLo), abi::kAbiHash);
  EXPECT_EQ(d.r(reg::kArrayRows), config().array_rows);
  EXPECT_EQ(d.r(reg::kArrayCols), config().array_cols);
  EXPECT_EQ(d.r(reg::kVectorLanes), config().vector_lanes);
  EXPECT_EQ(d.r(reg::kVectorLength), config().vector_length);
  EXPECT_EQ(d.r(reg::kVectorLength) % 64, 0u);
  EXPECT_EQ(d.r(reg::kUcodeWords), config().ucode_words);
  EXPECT_EQ(d.r(reg::kAxiDataBits), config().axi_data_bits);
  EXPECT_EQ(d.r(reg::kFeatures) & ~reg::kFeaturesTimed, 0u);
  std::string name;
  for (std::uint32_t at = reg::kConfigName0; at <= reg::kConfigName3; at += 4) {
    for (unsigned byte = 0; byte < 4; ++byte) {
      const char c = static_cast<char>(d.r(at) >> (8 * byte));
      if (c != 0) name += c;
    }
  }
  EXPECT_EQ(name, config().name);
}

/// Value that differs from `old` in bits that the register certainly has.
std::uint32_t other_value(std::uint32_t offset, std::uint32_t old) {
  if (offset == reg::kCtrl) return old ^ reg::kCtrlBreakEnable;
  if (offset == reg::kIrqMask) return old ^ 7u;
  if (offset >= reg::kRegionBase &&
      (offset - reg::kRegionBase) % reg::kRegionStride == reg::kRegionAttr) {
    return old ^ 3u;
  }
  const bool region = offset >= reg::kRegionBase;
  const bool address_lo = region || offset == reg::kRingBaseLo || offset == reg::kCplBaseLo;
  return address_lo ? old ^ 0x5a5a'5000u : old ^ 0x0000'0a40u;
}

TEST_P(Registers, ReadOnlyOnesIgnoreWrites) {
  for (const abi::RegisterInfo& info : abi::registers()) {
    if (info.access != Access::kReadOnly || info.name.starts_with("CYCLES")) continue;
    const std::uint32_t before = device().r(info.at);
    device().w(info.at, ~before);
    EXPECT_EQ(device().r(info.at), before) << info.name;
  }
}

TEST_P(Registers, ConfigOnesChangeOnlyWhileDisabled) {
  device().reset();
  for (const abi::RegisterInfo& info : abi::registers()) {
    if (info.access != Access::kConfig) continue;
    const std::uint32_t value = other_value(info.at, device().r(info.at));
    device().w(info.at, value);
    EXPECT_EQ(device().r(info.at), value) << info.name;
  }
  device().start();
  for (const abi::RegisterInfo& info : abi::registers()) {
    if (info.access != Access::kConfig) continue;
    const std::uint32_t before = device().r(info.at);
    device().w(info.at, other_value(info.at, before));
    EXPECT_EQ(device().r(info.at), before) << info.name;
  }
  expect_success(device().run(abi::NopPacket{}));
}

TEST_P(Registers, ReadWriteOnesKeepTheirValue) {
  device().reset();
  for (const abi::RegisterInfo& info : abi::registers()) {
    if (info.access != Access::kReadWrite) continue;
    const std::uint32_t value = other_value(info.at, device().r(info.at));
    device().w(info.at, value);
    EXPECT_EQ(device().r(info.at), value) << info.name;
  }
}

TEST_P(Registers, WriteOnlyOnesReadZero) {
  for (const abi::RegisterInfo& info : abi::registers()) {
    if (info.access != Access::kWriteOnly) continue;
    EXPECT_EQ(device().r(info.at), 0u) << info.name;
  }
}

TEST_P(Registers, WriteOneClearClearsExactlyTheseBits) {
  abi::NopPacket nop;
  nop.flags = abi::kFlagIrq;
  device().run(nop);
  abi::NopPacket bad;
  bad.rsvd_16[0] = 1;
  device().run(bad);
  device().wait_until([&] { return device().r(reg::kIrqStatus) == 3; }, "two interrupt bits");
  device().w(reg::kIrqStatus, 0);
  EXPECT_EQ(device().r(reg::kIrqStatus), 3u);
  device().w(reg::kIrqStatus, reg::kIrqStatusCompletion);
  EXPECT_EQ(device().r(reg::kIrqStatus), reg::kIrqStatusError);
  device().w(reg::kIrqStatus, ~0u);
  EXPECT_EQ(device().r(reg::kIrqStatus), 0u);
}

TEST_P(Registers, ResetGivesZeroExceptTheIdentity) {
  device().w64(reg::kBreakSeqLo, 0x1234'5678'9abc'def0);
  device().w(reg::kIrqMask, 7);
  abi::NopPacket bad;
  bad.rsvd_3[0] = 1;
  device().run(bad);
  device().reset();
  for (const abi::RegisterInfo& info : abi::registers()) {
    if (info.at < reg::kCtrl || info.name.starts_with("CYCLES")) continue;
    EXPECT_EQ(device().r(info.at), 0u) << info.name;
  }
  EXPECT_EQ(device().r(reg::kMagic), abi::kMagic);
}

TEST_P(Registers, HolesReadZeroAndIgnoreWrites) {
  for (std::uint32_t offset = 0; offset < abi::kRegisterBytes; offset += 4) {
    if (!abi::register_name(offset).empty()) continue;
    device().w(offset, 0xffff'ffff);
    EXPECT_EQ(device().r(offset), 0u) << std::hex << offset;
  }
  expect_success(device().run(abi::NopPacket{}));
}

TEST_P(Registers, PacketsAreCounted) {
  for (int i = 0; i < 3; ++i) device().run(abi::NopPacket{});
  abi::NopPacket bad;
  bad.rsvd_16[100] = 1;
  device().run(bad);
  EXPECT_EQ(device().r64(reg::kPacketsLo), 4u) << "failed packets complete too";
}

TEST_P(Memory, BulkAccessAtAnyAlignmentAndLength) {
  std::mt19937 random(11);
  for (const std::size_t length : {1u, 3u, 64u, 255u, 4096u, 70001u}) {
    for (const std::uint64_t offset : {0u, 1u, 63u, 4095u}) {
      std::vector<std::uint8_t> written(length);
      for (std::uint8_t& byte : written) byte = static_cast<std::uint8_t>(random());
      const std::uint64_t addr = map::kData + 0x10000 + offset;
      device().fill(addr - 1, length + 2, 0xee);
      device().write(addr, written);
      EXPECT_EQ(device().read<std::uint8_t>(addr, length), written);
      EXPECT_EQ(device().read_one<std::uint8_t>(addr - 1), 0xee);
      EXPECT_EQ(device().read_one<std::uint8_t>(addr + length), 0xee);
    }
  }
}

TEST_P(Memory, EmptyAccessesDoNothing) {
  backend().read(PhysAddr(map::kData), {});
  backend().write(PhysAddr(map::kData), {});
}

TEST_P(Memory, ResetKeepsTheContents) {
  device().write_one<std::uint32_t>(map::kData + 8, 0xfeedf00d);
  device().reset();
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 8), 0xfeedf00du);
  backend().reset();
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 8), 0xfeedf00du);
}

TEST_P(Memory, WindowShowsTheSameBytes) {
  const auto window = backend().window(PhysAddr(map::kData + 0x100), 64);
  if (window.empty()) GTEST_SKIP() << "this backend has no host window";
  ASSERT_EQ(window.size(), 64u);
  device().write_one<std::uint64_t>(map::kData + 0x108, 0x0123456789abcdef);
  std::uint64_t seen = 0;
  std::memcpy(&seen, window.data() + 8, sizeof seen);
  EXPECT_EQ(seen, 0x0123456789abcdefu);
  const std::uint64_t value = 77;
  std::memcpy(window.data(), &value, sizeof value);
  EXPECT_EQ(device().read_one<std::uint64_t>(map::kData + 0x100), 77u);
  EXPECT_TRUE(backend().window(PhysAddr(map::kHole), 64).empty());
}

TEST_P(Memory, AddressesWithoutMemoryAreRefusedByName) {
  std::vector<std::byte> bytes(16);
  try {
    backend().read(PhysAddr(map::kHole), bytes);
    GTEST_SKIP() << "this backend answers at every address";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("700000000"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tandem::tests

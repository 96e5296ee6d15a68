// SPDX-License-Identifier: Apache-2.0
// NOP, FENCE, SIGNAL, WAIT, unknown opcodes.
#include <gtest/gtest.h>

#include <thread>

#include "conformance/conformance.hpp"
#include "conformance/oracle.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::tests {
namespace {

namespace reg = abi::reg;
using abi::Fault;
using namespace std::chrono_literals;

TANDEM_CONFORMANCE(Nop);
TANDEM_CONFORMANCE(Signal);
TANDEM_CONFORMANCE(Wait);
TANDEM_CONFORMANCE(UnknownOpcode);
TANDEM_CONFORMANCE(RegionWithoutMemory);

abi::SignalPacket signal(std::uint64_t addr, std::uint64_t value, std::uint8_t elem_bytes) {
  abi::SignalPacket packet;
  packet.elem_bytes = elem_bytes;
  packet.addr = addr;
  packet.value = value;
  return packet;
}

abi::WaitPacket wait_for(std::uint64_t addr, std::uint32_t mask, std::uint32_t value,
                         std::uint64_t limit = ~std::uint64_t{0}) {
  abi::WaitPacket packet;
  packet.addr = addr;
  packet.mask = mask;
  packet.value = value;
  packet.cycle_limit = limit;
  return packet;
}

TEST_P(Nop, EveryWaitMaskAndFlag) {
  for (std::uint8_t mask = 0; mask <= abi::kWaitAll; ++mask) {
    for (std::uint8_t flags : {0, 1}) {
      abi::NopPacket nop;
      nop.wait_mask = mask;
      nop.flags = flags;
      expect_success(device().run(nop));
      abi::FencePacket fence;
      fence.wait_mask = mask;
      fence.flags = flags;
      expect_success(device().run(fence));
    }
  }
}

TEST_P(Signal, WritesItsWordAndNothingElse) {
  for (const std::uint8_t bytes : {4, 8}) {
    const std::uint64_t addr = map::kData + 0x100;
    const std::uint64_t value = bytes == 4 ? 0x89abcdef : 0x0123'4567'89ab'cdef;
    device().fill(addr - 16, 48, 0xee);
    const abi::Completion record = device().run(signal(addr, value, bytes));
    expect_success(record);
    EXPECT_EQ(record.engine, abi::Engine::kControl);
    std::vector<std::uint8_t> expected(48, 0xee);
    std::memcpy(expected.data() + 16, &value, bytes);
    EXPECT_EQ(device().read<std::uint8_t>(addr - 16, 48), expected);
    EXPECT_EQ(record.checksum, oracle::checksum(addr, std::span(expected).subspan(16, bytes)));
  }
}

TEST_P(Signal, ChecksumOfKnownWords) {
  // Bytes 03 02 01 00 count as 4, 3, 2, 1; the weight of a word is 2 * (addr >> 2) + 1.
  const std::uint64_t word = 0x0102'0304;
  const std::uint64_t addr = map::kData;
  EXPECT_EQ(device().run(signal(addr, 0x0001'0203, 4)).checksum, word * (addr / 2 + 1));
  EXPECT_EQ(device().run(signal(addr + 4, 0, 4)).checksum, 0x0101'0101 * (addr / 2 + 3));
  EXPECT_EQ(device().run(signal(addr + 8, 0xffff'ffff, 4)).checksum,
            std::uint64_t{0x1'0101'0100} * (addr / 2 + 5));
}

TEST_P(Signal, FirstAndLastWordOfARegion) {
  for (const std::uint64_t addr :
       {map::kLow, map::kHigh - 8, map::kHigh, map::kHigh + map::kHighSize - 8}) {
    expect_success(device().run(signal(addr, addr, 8)));
    EXPECT_EQ(device().read_one<std::uint64_t>(addr), addr);
  }
}

TEST_P(Signal, FollowsAllEarlierPacketsWhateverItsMask) {
  device().write_one<std::uint32_t>(map::kData, 0);
  device().post(wait_for(map::kData, 1, 1));
  abi::SignalPacket packet = signal(map::kData + 64, 7, 4);
  packet.wait_mask = 0;
  device().send(packet);
  std::this_thread::sleep_for(3ms);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 64), 0u);
  device().write_one<std::uint32_t>(map::kData, 1);
  device().wait_records(2);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 64), 7u);
}

TEST_P(Wait, PassesAtOnceIfTheWordMatches) {
  device().write_one<std::uint32_t>(map::kData, 0xabcd'1234);
  expect_success(device().run(wait_for(map::kData, 0xffff'0000, 0xabcd'0000)));
  expect_success(device().run(wait_for(map::kData, 0, 0)));
  const abi::Completion record = device().run(wait_for(map::kData, ~0u, 0xabcd'1234, 1));
  expect_success(record);
  EXPECT_EQ(record.checksum, 0u) << "WAIT writes nothing";
}

TEST_P(Wait, HoldsBackLaterPacketsUntilTheHostWrites) {
  device().post(wait_for(map::kData, 0xff, 0x42));
  device().send(abi::NopPacket{});
  device().write_one<std::uint32_t>(map::kData, 0x41);
  std::this_thread::sleep_for(3ms);
  EXPECT_EQ(device().r(reg::kCplTail), 0u);
  EXPECT_EQ(device().state(), abi::DeviceState::kRunning);
  device().write_one<std::uint32_t>(map::kData, 0x42);
  EXPECT_EQ(device().next().error, Fault::kNone);
  EXPECT_EQ(device().next().error, Fault::kNone);
}

TEST_P(Wait, TimesOutWithThePolledAddress) {
  expect_fault(wait_for(map::kData + 8, 1, 1, 1000), Fault::kWaitTimeout, map::kData + 8);
  // Bits of the value outside the mask can never match.
  expect_fault(wait_for(map::kData + 8, 1, 2, 1), Fault::kWaitTimeout, map::kData + 8);
}

TEST_P(Wait, MayPollMemoryThatPacketsCannotWrite) {
  device().write_one<std::uint32_t>(map::kRom, 3);
  expect_success(device().run(wait_for(map::kRom, 3, 3)));
}

TEST_P(Wait, TimeoutHaltsAndLaterPacketsStayBack) {
  device().start(reg::kCtrlHaltOnError);
  device().post(wait_for(map::kData, 1, 1, 1000));
  device().send(signal(map::kData + 64, 1, 4));
  EXPECT_EQ(device().next().error, Fault::kWaitTimeout);
  device().wait_state(abi::DeviceState::kError);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 64), 0u);
}

TEST_P(RegionWithoutMemory, PassesTheExtentCheckAndEndsWithABusError) {
  constexpr std::uint64_t kAddr = map::kHole + 0x40;
  device().reset();
  device().configure();
  const std::uint32_t at = reg::kRegionBase + 9 * reg::kRegionStride;
  device().w64(at + reg::kRegionBaseLo, map::kHole);
  device().w64(at + reg::kRegionSizeLo, 0x1000);
  device().w(at + reg::kRegionAttr, reg::kRegionAttrValid | reg::kRegionAttrWritable);
  device().enable();
  for (const abi::Packet& packet :
       {abi::to_packet(signal(kAddr, 1, 4)), abi::to_packet(wait_for(kAddr, 1, 0, 1'000'000))}) {
    const abi::Completion record = device().run(packet);
    EXPECT_EQ(record.error, Fault::kBusError) << abi::to_string(record.error);
    EXPECT_EQ(record.fault_addr / 64, kAddr / 64);
    EXPECT_EQ(record.checksum, 0u);
  }
  expect_success(device().run(signal(map::kData, 1, 4)));
}

TEST_P(UnknownOpcode, AllNumbersThatTheSpecificationLacks) {
  for (unsigned value = 0; value < abi::kFirstUserOpcode; ++value) {
    if (abi::find_opcode(static_cast<std::uint8_t>(value)) != nullptr) continue;
    abi::Packet packet{};
    packet.opcode = static_cast<abi::Opcode>(value);
    expect_fault(packet, Fault::kUnknownOpcode, 0);
  }
}

TEST_P(UnknownOpcode, ComesBeforeEveryOtherCheck) {
  abi::Packet packet{};
  std::memset(static_cast<void*>(&packet), 0xff, sizeof packet);
  packet.opcode = static_cast<abi::Opcode>(0x7f);
  expect_fault(packet, Fault::kUnknownOpcode, 0);
}

}  // namespace
}  // namespace tandem::tests

// SPDX-License-Identifier: Apache-2.0
// Command ring, doorbell, completion ring, unusable rings.
#include <gtest/gtest.h>

#include <thread>

#include "conformance/conformance.hpp"

namespace tandem::tests {
namespace {

namespace reg = abi::reg;
using abi::DeviceState;
using abi::Fault;
using namespace std::chrono_literals;

TANDEM_CONFORMANCE(Ring);
TANDEM_CONFORMANCE(CompletionRing);
TANDEM_CONFORMANCE(BadRing);

TEST_P(Ring, OneDoorbellStartsABatch) {
  for (int i = 0; i < 10; ++i) device().post(abi::NopPacket{});
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(device().r(reg::kCplTail), 0u) << "nothing runs before the doorbell";
  EXPECT_EQ(device().state(), DeviceState::kIdle);
  device().ring();
  for (std::uint64_t seq = 1; seq <= 10; ++seq) EXPECT_EQ(device().next().seq, seq);
  device().wait_state(DeviceState::kIdle);
  EXPECT_EQ(device().r(reg::kRingHead), 10u);
  EXPECT_EQ(device().r(reg::kRingTail), 10u);
}

TEST_P(Ring, WrapsManyTimes) {
  for (const std::uint32_t entries : {2u, 4u, 16u}) {
    device().start(0, entries, 64);
    for (std::uint64_t seq = 1; seq <= 5 * entries + 1; ++seq) {
      const abi::Completion record = device().run(abi::NopPacket{});
      EXPECT_EQ(record.seq, seq);
      EXPECT_EQ(record.error, Fault::kNone);
    }
    EXPECT_EQ(device().r(reg::kRingHead), 5 * entries + 1) << "counts are not slots";
  }
}

TEST_P(Ring, FullRingIsLegal) {
  device().start(0, 8, 64);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 8; ++i) device().post(abi::NopPacket{});
    device().ring();
    for (int i = 0; i < 8; ++i) EXPECT_EQ(device().next().error, Fault::kNone);
  }
}

TEST_P(Ring, CountsMayBeAnnouncedBeforeEnabling) {
  device().reset();
  device().configure();
  device().post(abi::NopPacket{});
  device().ring();
  EXPECT_EQ(device().state(), DeviceState::kDisabled);
  device().enable();
  EXPECT_EQ(device().next().seq, 1u);
}

TEST_P(Ring, SequenceNumbersAreReturnedWhateverTheyAre) {
  for (const std::uint64_t before : {std::uint64_t{0xfffffffe}, ~std::uint64_t{1}}) {
    device().set_seq(before);
    EXPECT_EQ(device().run(abi::NopPacket{}).seq, before + 1);
  }
}

TEST_P(Ring, ClearingEnableDrainsAndKeepsTheCounts) {
  for (int i = 0; i < 5; ++i) device().send(abi::NopPacket{});
  device().w(reg::kCtrl, 0);
  device().wait_state(DeviceState::kDisabled);
  const std::uint32_t fetched = device().r(reg::kRingHead);
  EXPECT_EQ(device().r(reg::kCplTail), fetched) << "what was fetched has completed";
  device().w(reg::kCtrl, reg::kCtrlEnable);
  for (std::uint64_t seq = 1; seq <= 5; ++seq) EXPECT_EQ(device().next().seq, seq);
  EXPECT_EQ(device().r(reg::kCplTail), 5u);
}

TEST_P(CompletionRing, RecordsHoldThePacketsIdentity) {
  device().run(abi::NopPacket{});
  const abi::Completion record = device().run(abi::FencePacket{});
  EXPECT_EQ(record.seq, 2u);
  EXPECT_EQ(record.error, Fault::kNone);
  EXPECT_EQ(record.opcode, static_cast<std::uint8_t>(abi::Opcode::kFence));
  EXPECT_EQ(record.engine, abi::Engine::kControl);
  EXPECT_EQ(record.fault_addr, 0u);
  EXPECT_EQ(record.checksum, 0u);
  if ((device().r(reg::kFeatures) & reg::kFeaturesTimed) == 0) {
    EXPECT_EQ(record.cycles, 0u);
    EXPECT_EQ(record.start_cycle, 0u);
    EXPECT_EQ(device().r64(reg::kCyclesLo), 0u);
  }
  for (const std::uint8_t byte : record.rsvd_12) EXPECT_EQ(byte, 0);
  for (const std::uint8_t byte : record.rsvd_48) EXPECT_EQ(byte, 0);
}

TEST_P(CompletionRing, FullRingHoldsIssueBack) {
  device().start(0, 64, 4);
  for (int i = 0; i < 10; ++i) device().post(abi::NopPacket{});
  device().ring();
  device().wait_until([&] { return device().r(reg::kCplTail) == 4; }, "a full completion ring");
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(device().r(reg::kCplTail), 4u);
  EXPECT_EQ(device().state(), DeviceState::kRunning);
  for (std::uint64_t seq = 1; seq <= 10; ++seq) EXPECT_EQ(device().next().seq, seq);
  device().wait_state(DeviceState::kIdle);
}

TEST_P(CompletionRing, PacketThatIsHeldBackDoesNotExecute) {
  device().start(0, 64, 2);
  abi::SignalPacket signal;
  signal.elem_bytes = 4;
  signal.addr = map::kData;
  signal.value = 1;
  device().post(abi::NopPacket{});
  device().post(abi::NopPacket{});
  device().send(signal);
  device().wait_records(2);
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData), 0u);
  for (int i = 0; i < 3; ++i) device().next();
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData), 1u);
}

TEST_P(CompletionRing, WritesNothingBesideItsRecords) {
  const std::uint64_t end = RawDevice::kCompletions + 4 * abi::kCompletionBytes;
  device().start(0, 64, 4);
  device().fill(RawDevice::kCompletions - 64, 64, 0xee);
  device().fill(end, 64, 0xee);
  for (int i = 0; i < 9; ++i) device().run(abi::NopPacket{});
  const std::vector<std::uint8_t> guard(64, 0xee);
  EXPECT_EQ(device().read<std::uint8_t>(RawDevice::kCompletions - 64, 64), guard);
  EXPECT_EQ(device().read<std::uint8_t>(end, 64), guard);
}

struct RingChange {
  const char* what;
  std::uint32_t offset;
  std::uint32_t value;
  std::uint64_t fault_addr;
};

TEST_P(BadRing, EnablingWithUnusableRingsIsRefused) {
  constexpr std::uint64_t kRing = RawDevice::kRing;
  constexpr std::uint64_t kCpl = RawDevice::kCompletions;
  const RingChange changes[] = {
      {"no entries", reg::kRingEntries, 0, kRing},
      {"one entry", reg::kRingEntries, 1, kRing},
      {"not a power of two", reg::kRingEntries, 48, kRing},
      {"too many entries", reg::kRingEntries, 131072, kRing},
      {"misaligned ring", reg::kRingBaseLo, 0x8000'0080, 0x8000'0080},
      {"ring without memory", reg::kRingBaseHi, 7, 0x7'8000'0000},
      {"ring that leaves its region", reg::kRingBaseLo, 0x801f'ff00, 0x801f'ff00},
      {"no records", reg::kCplEntries, 0, kCpl},
      {"records not a power of two", reg::kCplEntries, 6, kCpl},
      {"too many records", reg::kCplEntries, 131072, kCpl},
      {"misaligned completion ring", reg::kCplBaseLo, 0x8010'0020, 0x8010'0020},
      {"completion ring without memory", reg::kCplBaseHi, 7, 0x7'8010'0000},
  };
  for (const RingChange& change : changes) {
    SCOPED_TRACE(change.what);
    device().reset();
    device().configure();
    device().w(change.offset, change.value);
    device().w(reg::kCtrl, reg::kCtrlEnable);
    device().wait_state(DeviceState::kError);
    EXPECT_EQ(device().r(reg::kErrorCode), static_cast<std::uint32_t>(Fault::kBadRing));
    EXPECT_EQ(device().r64(reg::kErrorAddrLo), change.fault_addr);
    EXPECT_NE(device().r(reg::kIrqStatus) & reg::kIrqStatusError, 0u);
    EXPECT_EQ(device().r(reg::kCplTail), 0u) << "no completion";
    device().start();
    expect_success(device().run(abi::NopPacket{}));
  }
}

TEST_P(BadRing, TheCommandRingIsCheckedFirst) {
  device().reset();
  device().configure();
  device().w(reg::kCplEntries, 0);
  device().w(reg::kRingEntries, 3);
  device().w(reg::kCtrl, reg::kCtrlEnable);
  device().wait_state(DeviceState::kError);
  EXPECT_EQ(device().r64(reg::kErrorAddrLo), RawDevice::kRing);
}

TEST_P(BadRing, TailTooFarAheadIsFoundWhenEnabling) {
  device().reset();
  device().configure(8);
  device().w(reg::kRingTail, 9);
  EXPECT_EQ(device().state(), DeviceState::kDisabled);
  device().w(reg::kCtrl, reg::kCtrlEnable);
  device().wait_state(DeviceState::kError);
  EXPECT_EQ(device().r(reg::kErrorCode), static_cast<std::uint32_t>(Fault::kBadRing));
  EXPECT_EQ(device().r64(reg::kErrorAddrLo), 9u);
}

TEST_P(BadRing, DisablingDoesNotEndTheError) {
  device().start(0, 8, 64);
  device().w(reg::kRingTail, 9);
  device().wait_state(DeviceState::kError);
  device().w(reg::kCtrl, 0);
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(device().state(), DeviceState::kError);
  device().w(reg::kCtrl, reg::kCtrlEnable);
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(device().state(), DeviceState::kError);
  device().start();
  expect_success(device().run(abi::NopPacket{}));
}

TEST_P(BadRing, CompletionRingMustBeWritable) {
  device().reset();
  device().configure();
  device().w64(reg::kCplBaseLo, map::kRom);
  device().w(reg::kCtrl, reg::kCtrlEnable);
  device().wait_state(DeviceState::kError);
  EXPECT_EQ(device().r64(reg::kErrorAddrLo), map::kRom);
}

TEST_P(BadRing, CommandRingMayBeReadOnly) {
  device().reset();
  device().configure(64);
  device().w64(reg::kRingBaseLo, map::kRom);
  abi::Packet packet = abi::to_packet(abi::NopPacket{});
  packet.seq = 42;
  device().write_one(map::kRom, packet);
  device().enable();
  device().w(reg::kRingTail, 1);
  EXPECT_EQ(device().next().seq, 42u);
}

TEST_P(BadRing, RingMayCrossAdjacentRegions) {
  device().reset();
  device().configure(4);
  const std::uint64_t base = map::kHigh - 512;
  device().w64(reg::kRingBaseLo, base);
  for (std::uint64_t i = 0; i < 4; ++i) {
    abi::Packet packet = abi::to_packet(abi::NopPacket{});
    packet.seq = 10 + i;
    device().write_one(base + i * sizeof packet, packet);
  }
  device().enable();
  device().w(reg::kRingTail, 4);
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(device().next().seq, 10 + i);
}

TEST_P(BadRing, DoorbellBeyondTheEntriesIsRefused) {
  device().start(0, 8, 64);
  device().run(abi::NopPacket{});
  device().w(reg::kRingTail, 10);
  device().wait_state(DeviceState::kError);
  EXPECT_EQ(device().r(reg::kErrorCode), static_cast<std::uint32_t>(Fault::kBadRing));
  EXPECT_EQ(device().r64(reg::kErrorAddrLo), 10u);
  EXPECT_EQ(device().r(reg::kCplTail), 1u) << "no completion";
  EXPECT_NE(device().r(reg::kIrqStatus) & reg::kIrqStatusError, 0u);
  // Only a reset helps.
  device().w(reg::kCommand, reg::kCommandResume);
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(device().state(), DeviceState::kError);
  device().start();
  expect_success(device().run(abi::NopPacket{}));
}

TEST_P(BadRing, DoorbellBackwardsIsRefused) {
  device().start(0, 8, 64);
  for (int i = 0; i < 3; ++i) device().run(abi::NopPacket{});
  device().w(reg::kRingTail, 2);
  device().wait_state(DeviceState::kError);
  EXPECT_EQ(device().r(reg::kErrorCode), static_cast<std::uint32_t>(Fault::kBadRing));
  EXPECT_EQ(device().r64(reg::kErrorAddrLo), 2u);
}

}  // namespace
}  // namespace tandem::tests

// SPDX-License-Identifier: Apache-2.0
// Halt on error, resume, single step, break, error capture, reset in flight.
#include <gtest/gtest.h>

#include <thread>

#include "conformance/conformance.hpp"

namespace tandem::tests {
namespace {

namespace reg = abi::reg;
using abi::DeviceState;
using abi::Fault;
using namespace std::chrono_literals;

TANDEM_CONFORMANCE(Halt);
TANDEM_CONFORMANCE(ErrorCapture);
TANDEM_CONFORMANCE(SingleStep);
TANDEM_CONFORMANCE(Break);
TANDEM_CONFORMANCE(Reset);

abi::NopPacket broken() {
  abi::NopPacket nop;
  nop.rsvd_16[24] = 1;  // byte 40
  return nop;
}

abi::SignalPacket signal(std::uint64_t addr, std::uint32_t value) {
  abi::SignalPacket packet;
  packet.elem_bytes = 4;
  packet.addr = addr;
  packet.value = value;
  return packet;
}

abi::WaitPacket endless() {
  abi::WaitPacket packet;
  packet.addr = map::kData;
  packet.mask = packet.value = 1;
  packet.cycle_limit = ~std::uint64_t{0};
  return packet;
}

TEST_P(Halt, ErrorStopsIssueUntilResume) {
  device().start(reg::kCtrlHaltOnError);
  device().post(broken());
  device().send(signal(map::kData, 5));
  EXPECT_EQ(device().next().error, Fault::kBadField);
  device().wait_state(DeviceState::kError);
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(device().r(reg::kCplTail), 1u);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData), 0u);
  device().w(reg::kCommand, reg::kCommandResume);
  EXPECT_EQ(device().next().seq, 2u);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData), 5u);
  device().wait_state(DeviceState::kIdle);
}

TEST_P(Halt, EveryErrorHaltsAgain) {
  device().start(reg::kCtrlHaltOnError);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(device().run(broken()).error, Fault::kBadField);
    device().wait_state(DeviceState::kError);
    device().w(reg::kIrqStatus, ~0u);
    device().w(reg::kCommand, reg::kCommandResume);
    device().wait_state(DeviceState::kIdle);
  }
}

TEST_P(Halt, WithoutHaltOnErrorExecutionGoesOn) {
  device().post(broken());
  device().send(signal(map::kData, 5));
  EXPECT_EQ(device().next().error, Fault::kBadField);
  EXPECT_EQ(device().next().error, Fault::kNone);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData), 5u);
  device().wait_state(DeviceState::kIdle);
}

TEST_P(Halt, DisablingEndsTheHalt) {
  device().start(reg::kCtrlHaltOnError);
  device().run(broken());
  device().wait_state(DeviceState::kError);
  device().w(reg::kCtrl, 0);
  device().wait_state(DeviceState::kDisabled);
  device().w(reg::kCtrl, reg::kCtrlEnable);
  expect_success(device().run(abi::NopPacket{}));
}

TEST_P(Halt, DisablingEndsStepAndBreakToo) {
  device().start(reg::kCtrlSingleStep);
  device().run(abi::NopPacket{});
  device().wait_state(DeviceState::kStep);
  device().w(reg::kCtrl, 0);
  device().wait_state(DeviceState::kDisabled);

  device().start();
  device().w64(reg::kBreakSeqLo, 1);
  device().w(reg::kCtrl, reg::kCtrlEnable | reg::kCtrlBreakEnable);
  device().send(abi::NopPacket{});
  device().wait_state(DeviceState::kBreak);
  device().w(reg::kCtrl, 0);
  device().wait_state(DeviceState::kDisabled);
  EXPECT_EQ(device().r(reg::kCplTail), 0u) << "the packet has not issued";
  device().w(reg::kCtrl, reg::kCtrlEnable);
  expect_success(device().next());
}

TEST_P(ErrorCapture, KeepsTheFirstErrorUntilReset) {
  device().set_seq(0x1'0000'0006);
  device().run(broken());
  abi::SignalPacket bad = signal(map::kHole, 1);
  device().run(bad);
  EXPECT_EQ(device().r(reg::kErrorCode), static_cast<std::uint32_t>(Fault::kBadField));
  EXPECT_EQ(device().r64(reg::kErrorSeqLo), 0x1'0000'0007u);
  EXPECT_EQ(device().r64(reg::kErrorAddrLo), 40u);
  device().start();
  EXPECT_EQ(device().r(reg::kErrorCode), 0u);
  device().run(bad);
  EXPECT_EQ(device().r(reg::kErrorCode), static_cast<std::uint32_t>(Fault::kUnmapped));
  EXPECT_EQ(device().r64(reg::kErrorSeqLo), 1u);
  EXPECT_EQ(device().r64(reg::kErrorAddrLo), map::kHole);
}

TEST_P(SingleStep, StopsAfterEveryPacket) {
  device().start(reg::kCtrlSingleStep);
  for (std::uint32_t i = 1; i <= 3; ++i) device().post(signal(map::kData + 4 * i, i));
  device().ring();
  for (std::uint32_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(device().next().seq, i);
    device().wait_state(DeviceState::kStep);
    std::this_thread::sleep_for(1ms);
    EXPECT_EQ(device().r(reg::kCplTail), i);
    EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 4 * i), i);
    EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 4 * (i + 1)), 0u);
    device().w(reg::kCommand, reg::kCommandResume);
  }
  device().wait_state(DeviceState::kIdle);
}

TEST_P(SingleStep, ErrorWithHaltOnErrorIsStateError) {
  device().start(reg::kCtrlSingleStep | reg::kCtrlHaltOnError);
  device().run(broken());
  device().wait_state(DeviceState::kError);
}

TEST_P(SingleStep, ErrorWithoutHaltOnErrorIsStateStep) {
  device().start(reg::kCtrlSingleStep);
  device().post(broken());
  device().send(signal(map::kData, 5));
  EXPECT_EQ(device().next().error, Fault::kBadField);
  device().wait_state(DeviceState::kStep);
  EXPECT_NE(device().r(reg::kIrqStatus) & reg::kIrqStatusError, 0u);
  EXPECT_NE(device().r(reg::kIrqStatus) & reg::kIrqStatusHalt, 0u);
  EXPECT_EQ(device().r(reg::kErrorCode), static_cast<std::uint32_t>(Fault::kBadField));
  device().w(reg::kCommand, reg::kCommandResume);
  EXPECT_EQ(device().next().error, Fault::kNone);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData), 5u);
}

TEST_P(SingleStep, CanBeSwitchedOffWhileHalted) {
  device().start(reg::kCtrlSingleStep);
  for (int i = 0; i < 4; ++i) device().post(abi::NopPacket{});
  device().ring();
  device().wait_state(DeviceState::kStep);
  device().w(reg::kCtrl, reg::kCtrlEnable);
  EXPECT_EQ(device().state(), DeviceState::kStep);
  device().w(reg::kCommand, reg::kCommandResume);
  for (std::uint64_t seq = 1; seq <= 4; ++seq) EXPECT_EQ(device().next().seq, seq);
  device().wait_state(DeviceState::kIdle);
}

TEST_P(Break, StopsBeforeThePacketAfterAllEarlierOnes) {
  device().start();
  device().w64(reg::kBreakSeqLo, 3);
  device().w(reg::kCtrl, reg::kCtrlEnable | reg::kCtrlBreakEnable);
  for (std::uint32_t i = 1; i <= 4; ++i) device().post(signal(map::kData + 4 * i, i));
  device().ring();
  device().wait_state(DeviceState::kBreak);
  EXPECT_EQ(device().r(reg::kCplTail), 2u);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 8), 2u);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 12), 0u);
  EXPECT_NE(device().r(reg::kIrqStatus) & reg::kIrqStatusHalt, 0u);
  device().w(reg::kCommand, reg::kCommandResume);
  device().wait_records(4);
  EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 16), 4u);
  device().wait_state(DeviceState::kIdle);
}

TEST_P(Break, ComparesAllBitsOfTheNumber) {
  device().set_seq(0xffff'ffff);
  device().w64(reg::kBreakSeqLo, 0x2'0000'0000);
  device().w(reg::kCtrl, reg::kCtrlEnable | reg::kCtrlBreakEnable);
  expect_success(device().run(abi::NopPacket{}));  // seq 1'0000'0000
  device().set_seq(0x1'ffff'ffff);
  device().send(abi::NopPacket{});
  device().wait_state(DeviceState::kBreak);
}

TEST_P(Break, GoesWithSingleStep) {
  device().w64(reg::kBreakSeqLo, 2);
  device().w(reg::kCtrl, reg::kCtrlEnable | reg::kCtrlBreakEnable | reg::kCtrlSingleStep);
  for (int i = 0; i < 3; ++i) device().post(abi::NopPacket{});
  device().ring();
  device().wait_state(DeviceState::kStep);
  device().w(reg::kCommand, reg::kCommandResume);
  device().wait_state(DeviceState::kBreak);
  EXPECT_EQ(device().r(reg::kCplTail), 1u);
  device().w(reg::kCommand, reg::kCommandResume);
  device().wait_state(DeviceState::kStep);
  EXPECT_EQ(device().r(reg::kCplTail), 2u);
}

TEST_P(Reset, AbandonsAWaitInFlight) {
  for (const bool hard : {false, true}) {
    device().start();
    device().write_one<std::uint32_t>(map::kData, 0);
    device().post(endless());
    device().send(signal(map::kData + 4, 9));
    device().wait_state(DeviceState::kRunning);
    std::this_thread::sleep_for(2ms);
    EXPECT_EQ(device().r(reg::kCplTail), 0u);
    if (hard) {
      backend().reset();
    }
    device().reset();
    EXPECT_EQ(device().r(reg::kRingHead), 0u);
    EXPECT_EQ(device().r(reg::kRingTail), 0u);
    device().write_one<std::uint32_t>(map::kData, 1);
    std::this_thread::sleep_for(2ms);
    EXPECT_EQ(device().read_one<std::uint32_t>(map::kData + 4), 0u) << "abandoned packets ran";
    EXPECT_EQ(device().r(reg::kCplTail), 0u);
    device().start();
    expect_success(device().run(abi::NopPacket{}));
  }
}

TEST_P(Reset, WorksInEveryHaltState) {
  device().start(reg::kCtrlHaltOnError);
  device().run(broken());
  device().wait_state(DeviceState::kError);
  device().start(reg::kCtrlSingleStep);
  device().run(abi::NopPacket{});
  device().wait_state(DeviceState::kStep);
  device().start();
  device().w64(reg::kBreakSeqLo, 1);
  device().w(reg::kCtrl, reg::kCtrlEnable | reg::kCtrlBreakEnable);
  device().send(abi::NopPacket{});
  device().wait_state(DeviceState::kBreak);
  device().start();
  expect_success(device().run(abi::NopPacket{}));
}

TEST_P(Reset, WithAFullCompletionRing) {
  device().start(0, 16, 2);
  for (int i = 0; i < 8; ++i) device().post(abi::NopPacket{});
  device().ring();
  device().wait_records(2);
  device().start(0, 16, 16);
  expect_success(device().run(abi::NopPacket{}));
}

}  // namespace
}  // namespace tandem::tests

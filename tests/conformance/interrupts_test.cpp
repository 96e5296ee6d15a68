// SPDX-License-Identifier: Apache-2.0
// Interrupt status, mask and level.
#include <gtest/gtest.h>

#include <thread>

#include "conformance/conformance.hpp"

namespace tandem::tests {
namespace {

namespace reg = abi::reg;
using namespace std::chrono_literals;

constexpr auto kLong = 10s;
constexpr auto kShort = 5ms;

TANDEM_CONFORMANCE(Interrupt);

abi::NopPacket flagged() {
  abi::NopPacket nop;
  nop.flags = abi::kFlagIrq;
  return nop;
}

abi::NopPacket broken() {
  abi::NopPacket nop;
  nop.rsvd_16[0] = 1;
  return nop;
}

TEST_P(Interrupt, OnlyFlaggedPacketsRaiseIt) {
  device().w(reg::kIrqMask, 7);
  device().run(abi::NopPacket{});
  EXPECT_FALSE(backend().wait_irq(kShort));
  EXPECT_EQ(device().r(reg::kIrqStatus), 0u);
  device().send(flagged());
  EXPECT_TRUE(backend().wait_irq(kLong));
  EXPECT_EQ(device().r(reg::kIrqStatus), reg::kIrqStatusCompletion);
  EXPECT_EQ(device().r(reg::kCplTail), 2u) << "the completion is there when the line is high";
}

TEST_P(Interrupt, LineIsALevel) {
  device().w(reg::kIrqMask, reg::kIrqStatusCompletion);
  device().send(flagged());
  EXPECT_TRUE(backend().wait_irq(kLong));
  EXPECT_TRUE(backend().wait_irq(0ns)) << "still high";
  device().w(reg::kIrqStatus, reg::kIrqStatusCompletion);
  EXPECT_FALSE(backend().wait_irq(0ns));
}

TEST_P(Interrupt, MaskHidesAndShowsTheSameBit) {
  device().run(flagged());
  device().wait_until([&] { return device().r(reg::kIrqStatus) == 1; }, "COMPLETION");
  EXPECT_FALSE(backend().wait_irq(0ns)) << "mask is 0 after reset";
  device().w(reg::kIrqMask, reg::kIrqStatusError | reg::kIrqStatusHalt);
  EXPECT_FALSE(backend().wait_irq(0ns));
  device().w(reg::kIrqMask, reg::kIrqStatusCompletion);
  EXPECT_TRUE(backend().wait_irq(0ns));
}

TEST_P(Interrupt, ErrorRaisesItWithoutTheFlag) {
  device().w(reg::kIrqMask, 7);
  device().send(broken());
  EXPECT_TRUE(backend().wait_irq(kLong));
  EXPECT_EQ(device().r(reg::kIrqStatus), reg::kIrqStatusError);
}

TEST_P(Interrupt, HaltRaisesIt) {
  device().w(reg::kIrqMask, reg::kIrqStatusHalt);
  device().w(reg::kCtrl, reg::kCtrlEnable | reg::kCtrlSingleStep);
  device().send(abi::NopPacket{});
  EXPECT_TRUE(backend().wait_irq(kLong));
  EXPECT_EQ(device().r(reg::kIrqStatus), reg::kIrqStatusHalt);
  EXPECT_EQ(device().state(), abi::DeviceState::kStep);
}

TEST_P(Interrupt, ClearThenReadAgainMissesNothing) {
  device().w(reg::kIrqMask, reg::kIrqStatusCompletion);
  constexpr std::uint32_t kPackets = 200;
  device().start(0, 256, 256);
  device().w(reg::kIrqMask, reg::kIrqStatusCompletion);
  std::uint32_t seen = 0;
  for (std::uint32_t i = 0; i < kPackets; ++i) device().post(flagged());
  device().ring();
  while (seen < kPackets) {
    device().w(reg::kIrqStatus, reg::kIrqStatusCompletion);
    const std::uint32_t tail = device().r(reg::kCplTail);
    if (tail != seen) {
      seen = tail;
      continue;
    }
    ASSERT_TRUE(backend().wait_irq(kLong)) << "lost after " << seen;
  }
}

TEST_P(Interrupt, WaiterOnAnotherThreadIsWoken) {
  device().w(reg::kIrqMask, reg::kIrqStatusCompletion);
  bool level = false;
  std::thread waiter([&] { level = backend().wait_irq(kLong); });
  std::this_thread::sleep_for(5ms);
  device().send(flagged());
  waiter.join();
  EXPECT_TRUE(level);
}

}  // namespace
}  // namespace tandem::tests

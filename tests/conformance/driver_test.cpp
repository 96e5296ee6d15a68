// SPDX-License-Identifier: Apache-2.0
// The driver on every backend.
#include "tandem/driver/driver.hpp"

#include <gtest/gtest.h>

#include "conformance/conformance.hpp"
#include "support/errors.hpp"
#include "tandem/driver/timeouts.hpp"

namespace tandem::tests {
namespace {

using driver::Driver;
using driver::DriverOptions;
using Waiting = driver::DriverOptions::Waiting;

class ThroughDriver : public Conformance {
 protected:
  Driver& open(DriverOptions options) {
    driver_ = std::make_unique<Driver>(release(), config(), options);
    driver_->start();
    return *driver_;
  }
  void TearDown() override {
    driver_.reset();
    Conformance::TearDown();
  }
  std::unique_ptr<Driver> driver_;
};
TANDEM_CONFORMANCE_FIXTURE(ThroughDriver);

abi::SignalPacket signal(std::uint32_t value) {
  abi::SignalPacket packet;
  packet.elem_bytes = 4;
  packet.addr = map::kData + 4 * (value % 1024);
  packet.value = value;
  return packet;
}

TEST_P(ThroughDriver, ReadsTheCapabilities) {
  const driver::Capabilities& found = open({}).capabilities();
  EXPECT_EQ(found.config_name, config().name);
  EXPECT_EQ(found.abi_hash, abi::kAbiHash);
  EXPECT_EQ(found.ucode_words, config().ucode_words);
}

TEST_P(ThroughDriver, ManyPacketsBothWaysOfWaiting) {
  for (const Waiting waiting : {Waiting::kInterrupt, Waiting::kPoll}) {
    if (driver_) {
      // Opens the device again, as one process after another does.
      driver_.reset();
      SetUp();
    }
    Driver& driver = open({.ring_entries = 16, .doorbell_batch = 5, .waiting = waiting});
    std::uint64_t next = 1;
    driver.set_completion_hook([&](const abi::Packet& packet, const abi::Completion& record) {
      EXPECT_EQ(record.seq, next);
      EXPECT_EQ(packet.seq, next++);
      EXPECT_EQ(record.error, abi::Fault::kNone);
    });
    for (std::uint32_t i = 1; i <= 500; ++i) driver.submit_packet(signal(i));
    driver.wait_all();
    EXPECT_EQ(next, 501u);
    std::vector<std::uint32_t> words(501);
    driver.backend().read(PhysAddr(map::kData), std::as_writable_bytes(std::span(words)));
    for (std::uint32_t i = 1; i <= 500; ++i) EXPECT_EQ(words[i], i);
  }
}

TEST_P(ThroughDriver, FaultIsReportedAndTheDriverGoesOn) {
  Driver& driver = open({});
  abi::SignalPacket bad = signal(1);
  bad.addr = map::kRom + 8;
  driver.submit_packet(signal(7));
  driver.submit_packet(bad);
  driver.submit_packet(signal(8));
  expect_error(ErrorCode::kDeviceFault, {"SIGNAL seq 2: READ_ONLY", "0x300020008", "rom"},
               [&] { driver.wait_all(); });
  EXPECT_EQ(driver.completion(1)->error, abi::Fault::kNone);
  driver.wait(driver.submit_packet(signal(9)));
  EXPECT_EQ(driver.state(), abi::DeviceState::kIdle);
}

TEST_P(ThroughDriver, StuckDeviceIsReportedAndReset) {
  Driver& driver = open({.timeout = driver::progress_timeout() / 600});
  abi::WaitPacket wait;
  wait.addr = map::kData;
  wait.mask = wait.value = 1;
  wait.cycle_limit = ~std::uint64_t{0};
  driver.submit_packet(wait);
  expect_error(ErrorCode::kDeadlineExceeded, {"WAIT seq 1", "RUNNING"}, [&] { driver.wait_all(); });
  driver.wait(driver.submit_packet(abi::NopPacket{}), std::chrono::seconds(10));
}

TEST_P(ThroughDriver, StepAndBreak) {
  Driver& driver = open({});
  driver.set_break(3);
  for (std::uint32_t i = 1; i <= 4; ++i) driver.submit_packet(signal(i));
  EXPECT_EQ(driver.wait_halted_or_idle(), abi::DeviceState::kBreak);
  EXPECT_EQ(driver.poll(), 2u);
  driver.set_single_step(true);
  driver.resume();
  EXPECT_EQ(driver.wait_halted_or_idle(), abi::DeviceState::kStep);
  EXPECT_EQ(driver.poll(), 3u);
  driver.set_single_step(false);
  driver.resume();
  driver.wait_all();
}

}  // namespace
}  // namespace tandem::tests

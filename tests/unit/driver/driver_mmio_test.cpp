// SPDX-License-Identifier: Apache-2.0
// The exact register and memory accesses of the driver, and nothing else.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "mock_backend.hpp"
#include "support/errors.hpp"
#include "tandem/driver/driver.hpp"

namespace tandem::driver {
namespace {

namespace reg = abi::reg;
using testing::_;
using testing::InSequence;
using testing::Return;
using testing::StrictMock;
using tests::expect_error;

constexpr std::uint64_t kRing = 0x8000'0000;
constexpr std::uint32_t kEntries = 4;
constexpr std::uint64_t kCompletions = kRing + kEntries * 256;
constexpr std::uint32_t kIdle = static_cast<std::uint32_t>(abi::DeviceState::kIdle);
constexpr std::uint32_t kRunning = static_cast<std::uint32_t>(abi::DeviceState::kRunning);
constexpr std::uint32_t kHalted = static_cast<std::uint32_t>(abi::DeviceState::kError);

DeviceConfig config() {
  DeviceConfig config;
  config.regions = {{"commands", PhysAddr(kRing), 0x10000, true},
                    {"rom", PhysAddr(0x1'0000'2000), 0x3000, false}};
  return config;
}

class DriverMmio : public testing::Test {
 protected:
  DriverMmio() : mock_(new StrictMock<MockBackend>) {}

  Driver& open(DriverOptions options) {
    options.ring_entries = kEntries;
    driver_ = std::make_unique<Driver>(std::unique_ptr<Backend>(mock_), config(), options);
    return *driver_;
  }

  void expect_read(std::uint32_t offset, std::uint32_t value) {
    EXPECT_CALL(*mock_, read32(offset)).WillOnce(Return(value));
  }
  void expect_write(std::uint32_t offset, std::uint32_t value) {
    EXPECT_CALL(*mock_, write32(offset, value));
  }
  void expect_reset() { EXPECT_CALL(*mock_, reset()); }

  void expect_identity() {
    expect_read(reg::kMagic, 0x4d444e54);
    expect_read(reg::kAbiVersion, abi::kAbiVersion);
    expect_read(reg::kAbiHashLo, static_cast<std::uint32_t>(abi::kAbiHash));
    expect_read(reg::kAbiHashHi, static_cast<std::uint32_t>(abi::kAbiHash >> 32));
    expect_read(reg::kArrayRows, 4);
    expect_read(reg::kArrayCols, 8);
    expect_read(reg::kVectorLanes, 16);
    expect_read(reg::kVectorLength, 64);
    expect_read(reg::kUcodeWords, 1024);
    expect_read(reg::kAxiDataBits, 128);
    expect_read(reg::kFeatures, reg::kFeaturesTimed);
    expect_read(reg::kConfigName0, 0x796e6974);
    expect_read(reg::kConfigName1, 0);
  }

  void expect_bring_up(std::uint32_t irq_mask) {
    expect_reset();
    expect_read(reg::kStatus, 0);
    expect_write(reg::kRegionBase + reg::kRegionBaseLo, 0x8000'0000);
    expect_write(reg::kRegionBase + reg::kRegionBaseHi, 0);
    expect_write(reg::kRegionBase + reg::kRegionSizeLo, 0x10000);
    expect_write(reg::kRegionBase + reg::kRegionSizeHi, 0);
    expect_write(reg::kRegionBase + reg::kRegionAttr, 3);
    const std::uint32_t second = reg::kRegionBase + reg::kRegionStride;
    expect_write(second + reg::kRegionBaseLo, 0x2000);
    expect_write(second + reg::kRegionBaseHi, 1);
    expect_write(second + reg::kRegionSizeLo, 0x3000);
    expect_write(second + reg::kRegionSizeHi, 0);
    expect_write(second + reg::kRegionAttr, 1);
    expect_write(reg::kRingBaseLo, kRing);
    expect_write(reg::kRingBaseHi, 0);
    expect_write(reg::kRingEntries, kEntries);
    expect_write(reg::kCplBaseLo, kCompletions);
    expect_write(reg::kCplBaseHi, 0);
    expect_write(reg::kCplEntries, kEntries);
    expect_write(reg::kIrqMask, irq_mask);
    expect_write(reg::kCtrl, reg::kCtrlEnable | reg::kCtrlHaltOnError);
    expect_read(reg::kStatus, kIdle);
  }

  /// Packets [first, last] go to `slot` in one write.
  void expect_packets(std::uint32_t slot, std::uint64_t first, std::uint64_t last,
                      bool irq_on_last) {
    EXPECT_CALL(*mock_, write(PhysAddr(kRing + slot * 256), _))
        .WillOnce([=](PhysAddr, std::span<const std::byte> bytes) {
          ASSERT_EQ(bytes.size(), (last - first + 1) * 256);
          for (std::uint64_t seq = first; seq <= last; ++seq) {
            abi::Packet packet;
            std::memcpy(static_cast<void*>(&packet), bytes.data() + (seq - first) * 256, 256);
            EXPECT_EQ(packet.seq, seq);
            EXPECT_EQ(packet.opcode, abi::Opcode::kNop);
            EXPECT_EQ(packet.flags, irq_on_last && seq == last ? 1 : 0) << "seq " << seq;
          }
        });
  }

  void expect_records(std::uint32_t slot, std::vector<abi::Completion> records) {
    EXPECT_CALL(*mock_, read(PhysAddr(kCompletions + slot * 64), _))
        .WillOnce([=](PhysAddr, std::span<std::byte> bytes) {
          ASSERT_EQ(bytes.size(), records.size() * 64);
          std::memcpy(bytes.data(), records.data(), bytes.size());
        });
  }

  /// What goes into a message about the state.
  void expect_state_reads() {
    for (const std::uint32_t offset : {reg::kStatus, reg::kRingHead, reg::kRingTail, reg::kCplHead,
                                       reg::kCplTail, reg::kErrorCode}) {
      expect_read(offset, 0);
    }
  }

  static abi::Completion done(std::uint64_t seq, std::uint64_t checksum = 0) {
    abi::Completion record;
    record.seq = seq;
    record.opcode = static_cast<std::uint8_t>(abi::Opcode::kNop);
    record.checksum = checksum;
    return record;
  }

  Driver& start(DriverOptions options, std::uint32_t irq_mask) {
    Driver& driver = open(options);
    expect_identity();
    expect_bring_up(irq_mask);
    driver.start();
    return driver;
  }

  InSequence sequence_;
  StrictMock<MockBackend>* mock_;  // owned by the driver
  std::unique_ptr<Driver> driver_;
};

constexpr DriverOptions kPolling{.waiting = DriverOptions::Waiting::kPoll};
constexpr DriverOptions kInterrupts{.waiting = DriverOptions::Waiting::kInterrupt};

TEST_F(DriverMmio, StartReadsIdentityThenWritesMapAndRings) {
  Driver& driver = start(kInterrupts, 7);
  const Capabilities& found = driver.capabilities();
  EXPECT_EQ(found.array_rows, 4u);
  EXPECT_EQ(found.vector_length, 64u);
  EXPECT_EQ(found.ucode_words, 1024u);
  EXPECT_EQ(found.config_name, "tiny");
  EXPECT_TRUE(found.timed);
  expect_reset();
}

TEST_F(DriverMmio, PollingMasksTheInterrupt) {
  start(kPolling, 0);
  expect_reset();
}

TEST_F(DriverMmio, StaleDeviceIsRefusedBeforeAnythingIsWritten) {
  Driver& driver = open(kPolling);
  expect_read(reg::kMagic, abi::kMagic);
  expect_read(reg::kAbiVersion, abi::kAbiVersion);
  expect_read(reg::kAbiHashLo, 0x1234);
  expect_read(reg::kAbiHashHi, 0x5678);
  expect_error(ErrorCode::kMismatch,
               {"device mock", "ABI_HASH is 0000567800001234",
                fmt::format("{:016x}", abi::kAbiHash), "same specification"},
               [&] { driver.start(); });
}

TEST_F(DriverMmio, OtherAbiVersionIsRefused) {
  Driver& driver = open(kPolling);
  expect_read(reg::kMagic, abi::kMagic);
  expect_read(reg::kAbiVersion, 77);
  expect_error(ErrorCode::kMismatch, {"ABI_VERSION is 77, this driver needs 1"},
               [&] { driver.start(); });
}

TEST_F(DriverMmio, OtherMagicIsRefused) {
  Driver& driver = open(kPolling);
  expect_read(reg::kMagic, 0xffffffff);
  expect_error(ErrorCode::kMismatch, {"MAGIC is 0xffffffff, this driver needs 0x4d444e54"},
               [&] { driver.start(); });
}

TEST_F(DriverMmio, OneDoorbellAnnouncesABatch) {
  Driver& driver = start({.doorbell_batch = 100, .waiting = DriverOptions::Waiting::kPoll}, 0);
  for (int i = 0; i < 3; ++i) driver.submit_packet(abi::NopPacket{});
  expect_packets(0, 1, 3, /*irq_on_last=*/false);
  expect_write(reg::kRingTail, 3);
  driver.flush();
  driver.flush();  // nothing new, no access
  expect_reset();
}

TEST_F(DriverMmio, FullBatchRingsTheDoorbellByItself) {
  Driver& driver = start({.doorbell_batch = 2, .waiting = DriverOptions::Waiting::kInterrupt}, 7);
  driver.submit_packet(abi::NopPacket{});
  expect_packets(0, 1, 2, /*irq_on_last=*/true);
  expect_write(reg::kRingTail, 2);
  driver.submit_packet(abi::NopPacket{});
  expect_reset();
}

TEST_F(DriverMmio, CompletionsAreReadInBulkAndAcknowledgedOnce) {
  Driver& driver = start({.doorbell_batch = 4, .waiting = DriverOptions::Waiting::kPoll}, 0);
  expect_packets(0, 1, 3, false);
  expect_write(reg::kRingTail, 3);
  expect_read(reg::kCplTail, 2);
  expect_records(0, {done(1, 11), done(2, 22)});
  expect_write(reg::kCplHead, 2);
  for (int i = 0; i < 3; ++i) driver.submit_packet(abi::NopPacket{});
  EXPECT_EQ(driver.poll(), 2u);
  EXPECT_EQ(driver.completion(2)->checksum, 22u);
  EXPECT_FALSE(driver.completion(3));
  expect_reset();
}

TEST_F(DriverMmio, RingsWrapInTwoPieces) {
  Driver& driver = start({.doorbell_batch = 4, .waiting = DriverOptions::Waiting::kPoll}, 0);
  expect_packets(0, 1, 3, false);
  expect_write(reg::kRingTail, 3);
  expect_read(reg::kCplTail, 3);
  expect_records(0, {done(1), done(2), done(3)});
  expect_write(reg::kCplHead, 3);
  for (int i = 0; i < 3; ++i) driver.submit_packet(abi::NopPacket{});
  driver.poll();
  expect_packets(3, 4, 4, false);
  expect_packets(0, 5, 6, false);
  expect_write(reg::kRingTail, 6);
  expect_read(reg::kCplTail, 6);
  expect_records(3, {done(4)});
  expect_records(0, {done(5), done(6)});
  expect_write(reg::kCplHead, 6);
  for (int i = 0; i < 3; ++i) driver.submit_packet(abi::NopPacket{});
  EXPECT_EQ(driver.poll(), 6u);
  expect_reset();
}

TEST_F(DriverMmio, WaiterClearsTheInterruptLooksAgainAndOnlyThenSleeps) {
  Driver& driver = start(kInterrupts, 7);
  expect_packets(0, 1, 1, true);
  expect_write(reg::kRingTail, 1);
  EXPECT_CALL(*mock_, read32(reg::kCplTail)).WillRepeatedly(Return(0));  // polls for a while
  expect_write(reg::kIrqStatus, 7);
  expect_read(reg::kCplTail, 0);
  expect_read(reg::kStatus, kRunning);
  EXPECT_CALL(*mock_, wait_irq(_)).WillOnce(Return(true));
  expect_read(reg::kCplTail, 1);
  expect_records(0, {done(1)});
  expect_write(reg::kCplHead, 1);
  driver.wait(driver.submit_packet(abi::NopPacket{}));
  expect_reset();
}

TEST_F(DriverMmio, CompletionThatArrivesBeforeTheSleepIsNotMissed) {
  Driver& driver = start(kInterrupts, 7);
  expect_packets(0, 1, 1, true);
  expect_write(reg::kRingTail, 1);
  EXPECT_CALL(*mock_, read32(reg::kCplTail)).WillRepeatedly(Return(0));
  expect_write(reg::kIrqStatus, 7);
  expect_read(reg::kCplTail, 1);
  expect_records(0, {done(1)});
  expect_write(reg::kCplHead, 1);
  driver.wait(driver.submit_packet(abi::NopPacket{}));
  expect_reset();
}

TEST_F(DriverMmio, FaultResetsAndStartsTheDevice) {
  Driver& driver = start(kPolling, 0);
  driver.set_op_name_hook([](std::uint64_t seq) { return "layer." + std::to_string(seq); });
  abi::Completion bad = done(1);
  bad.error = abi::Fault::kBadField;
  bad.fault_addr = 200;
  driver.submit_packet(abi::NopPacket{});
  driver.submit_packet(abi::NopPacket{});
  expect_packets(0, 1, 2, false);
  expect_write(reg::kRingTail, 2);
  expect_read(reg::kCplTail, 1);
  expect_records(0, {bad});
  expect_write(reg::kCplHead, 1);
  expect_read(reg::kStatus, kHalted);
  expect_read(reg::kCplTail, 1);
  expect_bring_up(0);
  expect_error(ErrorCode::kDeviceFault,
               {"NOP seq 1: BAD_FIELD", "byte 200", "op layer.1", "the device was reset",
                "1 later packets were abandoned"},
               [&] { driver.poll(); });
  EXPECT_EQ(driver.epoch(), 1u);
  EXPECT_EQ(driver.completed(), 2u);
  expect_error(ErrorCode::kDeviceFault, {"packet seq 2 never ran", "the fault of packet seq 1"},
               [&] { driver.wait(2); });
  // Counts start again at slot 0, sequence numbers go on.
  expect_packets(0, 3, 3, false);
  expect_write(reg::kRingTail, 1);
  EXPECT_EQ(driver.submit_packet(abi::NopPacket{}), 3u);
  driver.flush();
  expect_reset();
}

TEST_F(DriverMmio, WrongSequenceNumberInARecordIsReported) {
  Driver& driver = start(kPolling, 0);
  driver.submit_packet(abi::NopPacket{});
  expect_packets(0, 1, 1, false);
  expect_write(reg::kRingTail, 1);
  expect_read(reg::kCplTail, 1);
  expect_records(0, {done(9)});
  expect_state_reads();
  expect_bring_up(0);
  expect_error(ErrorCode::kDeviceFault,
               {"device mock broke the ring protocol", "packet seq 1 holds seq 9"},
               [&] { driver.poll(); });
  expect_reset();
}

TEST_F(DriverMmio, CountBeyondWhatWasSubmittedIsReported) {
  Driver& driver = start(kPolling, 0);
  driver.submit_packet(abi::NopPacket{});
  expect_packets(0, 1, 1, false);
  expect_write(reg::kRingTail, 1);
  expect_read(reg::kCplTail, 3);
  expect_state_reads();
  expect_bring_up(0);
  expect_error(ErrorCode::kDeviceFault, {"CPL_TAIL is 3, expected at most 1"},
               [&] { driver.poll(); });
  expect_reset();
}

}  // namespace
}  // namespace tandem::driver

// SPDX-License-Identifier: Apache-2.0
// Behaviour of the driver on an in-process device.
#include "tandem/driver/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

#include "support/errors.hpp"
#include "support/raw_device.hpp"
#include "tandem/driver/in_process_backend.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::driver {
namespace {

namespace map = tests::map;
using abi::DeviceState;
using abi::Fault;
using tests::expect_error;
using namespace std::chrono_literals;

/// FILL succeeds, at once or when the test lets it.
class FillEngine final : public Engine {
 public:
  explicit FillEngine(std::atomic<bool>& hold) : hold_(hold) {}
  std::optional<abi::Engine> engine_for(std::uint8_t opcode) const override {
    if (opcode != static_cast<std::uint8_t>(abi::Opcode::kFill)) return std::nullopt;
    return abi::Engine::kDma;
  }
  void execute(const abi::Packet& packet, const abi::OperandList&, const ExecutionContext& context,
               ExecutionResult& result) override {
    while (hold_ && !context.cancelled) std::this_thread::yield();
    result.checksum = 100 + packet.seq;
  }

 private:
  std::atomic<bool>& hold_;
};

/// A device without a host window, as one behind a bus.
class RemoteBackend final : public InProcessBackend {
 public:
  using InProcessBackend::InProcessBackend;
  std::span<std::byte> window(PhysAddr, std::uint64_t) override { return {}; }
};

struct Variant {
  const char* name;
  DriverOptions::Waiting waiting;
  bool remote;
};

class DriverBehaviour : public testing::TestWithParam<Variant> {
 protected:
  Driver& open(DriverOptions options = {}) {
    options.waiting = GetParam().waiting;
    auto engine = std::make_unique<FillEngine>(hold_);
    const DeviceConfig config = tests::test_config();
    std::unique_ptr<Backend> backend;
    if (GetParam().remote) {
      backend = std::make_unique<RemoteBackend>("fill", config, std::move(engine));
    } else {
      backend = std::make_unique<InProcessBackend>("fill", config, std::move(engine));
    }
    driver_ = std::make_unique<Driver>(std::move(backend), config, options);
    driver_->start();
    return *driver_;
  }

  static abi::FillPacket fill() {
    abi::FillPacket packet;
    packet.extent0 = packet.extent1 = packet.extent2 = packet.extent3 = 1;
    packet.elem_bytes = 4;
    packet.dst_addr = map::kData;
    return packet;
  }
  static abi::FillPacket bad_fill() {
    abi::FillPacket packet = fill();
    packet.dst_addr = map::kHole;
    return packet;
  }

  std::atomic<bool> hold_{false};
  std::unique_ptr<Driver> driver_;
};

TEST_P(DriverBehaviour, ManyPacketsThroughASmallRing) {
  Driver& driver = open({.ring_entries = 8, .doorbell_batch = 3});
  std::vector<std::uint64_t> seqs;
  driver.set_completion_hook([&](const abi::Packet& packet, const abi::Completion& record) {
    EXPECT_EQ(packet.seq, record.seq);
    EXPECT_EQ(record.checksum, 100 + record.seq);
    seqs.push_back(record.seq);
  });
  constexpr std::uint64_t kPackets = 1000;
  for (std::uint64_t i = 1; i <= kPackets; ++i) EXPECT_EQ(driver.submit_packet(fill()), i);
  driver.wait_all();
  ASSERT_EQ(seqs.size(), kPackets);
  for (std::uint64_t i = 0; i < kPackets; ++i) EXPECT_EQ(seqs[i], i + 1);
  EXPECT_EQ(driver.completed(), kPackets);
  EXPECT_EQ(driver.completion(kPackets)->checksum, 100 + kPackets);
}

TEST_P(DriverBehaviour, BatchesGetConsecutiveNumbers) {
  Driver& driver = open();
  std::vector<abi::Packet> packets(5, abi::to_packet(abi::NopPacket{}));
  EXPECT_EQ(driver.submit(packets), 5u);
  for (std::size_t i = 0; i < packets.size(); ++i) EXPECT_EQ(packets[i].seq, i + 1);
  EXPECT_EQ(driver.submit(std::span<abi::Packet>{}), 0u);
  driver.wait(5);
}

TEST_P(DriverBehaviour, NumbersCanGoOnFurtherUp) {
  Driver& driver = open({.ring_entries = 4, .doorbell_batch = 1});
  abi::FillPacket packet = fill();
  for (int i = 0; i < 3; ++i) driver.submit_packet(packet);
  driver.wait_all();
  driver.set_next_seq(1000);
  EXPECT_EQ(driver.completed(), 999u);
  for (std::uint64_t seq = 1000; seq < 1010; ++seq) EXPECT_EQ(driver.submit_packet(packet), seq);
  driver.wait_all();
  EXPECT_EQ(driver.completion(1005)->checksum, 1105u);
  expect_error(ErrorCode::kInvalidArgument, {"cannot be seq 1009"},
               [&] { driver.set_next_seq(1009); });
  hold_ = true;
  driver.submit_packet(packet);
  expect_error(ErrorCode::kInvalidArgument, {"1010 are submitted, 1009 complete"},
               [&] { driver.set_next_seq(2000); });
  hold_ = false;
  driver.wait_all();
}

TEST_P(DriverBehaviour, PollNeverWaits) {
  Driver& driver = open();
  hold_ = true;
  driver.submit_packet(fill());
  EXPECT_EQ(driver.poll(), 0u);
  hold_ = false;
  driver.wait(1);
  EXPECT_EQ(driver.poll(), 1u);
}

TEST_P(DriverBehaviour, SequenceNumberZeroIsCompleteAndFutureOnesAreRefused) {
  Driver& driver = open();
  driver.wait(0);
  expect_error(ErrorCode::kInvalidArgument, {"seq 4", "last one submitted is seq 0"},
               [&] { driver.wait(4); });
}

TEST_P(DriverBehaviour, FaultTextNamesPacketOpAndRegions) {
  Driver& driver = open();
  driver.set_op_name_hook([](std::uint64_t) { return std::string("layers.3.fill"); });
  driver.submit_packet(fill());
  driver.submit_packet(bad_fill());
  driver.submit_packet(fill());
  expect_error(
      ErrorCode::kDeviceFault,
      {"FILL seq 2: UNMAPPED", "0x700000000", "op layers.3.fill",
       "regions are commands [0x80000000, 0x80200000)", "rom", "read-only", "the device was reset"},
      [&] { driver.wait_all(); });
  EXPECT_EQ(driver.epoch(), 1u);
  // The same driver goes on; numbers are not used twice.
  const std::uint64_t next = driver.submit_packet(fill());
  EXPECT_EQ(next, 4u);
  driver.wait(next);
  EXPECT_EQ(driver.completion(next)->error, Fault::kNone);
  EXPECT_EQ(driver.completion(2)->error, Fault::kUnmapped);
}

TEST_P(DriverBehaviour, MemorySurvivesTheResetAfterAFault) {
  Driver& driver = open();
  const std::uint32_t value = 0x12345678;
  driver.backend().write(PhysAddr(map::kData), std::as_bytes(std::span(&value, 1)));
  driver.submit_packet(bad_fill());
  EXPECT_THROW(driver.wait_all(), Error);
  std::uint32_t found = 0;
  driver.backend().read(PhysAddr(map::kData), std::as_writable_bytes(std::span(&found, 1)));
  EXPECT_EQ(found, value);
}

TEST_P(DriverBehaviour, HeldFaultIsInspectedAndResumed) {
  Driver& driver = open({.on_fault = DriverOptions::OnFault::kHold});
  driver.submit_packet(bad_fill());
  driver.submit_packet(fill());
  expect_error(ErrorCode::kDeviceFault, {"FILL seq 1", "left as it is"},
               [&] { driver.wait_all(); });
  EXPECT_EQ(driver.state(), DeviceState::kError);
  EXPECT_THAT(driver.dump_registers(), testing::HasSubstr("ERROR_CODE           0x00000007"));
  expect_error(ErrorCode::kDeviceFault, {"halted by an earlier fault", "FILL seq 1"},
               [&] { driver.wait_all(); });
  driver.resume();
  driver.wait_all();
  EXPECT_EQ(driver.completion(2)->error, Fault::kNone);
  EXPECT_EQ(driver.epoch(), 0u);
}

TEST_P(DriverBehaviour, DeadlineNamesPacketStateAndRings) {
  Driver& driver = open({.timeout = 100ms});
  abi::WaitPacket wait;
  wait.addr = map::kData;
  wait.mask = wait.value = 1;
  wait.cycle_limit = ~std::uint64_t{0};
  driver.submit_packet(wait);
  driver.submit_packet(fill());
  expect_error(ErrorCode::kDeadlineExceeded,
               {"packet seq 2 did not complete", "no completion for 0.100 s", "WAIT seq 1",
                "STATUS 0x2 (RUNNING)", "RING_HEAD 1", "RING_TAIL 2", "CPL_TAIL 0",
                "the device was reset", "TANDEM_TIMEOUT_S"},
               [&] { driver.wait_all(); });
  driver.wait(driver.submit_packet(fill()));
}

TEST_P(DriverBehaviour, LimitOfTheCallerLeavesTheDeviceRunning) {
  Driver& driver = open();
  hold_ = true;
  const std::uint64_t seq = driver.submit_packet(fill());
  expect_error(ErrorCode::kDeadlineExceeded, {"seq 1", "0.020 s", "the device goes on"},
               [&] { driver.wait(seq, 20ms); });
  hold_ = false;
  driver.wait(seq);
  EXPECT_EQ(driver.epoch(), 0u);
}

TEST_P(DriverBehaviour, ProgressRenewsTheDeadline) {
  Driver& driver = open({.timeout = 300ms});
  hold_ = true;
  for (int i = 0; i < 8; ++i) driver.submit_packet(fill());
  std::thread releaser([&] {
    std::this_thread::sleep_for(100ms);
    hold_ = false;
  });
  driver.wait_all();
  releaser.join();
  EXPECT_EQ(driver.epoch(), 0u);
}

TEST_P(DriverBehaviour, SingleStepAndResume) {
  Driver& driver = open();
  driver.set_single_step(true);
  for (int i = 0; i < 3; ++i) driver.submit_packet(fill());
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    EXPECT_EQ(driver.wait_halted_or_idle(), DeviceState::kStep);
    driver.poll();
    EXPECT_EQ(driver.completed(), seq);
    if (seq < 3) {
      expect_error(ErrorCode::kUnavailable, {"halted", "STEP", "resume"},
                   [&] { driver.wait_all(); });
    }
    driver.resume();
  }
  EXPECT_EQ(driver.wait_halted_or_idle(), DeviceState::kIdle);
}

TEST_P(DriverBehaviour, BreakStopsBeforeThePacket) {
  Driver& driver = open();
  driver.set_break(3);
  for (int i = 0; i < 4; ++i) driver.submit_packet(fill());
  EXPECT_EQ(driver.wait_halted_or_idle(), DeviceState::kBreak);
  EXPECT_EQ(driver.poll(), 2u);
  driver.resume();
  driver.wait_all();
  driver.set_break(std::nullopt);
}

TEST_P(DriverBehaviour, RestartAbandonsWhatIsPending) {
  Driver& driver = open();
  hold_ = true;
  const std::uint64_t seq = driver.submit_packet(fill());
  driver.flush();
  driver.restart();
  hold_ = false;
  EXPECT_EQ(driver.epoch(), 1u);
  expect_error(ErrorCode::kDeviceFault, {"packet seq 1 never ran", "a restart", "submit it again"},
               [&] { driver.wait(seq); });
  driver.wait(driver.submit_packet(fill()));
}

TEST_P(DriverBehaviour, DeviceResetBehindItsBackIsReported) {
  Driver& driver = open({.timeout = 200ms});
  driver.backend().reset();
  driver.submit_packet(fill());
  expect_error(ErrorCode::kDeviceFault, {"stands still", "DISABLED", "FILL seq 1"},
               [&] { driver.wait_all(); });
  driver.wait(driver.submit_packet(fill()));
}

TEST_P(DriverBehaviour, HookThatThrowsLosesNoCompletion) {
  Driver& driver = open();
  int calls = 0;
  driver.set_completion_hook([&](const abi::Packet&, const abi::Completion&) {
    if (++calls == 2) throw std::runtime_error("hook");
  });
  for (int i = 0; i < 5; ++i) driver.submit_packet(fill());
  EXPECT_THROW(driver.wait_all(), std::runtime_error);
  driver.wait_all();
  EXPECT_EQ(calls, 5);
}

INSTANTIATE_TEST_SUITE_P(
    Variants, DriverBehaviour,
    testing::Values(Variant{"Interrupt", DriverOptions::Waiting::kInterrupt, false},
                    Variant{"Poll", DriverOptions::Waiting::kPoll, false},
                    Variant{"InterruptRemote", DriverOptions::Waiting::kInterrupt, true}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(DriverOptionsTest, BadOnesAreRefused) {
  const auto open = [](DeviceConfig config, DriverOptions options) {
    return [=] { Driver driver(nullptr, config, options); };
  };
  const ErrorCode bad = ErrorCode::kInvalidArgument;
  const DeviceConfig good = tests::test_config();
  expect_error(bad, {"ring_entries is 100", "power of two"}, open(good, {.ring_entries = 100}));
  expect_error(bad, {"ring_entries is 1"}, open(good, {.ring_entries = 1}));
  expect_error(bad, {"no region \"rings\"", "commands data low high rom"},
               open(good, {.ring_region = "rings"}));
  expect_error(bad, {"region rom", "read-only"}, open(good, {.ring_region = "rom"}));
  expect_error(bad, {"region low (65536 bytes", "1024 entries need 327680"},
               open(good, {.ring_region = "low"}));
  expect_error(bad, {"no backend"}, open(good, {}));
  DeviceConfig config = good;
  config.regions[1].base = PhysAddr(0x1001);
  expect_error(bad, {"region data at 0x1001", "multiples of 4096"}, open(config, {}));
  config = good;
  config.regions[2].base = config.regions[1].base;
  expect_error(bad, {"overlaps region"}, open(config, {}));
  config.regions.resize(17, good.regions[0]);
  expect_error(bad, {"one too many: a device has 16"}, open(config, {}));
}

/// Shows completions only after the driver has cleared the interrupt, which it does before it
/// sleeps.
class LateBackend final : public InProcessBackend {
 public:
  using InProcessBackend::InProcessBackend;
  std::uint32_t read32(std::uint32_t offset) override {
    if (offset == abi::reg::kCplTail && hidden_) return *hidden_;
    return InProcessBackend::read32(offset);
  }
  void write32(std::uint32_t offset, std::uint32_t value) override {
    if (offset == abi::reg::kRingTail) hidden_ = read32(abi::reg::kCplTail);
    if (offset == abi::reg::kIrqStatus && hidden_) {
      while (InProcessBackend::read32(abi::reg::kCplTail) == *hidden_) std::this_thread::yield();
      hidden_.reset();
    }
    InProcessBackend::write32(offset, value);
  }

 private:
  std::optional<std::uint32_t> hidden_;
};

TEST(DriverFaults, OneThatIsCollectedBeforeSleepingSurfacesFromThatWait) {
  std::atomic<bool> hold{false};
  const DeviceConfig config = tests::test_config();
  Driver driver(std::make_unique<LateBackend>("late", config, std::make_unique<FillEngine>(hold)),
                config);
  driver.start();
  const std::uint64_t seq = driver.submit_packet(abi::CopyPacket{});
  expect_error(ErrorCode::kDeviceFault, {"COPY seq 1: UNKNOWN_OPCODE"}, [&] { driver.wait(seq); });
  driver.wait(driver.submit_packet(abi::NopPacket{}));
}

TEST(DriverOptionsTest, DriverMustBeStarted) {
  std::atomic<bool> hold{false};
  const DeviceConfig config = tests::test_config();
  Driver driver(
      std::make_unique<InProcessBackend>("fill", config, std::make_unique<FillEngine>(hold)),
      config);
  EXPECT_FALSE(driver.started());
  expect_error(ErrorCode::kUnavailable, {"not started"},
               [&] { driver.submit_packet(abi::NopPacket{}); });
  expect_error(ErrorCode::kUnavailable, {"not started"}, [&] { driver.wait(0); });
}

}  // namespace
}  // namespace tandem::driver

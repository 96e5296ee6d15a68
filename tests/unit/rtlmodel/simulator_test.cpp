// SPDX-License-Identifier: Apache-2.0
// The thread, the clock and the watchdog around a device model that is a few lines of C++.
#include "tandem/rtlmodel/simulator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"

namespace tandem::rtlmodel {
namespace {

namespace reg = abi::reg;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kRing = 0x8000'0000;
constexpr std::uint64_t kCompletions = 0x8001'0000;

enum class Behaviour { kWorks, kHangs, kFails };

/// What the tests look at from outside; survives the model.
struct Log {
  std::vector<std::string> events;
  std::atomic<Behaviour> behaviour{Behaviour::kWorks};
  std::atomic<std::uint64_t> cycles{0};
  int models = 0;
};

/// Completes the packets up to the doorbell, one every 100 cycles.
class FakeModel final : public DeviceModel {
 public:
  FakeModel(driver::SparseRam& ram, Log& log) : ram_(ram), log_(log) { ++log.models; }

  void reset() override { registers_.clear(); }
  std::uint32_t read32(std::uint32_t offset) override {
    log_.cycles += 4;
    if (offset != reg::kStatus) return registers_[offset];
    const bool running = registers_[reg::kRingTail] != registers_[reg::kCplTail];
    return static_cast<std::uint32_t>(running ? abi::DeviceState::kRunning
                                              : abi::DeviceState::kIdle);
  }
  void write32(std::uint32_t offset, std::uint32_t value) override {
    log_.cycles += 4;
    registers_[offset] = value;
  }
  void run(std::uint64_t cycles, const std::atomic<unsigned>& stop) override {
    if (log_.behaviour == Behaviour::kFails) throw Error(ErrorCode::kInternal, "assertion");
    for (; cycles > 0 && stop == 0; --cycles) {
      ++log_.cycles;
      if (registers_[reg::kRingTail] == registers_[reg::kCplTail] ||
          log_.behaviour == Behaviour::kHangs || ++work_ % 100 != 0) {
        continue;
      }
      complete();
      return;
    }
  }
  bool irq() const override { return irq_; }
  std::uint64_t cycle() const override { return log_.cycles; }
  bool memory_idle() const override { return true; }
  const AxiCounts& counts() const override { return counts_; }
  std::string describe() const override { return "  m_axi_ar waits for ready\n"; }
  void set_observer(AxiObserver* observer) override { observer_ = observer; }
  void set_tracing(bool on) override { log_.events.push_back(on ? "trace on" : "trace off"); }
  void save(const std::filesystem::path&) override { log_.events.push_back("save"); }
  void restore(const std::filesystem::path&) override { log_.events.push_back("restore"); }

 private:
  void complete() {
    const std::uint32_t n = registers_[reg::kCplTail];
    const std::uint64_t slot = kRing + n % 16 * 256;
    const std::uint64_t record = kCompletions + n % 16 * 64;
    for (unsigned half = 0; half < 2; ++half) {
      const std::uint64_t addr = slot + half * 128;
      observer_->read_begins({.addr = addr, .host = ram_.pointer(addr, 128), .len = 1});
    }
    std::uint64_t seq = 0;
    std::memcpy(&seq, ram_.pointer(slot + 8, 8), 8);
    log_.events.push_back("packet " + std::to_string(seq));
    std::memcpy(ram_.pointer(record, 8), &seq, 8);
    observer_->write_ends({.addr = record, .host = ram_.pointer(record, 64)});
    ++counts_.read_beats;
    registers_[reg::kCplTail] = n + 1;
    irq_ = true;
  }

  driver::SparseRam& ram_;
  Log& log_;
  AxiObserver* observer_ = nullptr;
  std::map<std::uint32_t, std::uint32_t> registers_;
  AxiCounts counts_;
  std::uint64_t work_ = 0;
  bool irq_ = false;
};

class SimulatorTest : public testing::Test {
 protected:
  void start(SimulatorOptions options = {}) {
    simulator = std::make_unique<Simulator>(
        [this] { return std::make_unique<FakeModel>(ram, log); }, ram, options);
    simulator->write32(reg::kRingBaseLo, static_cast<std::uint32_t>(kRing));
    simulator->write32(reg::kRingEntries, 16);
    simulator->write32(reg::kCplBaseLo, static_cast<std::uint32_t>(kCompletions));
    simulator->write32(reg::kCplEntries, 16);
  }
  /// Packets with the sequence numbers 1 to `count`.
  void submit(std::uint32_t count) {
    for (std::uint64_t seq = 1; seq <= count; ++seq) {
      abi::NopPacket packet;
      packet.seq = seq;
      ram.write(kRing + (seq - 1) % 16 * 256, std::as_bytes(std::span(&packet, 1)));
    }
    simulator->write32(reg::kRingTail, count);
  }
  void wait_completed(std::uint32_t count) {
    for (int i = 0; i < 20'000 && simulator->read32(reg::kCplTail) != count; ++i) {
      std::this_thread::sleep_for(100us);
    }
    ASSERT_EQ(simulator->read32(reg::kCplTail), count);
  }
  void wait_stopped() {
    for (int i = 0; i < 20'000 && simulator->clocking(); ++i) std::this_thread::sleep_for(100us);
    ASSERT_FALSE(simulator->clocking());
  }
  template <class Act>
  std::string error_of(Act&& act) {
    try {
      act();
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  }

  driver::SparseRam ram{{{kRing, 0x20000}}};
  Log log;
  std::unique_ptr<Simulator> simulator;
};

TEST_F(SimulatorTest, IdleDeviceStandsStill) {
  start();
  submit(3);
  wait_completed(3);
  wait_stopped();
  const std::uint64_t before = log.cycles;
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(log.cycles, before);
  EXPECT_TRUE(simulator->wait_irq(0ms));
}

TEST_F(SimulatorTest, WaitIrqReturnsLevel) {
  start();
  EXPECT_FALSE(simulator->wait_irq(1ms));
  submit(1);
  EXPECT_TRUE(simulator->wait_irq(10s));
}

TEST_F(SimulatorTest, WatchdogNamesWhatIsStuck) {
  log.behaviour = Behaviour::kHangs;
  start({.watchdog_cycles = 10'000});
  submit(2);
  std::string message;
  for (int i = 0; i < 20'000 && message.empty(); ++i) {
    message = error_of([&] { simulator->wait_irq(1ms); });
  }
  EXPECT_THAT(message,
              AllOf(HasSubstr("nothing moved on its memory port for 10000 cycles"),
                    HasSubstr("state RUNNING, packets fetched 0 of 2, completed 0"),
                    HasSubstr("matrix engine: idle"), HasSubstr("m_axi_ar waits for ready")));
  EXPECT_EQ(error_of([&] { simulator->read32(0); }), message) << "until reset";
  log.behaviour = Behaviour::kWorks;
  simulator->reset();
  EXPECT_EQ(log.models, 2) << "built anew";
  start();
  submit(1);
  wait_completed(1);
}

TEST_F(SimulatorTest, FailureOfTheModelReachesEveryCaller) {
  log.behaviour = Behaviour::kFails;
  start();
  std::string message;
  for (int i = 0; i < 20'000 && message.empty(); ++i) {
    message = error_of([&] { simulator->wait_irq(1ms); });
  }
  EXPECT_EQ(message, "assertion");
  EXPECT_EQ(error_of([&] { simulator->write32(0, 0); }), "assertion");
}

TEST_F(SimulatorTest, FullCompletionRingIsNotStuck) {
  start({.watchdog_cycles = 5'000});
  submit(16);
  wait_completed(16);
  log.behaviour = Behaviour::kHangs;  // It waits for CPL_HEAD.
  simulator->write32(reg::kRingTail, 20);
  wait_stopped();
  log.behaviour = Behaviour::kWorks;
  simulator->write32(reg::kCplHead, 16);
  wait_completed(20);
}

TEST_F(SimulatorTest, WavesOfAPacketRange) {
  start({.trace_first = 3, .trace_last = 4, .trace = true});
  submit(6);
  wait_completed(6);
  EXPECT_THAT(log.events, testing::ElementsAre("packet 1", "packet 2", "trace on", "packet 3", "packet 4",
                                   "trace off", "packet 5", "packet 6"));
}

TEST_F(SimulatorTest, StateIsSavedBetweenPackets) {
  start();
  simulator->save("x");
  simulator->restore("x");
  EXPECT_EQ(log.events.back(), "restore");
  log.behaviour = Behaviour::kHangs;
  submit(1);
  EXPECT_THAT(error_of([&] { simulator->save("x"); }),
              HasSubstr("saved only between packets, and the device is running"));
}

}  // namespace
}  // namespace tandem::rtlmodel

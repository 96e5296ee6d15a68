// SPDX-License-Identifier: Apache-2.0
// Life of packets in the command processor: order, records, halts, reset, bus errors.
#include <iostream>

#include "VCmdDevice128.h"
#include "VCmdDevice256.h"
#include "VCmdDevice512.h"
#include "streams.hpp"

namespace tandem::rtltest {
namespace {

namespace reg = abi::reg;
using abi::DeviceState;
using abi::Fault;
using rtlmodel::AxiSettings;

void expect_record(const abi::Completion& record, const Expected& e) {
  EXPECT_EQ(record.seq, e.packet.seq);
  EXPECT_EQ(record.error, e.outcome.error);
  EXPECT_EQ(record.opcode, static_cast<std::uint8_t>(e.packet.opcode));
  EXPECT_EQ(record.engine, e.engine);
  EXPECT_EQ(record.fault_addr, e.outcome.fault);
  EXPECT_EQ(record.checksum, e.outcome.checksum);
  if (e.dispatched) {
    EXPECT_NE(record.cycles, 0u);
  }
  for (const std::uint8_t byte : record.rsvd_12) EXPECT_EQ(byte, 0);
  for (const std::uint8_t byte : record.rsvd_48) EXPECT_EQ(byte, 0);
}

/// Software's side of the rings for one stream.
template <class Top>
class Player {
 public:
  Player(DeviceBench<Top>& bench, const std::vector<Expected>& stream, std::uint32_t entries,
         std::uint32_t records)
      : bench_(bench), stream_(stream), entries_(entries), records_(records) {}

  /// Sends and takes until everything has completed. `on_stop` is called in a halt state.
  template <class OnStop>
  void play(OnStop&& on_stop) {
    watch_signals();
    std::uint64_t last_cycle = bench_.cycles();
    while (taken_ < stream_.size()) {
      if (bench_.chance(50)) send();
      const std::uint32_t before = taken_;
      if (bench_.chance(40)) take();
      if (taken_ != before) last_cycle = bench_.cycles();
      const DeviceState state = bench_.state();
      if (state == DeviceState::kError || state == DeviceState::kStep ||
          state == DeviceState::kBreak) {
        on_stop(state);
        last_cycle = bench_.cycles();
      }
      bench_.cycles(bench_.below(30));
      if (testing::Test::HasFailure()) return;
      ASSERT_LT(bench_.cycles() - last_cycle, 50'000u) << "nothing moves, taken " << taken_;
    }
    bench_.each_cycle = nullptr;
    bench_.wait_state(DeviceState::kIdle);
    const auto count = static_cast<std::uint32_t>(stream_.size());
    EXPECT_EQ(bench_.read32(reg::kRingHead), count);
    EXPECT_EQ(bench_.read32(reg::kCplTail), count);
    EXPECT_EQ(bench_.read64(reg::kPacketsLo), count);
    expect_order(bench_, stream_);
    expect_capture();
  }
  void play() {
    play([](DeviceState state) { FAIL() << "halted: " << static_cast<int>(state); });
  }
  void send_all() {
    while (sent_ < stream_.size()) send();
  }
  std::uint32_t taken() const { return taken_; }
  /// Takes what is there.
  void take() {
    const std::uint32_t tail = bench_.read32(reg::kCplTail);
    ASSERT_LE(tail - taken_, records_);
    const std::uint32_t before = taken_;
    while (taken_ != tail) {
      SCOPED_TRACE(fmt::format("record {}", taken_));
      expect_record(bench_.record(taken_), stream_[taken_]);
      ++taken_;
    }
    if (taken_ != before) bench_.write32(reg::kCplHead, taken_);
  }

 private:
  void send() {
    const std::uint32_t head = bench_.read32(reg::kRingHead);
    std::uint32_t room = entries_ - (sent_ - head);
    const std::uint32_t before = sent_;
    for (std::uint64_t n = 1 + bench_.below(entries_); n != 0 && room != 0; --n, --room) {
      if (sent_ == stream_.size()) break;
      bench_.put_packet(sent_, stream_[sent_].packet);
      ++sent_;
    }
    if (sent_ != before) bench_.write32(reg::kRingTail, sent_);
  }

  /// A word appears only once all earlier records are in memory.
  void watch_signals() {
    bench_.each_cycle = [this] {
      while (signal_ < stream_.size() && stream_[signal_].signal_addr == 0) ++signal_;
      if (signal_ >= sent_) return;
      const auto p = abi::packet_as<abi::SignalPacket>(stream_[signal_].packet);
      if (bench_.template load<std::uint32_t>(p.addr) != static_cast<std::uint32_t>(p.value)) {
        return;
      }
      if (signal_ != 0) {
        const auto last = static_cast<std::uint32_t>(signal_ - 1);
        EXPECT_EQ(bench_.record(last).seq, stream_[last].packet.seq);
      }
      ++signal_;
    };
  }

  void expect_capture() {
    for (const Expected& e : stream_) {
      if (e.outcome.error == Fault::kNone) continue;
      EXPECT_EQ(bench_.read32(reg::kErrorCode), static_cast<std::uint32_t>(e.outcome.error));
      EXPECT_EQ(bench_.read64(reg::kErrorSeqLo), e.packet.seq);
      EXPECT_EQ(bench_.read64(reg::kErrorAddrLo), e.outcome.fault);
      EXPECT_NE(bench_.read32(reg::kIrqStatus) & reg::kIrqStatusError, 0u);
      return;
    }
    EXPECT_EQ(bench_.read32(reg::kErrorCode), 0u);
  }

  DeviceBench<Top>& bench_;
  const std::vector<Expected>& stream_;
  const std::uint32_t entries_, records_;
  std::uint32_t sent_ = 0, taken_ = 0;
  std::size_t signal_ = 0;
};

BenchSettings settings_of(std::uint64_t seed) {
  BenchSettings s;
  s.seed = seed;
  s.error_percent = 10;
  s.memory = seed % 3 == 0 ? AxiSettings::zero_wait() : AxiSettings::realistic();
  s.memory.seed = seed;
  if (seed % 4 == 1) s.memory.stall_percent = 50, s.register_gap = 30, s.start_gap = 40;
  if (seed % 5 == 2) s.max_latency = 400;
  return s;
}

template <class Top>
void random_streams(std::uint64_t first_seed) {
  for (std::uint64_t seed = first_seed; seed < first_seed + 8; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    DeviceBench<Top> bench(settings_of(seed));
    const auto entries = 2u << bench.below(5);
    const auto records = 2u << bench.below(5);
    const auto stream = StreamMaker<Top>(bench, {}).make(250, 1000 * seed);
    bench.start_device(0, entries, records);
    Player<Top>(bench, stream, entries, records).play();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(CmdDevice, RandomStreams512) { random_streams<VCmdDevice512>(1); }
TEST(CmdDevice, RandomStreams256) { random_streams<VCmdDevice256>(20); }
TEST(CmdDevice, RandomStreams128) { random_streams<VCmdDevice128>(40); }

TEST(CmdDevice, HaltOnErrorStopsIssue) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    DeviceBench<VCmdDevice512> bench(settings_of(seed));
    const bool in_order = seed % 2 == 0;
    const auto stream = StreamMaker(bench, {.in_order = in_order}).make(150, 77);
    bench.start_device(reg::kCtrlHaltOnError, 32, 32);
    Player player(bench, stream, 32, 32);
    std::uint32_t resumed = 0;
    player.play([&](DeviceState state) {
      ASSERT_EQ(state, DeviceState::kError);
      const std::size_t started = bench.starts.size();
      bench.cycles(100);
      EXPECT_EQ(bench.starts.size(), started) << "issue goes on";
      const std::uint32_t tail = bench.read32(reg::kCplTail);
      EXPECT_EQ(bench.read32(reg::kRingHead), tail);
      EXPECT_NE(bench.read32(reg::kIrqStatus) & reg::kIrqStatusHalt, 0u);
      unsigned errors = 0;
      for (std::uint32_t i = resumed; i < tail; ++i) {
        errors += stream[i].outcome.error != Fault::kNone;
      }
      EXPECT_GE(errors, 1u);
      if (in_order) {
        EXPECT_EQ(errors, 1u);
        EXPECT_NE(stream[tail - 1].outcome.error, Fault::kNone) << "something followed the error";
      }
      resumed = tail;
      bench.write32(reg::kIrqStatus, reg::kIrqStatusHalt);
      bench.write32(reg::kCommand, reg::kCommandResume);
    });
    if (testing::Test::HasFailure()) return;
  }
}

TEST(CmdDevice, SingleStepAndBreak) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    DeviceBench<VCmdDevice512> bench(settings_of(seed));
    const auto stream = StreamMaker(bench, {}).make(60, 500);
    const bool step = seed % 2 == 0;
    bench.start_device(step ? reg::kCtrlSingleStep : 0, 16, 16);
    const std::uint32_t break_at = 20;
    bench.write64(reg::kBreakSeqLo, 500 + break_at);
    bench.write32(reg::kCtrl,
                  reg::kCtrlEnable | reg::kCtrlBreakEnable | (step ? reg::kCtrlSingleStep : 0));
    Player player(bench, stream, 16, 16);
    std::uint32_t done = 0;
    unsigned steps = 0, breaks = 0;
    player.play([&](DeviceState state) {
      const std::uint32_t tail = bench.read32(reg::kCplTail);
      EXPECT_EQ(bench.read32(reg::kRingHead), tail);
      if (state == DeviceState::kStep) {
        ++steps;
        EXPECT_EQ(tail, done + 1);
      } else {
        ++breaks;
        EXPECT_EQ(state, DeviceState::kBreak);
        EXPECT_EQ(tail, break_at);
      }
      done = tail;
      bench.write32(reg::kCommand, reg::kCommandResume);
      // The last RESUME may leave the state only once the player looks again.
      bench.cycles(2);
    });
    EXPECT_EQ(breaks, 1u);
    // The stop after the last packet may come when all records are taken.
    EXPECT_GE(steps + 1, step ? 60u : 1u);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(CmdDevice, ResetInFlightAtAnyTime) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    DeviceBench<VCmdDevice512> bench(settings_of(seed));
    const auto stream = StreamMaker(bench, {}).make(40, 9);
    bench.start_device(0, 64, 64);
    for (std::uint32_t i = 0; i < 40; ++i) bench.put_packet(i, stream[i].packet);
    bench.write32(reg::kRingTail, 40);
    bench.cycles(bench.below(1500));
    bench.write32(reg::kCommand, reg::kCommandReset);
    EXPECT_TRUE(bench.memory().idle()) << "the reset left something in flight";
    for (const abi::RegisterInfo& info : abi::registers()) {
      if (info.at < reg::kCtrl || info.name.starts_with("CYCLES")) continue;
      EXPECT_EQ(bench.read32(info.at), 0u) << info.name;
    }
    EXPECT_EQ(bench.read32(reg::kMagic), abi::kMagic);
    const auto again = StreamMaker(bench, {}).make(30, 5000);
    bench.start_device(0, 16, 8);
    Player(bench, again, 16, 8).play();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(CmdDevice, DisablingDrainsAndKeepsThePlace) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    DeviceBench<VCmdDevice512> bench(settings_of(seed));
    const auto stream = StreamMaker(bench, {}).make(60, 300);
    bench.start_device(0, 64, 64);
    for (std::uint32_t i = 0; i < 60; ++i) bench.put_packet(i, stream[i].packet);
    bench.write32(reg::kRingTail, 60);
    for (unsigned stop = 0; stop < 4; ++stop) {
      bench.cycles(bench.below(400));
      bench.write32(reg::kCtrl, 0);
      bench.wait_state(DeviceState::kDisabled);
      const std::uint32_t head = bench.read32(reg::kRingHead);
      EXPECT_EQ(bench.read32(reg::kCplTail), head);
      // What was not issued is read again.
      abi::Packet changed = stream[std::min(head, 59u)].packet;
      changed.seq ^= 1u << 20;
      if (head < 60) bench.put_packet(head, changed);
      bench.cycles(200);
      EXPECT_EQ(bench.read32(reg::kRingHead), head);
      if (head < 60) bench.put_packet(head, stream[head].packet);
      bench.write32(reg::kCtrl, reg::kCtrlEnable);
    }
    bench.wait_state(DeviceState::kIdle, 20'000);
    for (std::uint32_t i = 0; i < 60; ++i) expect_record(bench.record(i), stream[i]);
    expect_order(bench, stream);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(CmdDevice, RefusedRecordIsABadRing) {
  BenchSettings settings = settings_of(1);
  settings.memory.faults = {
      {DeviceBench<VCmdDevice512>::kRecords + 128, DeviceBench<VCmdDevice512>::kRecords + 192}};
  DeviceBench<VCmdDevice512> bench(settings);
  bench.start_device();
  for (int i = 0; i < 4; ++i) bench.send(abi::to_packet(abi::NopPacket{}));
  bench.wait_state(DeviceState::kError);
  EXPECT_EQ(bench.read32(reg::kErrorCode), static_cast<std::uint32_t>(Fault::kBadRing));
  EXPECT_EQ(bench.read64(reg::kErrorAddrLo), bench.kRecords);
  EXPECT_EQ(bench.read32(reg::kCplTail), 2u) << "a record counts that is not in memory";
  bench.memory().set_faults({});
  bench.start_device();
  bench.send(abi::to_packet(abi::NopPacket{}));
  bench.wait_state(DeviceState::kIdle);
  EXPECT_EQ(bench.read32(reg::kCplTail), 1u);
}

TEST(CmdDevice, RefusedPacketIsABadRing) {
  BenchSettings settings = settings_of(2);
  settings.memory.faults = {
      {DeviceBench<VCmdDevice512>::kRing + 768 + 255, DeviceBench<VCmdDevice512>::kRing + 1024}};
  DeviceBench<VCmdDevice512> bench(settings);
  bench.start_device();
  abi::NopPacket nop;
  for (int i = 0; i < 6; ++i) {
    nop.seq = static_cast<std::uint64_t>(i);
    bench.send(abi::to_packet(nop));
  }
  bench.wait_state(DeviceState::kError);
  EXPECT_EQ(bench.read32(reg::kErrorCode), static_cast<std::uint32_t>(Fault::kBadRing));
  EXPECT_EQ(bench.read64(reg::kErrorAddrLo), bench.kRing);
  EXPECT_LE(bench.read32(reg::kCplTail), 3u);
  EXPECT_EQ(bench.read32(reg::kIrqStatus) & 6u, 6u);
}

TEST(CmdDevice, CountersCount) {
  DeviceBench<VCmdDevice512> bench({.memory = AxiSettings::realistic(), .max_latency = 300});
  const auto stream = StreamMaker(bench, {.bad_percent = 0}).make(100, 1);
  bench.start_device(0, 128, 128);
  for (std::uint32_t i = 0; i < 100; ++i) bench.put_packet(i, stream[i].packet);
  const std::uint64_t before = bench.read64(reg::kCyclesLo);
  const std::uint64_t first = bench.cycles();
  bench.write32(reg::kRingTail, 100);
  bench.wait_state(DeviceState::kIdle, 20'000);
  const std::uint64_t passed = bench.cycles() - first;
  const std::uint64_t counted = bench.read64(reg::kCyclesLo) - before;
  EXPECT_GE(counted, passed);
  EXPECT_LE(counted, passed + 40);
  EXPECT_EQ(bench.read64(reg::kPerfReadBeatsLo), bench.memory().counts().read_beats);
  EXPECT_EQ(bench.read64(reg::kPerfWriteBeatsLo), bench.memory().counts().write_beats);
  const std::uint64_t matrix = bench.read64(reg::kEngineBase + reg::kEngineBusyLo);
  EXPECT_GT(matrix, 0u);
  EXPECT_EQ(bench.read64(reg::kPerfArrayActiveLo), matrix);
  EXPECT_EQ(bench.read64(reg::kPerfArraySlotsLo), 3 * matrix);
  EXPECT_GT(bench.read64(reg::kPerfIssueWaitLo), 0u);
}

TEST(CmdDevice, ConsecutiveShortPackets) {
  for (const bool realistic : {false, true}) {
    DeviceBench<VCmdDevice512> bench(
        {.memory = realistic ? AxiSettings::realistic() : AxiSettings::zero_wait(),
         .max_latency = 0});
    abi::MatmulPacket matmul = abi::sample_matmul();
    matmul.wait_mask = 7;
    matmul.a_addr += bench.kData, matmul.b_addr += bench.kData, matmul.c_addr += bench.kData;
    bench.start_device(0, 256, 256);
    for (std::uint32_t i = 0; i < 200; ++i) bench.put_packet(i, abi::to_packet(matmul));
    const std::uint64_t first = bench.cycles();
    bench.write32(reg::kRingTail, 200);
    bench.wait_state(DeviceState::kIdle, 50'000);
    std::cout << fmt::format("{} memory: {:.1f} cycles a packet\n",
                             realistic ? "realistic" : "zero-wait",
                             static_cast<double>(bench.cycles() - first) / 200);
    EXPECT_EQ(bench.read32(reg::kCplTail), 200u);
  }
}

}  // namespace
}  // namespace tandem::rtltest

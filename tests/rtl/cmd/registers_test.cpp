// SPDX-License-Identifier: Apache-2.0
// Random register traffic and packets on the RTL and on the command processor of in-process
// devices: whenever both stand still, all registers and records are the same.
#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "VCmdDevice512.h"
#include "streams.hpp"
#include "tandem/driver/command_processor.hpp"

namespace tandem::rtltest {
namespace {

namespace reg = abi::reg;
using abi::DeviceState;
using Bench = DeviceBench<VCmdDevice512>;

/// Ends packets as the engines of the bench do.
class BenchEngine : public driver::Engine {
 public:
  explicit BenchEngine(const Bench& bench) : bench_(bench) {}
  std::optional<abi::Engine> engine_for(std::uint8_t opcode) const override {
    const auto* info = abi::find_opcode(opcode);
    return info == nullptr ? std::nullopt : std::optional(info->engine);
  }
  void execute(const abi::Packet& packet, const abi::OperandList&, const driver::ExecutionContext&,
               driver::ExecutionResult& result) override {
    const Outcome o = bench_.outcome_of(packet.seq);
    result.error = o.error, result.fault_addr = o.fault, result.checksum = o.checksum;
  }

 private:
  const Bench& bench_;
};

driver::DeviceConfig config() {
  driver::DeviceConfig c;
  c.name = "edge";
  c.array_rows = c.array_cols = c.vector_lanes = 16;
  c.vector_length = 256;
  c.ucode_words = 4096;
  c.axi_data_bits = 512;
  return c;
}

/// Registers that devices may differ in.
bool differs(const abi::RegisterInfo& info) {
  return info.at == reg::kFeatures || (info.at >= reg::kCyclesLo && info.at < reg::kRegionBase);
}

class Pair {
 public:
  explicit Pair(std::uint64_t seed)
      : bench_({.memory = memory_of(seed), .seed = seed, .register_gap = 10, .error_percent = 10}),
        engine_(bench_),
        ram_(std::make_shared<driver::SparseRam>(std::vector<driver::SparseRam::Bank>(
            bench_.ram().banks().begin(), bench_.ram().banks().end()))),
        reference_(config(), ram_, engine_) {
    reset();
  }

  void step() {
    switch (bench_.below(16)) {
      case 0:
        return reset();
      case 1:
      case 2:
        return set_enable(!enabled_);
      case 3:
        return w(reg::kCommand, reg::kCommandResume);
      case 4:
        return w(reg::kIrqStatus, static_cast<std::uint32_t>(bench_.below(8)));
      case 5:
        return set_control();
      case 6:
        return write_something();
      case 7:
        return set_break();
      case 8:
        if (bench_.chance(20)) w(reg::kRingTail, tail_ + 1000);
        return;
      case 9:
      case 10:
      case 11:
        return consume();
      default:
        return post();
    }
  }

  /// Waits until both stand still, then compares.
  void settle() {
    using Clock = std::chrono::steady_clock;
    std::uint32_t before = ~0u;
    for (unsigned still = 0; still < 3;) {
      bench_.cycles(300);
      const std::uint32_t now = bench_.read32(reg::kRingHead) + bench_.read32(reg::kCplTail);
      still = now == before ? still + 1 : 0;
      before = now;
    }
    // The RTL is read once: how often the reference is polled must not move its clock.
    std::map<std::uint32_t, std::uint32_t> found;
    for (const abi::RegisterInfo& info : abi::registers()) {
      if (!differs(info)) found[info.at] = bench_.read32(info.at);
    }
    const auto deadline = Clock::now() + std::chrono::seconds(5);
    // Interrupts are raised behind the count.
    for (const std::uint32_t at : {reg::kRingHead, reg::kCplTail, reg::kStatus, reg::kIrqStatus}) {
      while (reference_.read32(at) != found[at] && Clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
    }
    for (const abi::RegisterInfo& info : abi::registers()) {
      if (differs(info)) continue;
      ASSERT_EQ(found[info.at], reference_.read32(info.at)) << info.name;
    }
    compare_records();
    ++states[bench_.state()];
  }

  std::map<DeviceState, unsigned> states;  ///< That it stood in.

 private:
  static rtlmodel::AxiSettings memory_of(std::uint64_t seed) {
    return seed % 2 == 0 ? rtlmodel::AxiSettings::zero_wait() : rtlmodel::AxiSettings::realistic();
  }
  void w(std::uint32_t offset, std::uint32_t value) {
    bench_.write32(offset, value);
    reference_.write32(offset, value);
  }

  void set_enable(bool enable) {
    enabled_ = enable;
    w(reg::kCtrl, control_ | (enable ? reg::kCtrlEnable : 0));
  }
  /// At one of the packets that come next.
  void set_break() {
    w(reg::kBreakSeqLo, static_cast<std::uint32_t>(seq_ + bench_.below(4)));
    control_ |= reg::kCtrlBreakEnable;
    set_enable(enabled_);
  }
  void set_control() {
    control_ = 0;
    if (bench_.chance(40)) control_ |= reg::kCtrlHaltOnError;
    if (bench_.chance(15)) control_ |= reg::kCtrlSingleStep;
    if (bench_.chance(30)) control_ |= reg::kCtrlBreakEnable;
    set_enable(enabled_);
  }

  void reset() {
    w(reg::kCommand, reg::kCommandReset);
    enabled_ = false;
    control_ = 0;
    tail_ = taken_ = 0;
    entries_ = 2u << bench_.below(4);
    records_ = 2u << bench_.below(4);
    bench_.configure(entries_, records_);
    for (const abi::RegisterInfo& info : abi::registers()) {
      if (info.access == abi::Access::kConfig) {
        reference_.write32(info.at, bench_.read32(info.at));
      }
    }
    if (bench_.chance(20)) spoil();
    w(reg::kIrqMask, 5);
  }

  /// One register that makes a ring unusable, or not.
  void spoil() {
    const std::uint32_t offsets[] = {reg::kRingEntries, reg::kCplEntries, reg::kRingBaseLo,
                                     reg::kCplBaseLo,   reg::kRingBaseHi, reg::kCplBaseHi};
    const std::uint32_t values[] = {
        0, 1, 3, 131072, 0x801f'ff00, 0x8000'0080, static_cast<std::uint32_t>(Bench::kRom), 7};
    const std::uint32_t offset = offsets[bench_.below(6)], value = values[bench_.below(8)];
    // Records over packets that are not fetched yet: what the device fetches then is unspecified.
    const bool over_ring = offset == reg::kCplBaseLo && value == 0x8000'0080;
    w(offset, over_ring ? value + 0x10'0000 : value);
  }

  void write_something() {
    const auto all = abi::registers();
    const abi::RegisterInfo& info = all[bench_.below(all.size())];
    const bool harmless =
        info.access == abi::Access::kReadOnly ||
        (info.access == abi::Access::kConfig && enabled_ && info.at != reg::kRingEntries);
    const std::uint32_t hole = static_cast<std::uint32_t>(4 * bench_.below(1024));
    if (harmless) w(info.at, static_cast<std::uint32_t>(bench_.below(1ull << 32)));
    if (abi::register_name(hole).empty()) w(hole, ~0u);
    w(reg::kIrqMask, static_cast<std::uint32_t>(bench_.below(1ull << 32)));
  }

  void post() {
    const std::uint32_t head = bench_.read32(reg::kRingHead);
    std::uint32_t room = entries_ - (tail_ - head);
    // How many packets in flight complete behind an error that halts is unspecified: none are.
    const auto stream = StreamMaker(bench_, {.in_order = true}).make(1 + bench_.below(6), seq_);
    for (const Expected& e : stream) {
      if (room-- == 0) break;
      abi::Packet packet = e.packet;
      // The map without memory behind it, and micro-programs, are not the subject.
      if ((e.outcome.error == abi::Fault::kBusError && !e.dispatched) ||
          packet.opcode == abi::Opcode::kVector) {
        packet = abi::to_packet(abi::NopPacket{});
        packet.seq = e.packet.seq;
      }
      const std::uint64_t at = Bench::kRing + std::uint64_t{tail_ % entries_} * abi::kPacketBytes;
      bench_.put_packet(tail_, packet);
      ram_->write(at, std::as_bytes(std::span(&packet, 1)));
      ++tail_;
      ++seq_;
    }
    w(reg::kRingTail, tail_);
  }

  void consume() {
    const std::uint32_t tail = bench_.read32(reg::kCplTail);
    taken_ += static_cast<std::uint32_t>(bench_.below(tail - taken_ + 1));
    w(reg::kCplHead, taken_);
  }

  void compare_records() {
    const std::uint32_t tail = bench_.read32(reg::kCplTail);
    for (std::uint32_t i = taken_; i != tail; ++i) {
      const std::uint64_t at =
          Bench::kRecords + std::uint64_t{i % records_} * abi::kCompletionBytes;
      abi::Completion found = bench_.record(i), wanted;
      ram_->read(at, std::as_writable_bytes(std::span(&wanted, 1)));
      found.cycles = found.start_cycle = 0;
      ASSERT_EQ(std::memcmp(&found, &wanted, sizeof found), 0)
          << "record " << i << ": seq " << found.seq << " and " << wanted.seq << ", error "
          << static_cast<int>(found.error) << " and " << static_cast<int>(wanted.error);
    }
  }

  Bench bench_;
  BenchEngine engine_;
  std::shared_ptr<driver::SparseRam> ram_;
  driver::CommandProcessor reference_;
  bool enabled_ = false;
  std::uint32_t control_ = 0, entries_ = 16, records_ = 16, tail_ = 0, taken_ = 0;
  std::uint64_t seq_ = 1;
};

TEST(CmdRegisters, RandomTrafficAsOnInProcessDevices) {
  std::map<DeviceState, unsigned> states;
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    Pair pair(seed);
    for (unsigned i = 0; i < 150; ++i) {
      SCOPED_TRACE(fmt::format("seed {} step {}", seed, i));
      pair.step();
      pair.settle();
      if (testing::Test::HasFatalFailure()) return;
    }
    for (const auto& [state, count] : pair.states) states[state] += count;
  }
  for (const DeviceState state : {DeviceState::kDisabled, DeviceState::kIdle, DeviceState::kRunning,
                                  DeviceState::kError, DeviceState::kStep, DeviceState::kBreak}) {
    EXPECT_GE(states[state], 5u) << "state " << static_cast<int>(state) << " was seldom met";
  }
}

TEST(CmdRegisters, StrobesChooseBytes) {
  Bench bench({.seed = 3});
  for (unsigned strobes = 0; strobes < 16; ++strobes) {
    const std::uint32_t mask = (strobes & 1 ? 0xffu : 0) | (strobes & 2 ? 0xff00u : 0) |
                               (strobes & 4 ? 0xff0000u : 0) | (strobes & 8 ? 0xff000000u : 0);
    for (const std::uint32_t offset :
         {reg::kBreakSeqLo, reg::kRingBaseHi, reg::kRingTail, reg::kCplHead,
          reg::kRegionBase + 3 * reg::kRegionStride + reg::kRegionSizeLo}) {
      bench.write32(offset, 0x1122'3344);
      bench.write32(offset, 0xaabb'ccdd, strobes);
      EXPECT_EQ(bench.read32(offset), (0x1122'3344 & ~mask) | (0xaabb'ccdd & mask)) << offset;
    }
  }
  bench.write32(reg::kCommand, reg::kCommandReset, 14);
  EXPECT_NE(bench.read32(reg::kBreakSeqLo), 0u) << "a byte that was not written took effect";
}

TEST(CmdRegisters, UnalignedOffsetsAreNoRegisters) {
  Bench bench({.seed = 4});
  bench.write32(reg::kIrqMask + 1, 7);
  EXPECT_EQ(bench.read32(reg::kIrqMask), 0u);
  EXPECT_EQ(bench.read32(reg::kMagic + 2), 0u);
  EXPECT_EQ(bench.read32(reg::kRegionBase + 1), 0u);
  EXPECT_EQ(bench.read32(reg::kCyclesLo + 1), 0u);
}

}  // namespace
}  // namespace tandem::rtltest

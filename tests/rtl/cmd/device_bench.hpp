// SPDX-License-Identifier: Apache-2.0
// The command processor with memory and engines that the test plays: they end packets after random
// times with results that follow from the sequence number.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/sparse_ram.hpp"
#include "tandem/rtlmodel/axi_memory.hpp"
#include "tandem/rtlmodel/clock.hpp"
#include "tandem/rtlmodel/coverage.hpp"
#include "verilated.h"

namespace tandem::rtltest {

/// How an engine ends the packet of a sequence number.
struct Outcome {
  abi::Fault error = abi::Fault::kNone;
  std::uint64_t fault = 0;
  std::uint64_t checksum = 0;
};

/// One engine port. A packet that names it must find it idle.
struct FakeEngine {
  bool busy = false;
  std::uint32_t left = 0;  ///< Cycles until the packet ends.
  std::uint64_t seq = 0;
  Outcome outcome;
  std::uint64_t checksum = 0;  ///< Shown from the packet's last write on, until it is cleared.
  std::uint32_t loads_to = 0;  ///< Micro-program words loaded once it ends.
};

struct BenchSettings {
  rtlmodel::AxiSettings memory;
  std::uint64_t seed = 1;
  std::uint32_t max_latency = 40;   ///< Of an engine.
  std::uint32_t start_gap = 0;      ///< Share of cycles in which an idle engine is not ready.
  std::uint32_t register_gap = 0;   ///< Share of cycles in which the bus master waits.
  std::uint32_t error_percent = 0;  ///< Packets that an engine ends with an error.
};

template <class Top>
class DeviceBench {
 public:
  static constexpr unsigned kEngines = 3;
  static constexpr std::uint64_t kRing = 0x8000'0000;
  static constexpr std::uint64_t kRecords = 0x8010'0000;
  static constexpr std::uint64_t kData = 0x1'0000'0000;
  static constexpr std::uint64_t kDataBytes = 1 << 20;
  static constexpr std::uint64_t kRom = kData + kDataBytes;
  static constexpr std::uint64_t kNoRam = 0x5'0000'0000;  ///< In the map, without memory behind.

  explicit DeviceBench(BenchSettings settings)
      : settings_(settings),
        random_(settings.seed),
        context_(std::make_unique<VerilatedContext>()),
        ram_({{kRing, 0x20'0000}, {kData, kDataBytes}, {kRom, 4096}}) {
    context_->randReset(2);
    context_->randSeed(static_cast<int>(settings.seed));
    top_ = std::make_unique<Top>(context_.get());
    memory_ = std::make_unique<rtlmodel::AxiMemory<Top>>(*top_, ram_, settings.memory);
    clear_pins();
    rtlmodel::reset_cycles(*top_, *memory_);
  }
  ~DeviceBench() {
    top_->final();
    rtlmodel::write_coverage(*context_);
  }

  Top& top() { return *top_; }
  driver::SparseRam& ram() { return ram_; }
  rtlmodel::AxiMemory<Top>& memory() { return *memory_; }
  std::uint64_t cycles() const { return cycles_; }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(std::uint64_t percent) { return percent != 0 && below(100) < percent; }

  /// Results of engines follow from the number alone.
  Outcome outcome_of(std::uint64_t seq) const {
    std::mt19937_64 hash(seq * 0x9e37'79b9'7f4a'7c15 + settings_.seed);
    Outcome o;
    if (hash() % 100 < settings_.error_percent) {
      o.error = hash() % 2 == 0 ? abi::Fault::kBadIndex : abi::Fault::kBusError;
      o.fault = hash();
    }
    o.checksum = hash();  // also of failed packets: they may have written
    return o;
  }

  void cycle() {
    Top& t = *top_;
    const unsigned started = t.start_valid_o & t.start_ready_i;
    if (started != 0) start(started);
    const unsigned cleared = t.checksum_clear_o;
    const bool reset = t.engine_rst_no == 0;
    // As clock_cycle: what comes from registers changes behind the rising edge, before the falling
    // one, at which clock gates look.
    memory_->sample();
    t.clk_i = 1;
    t.eval();
    memory_->drive();
    ++cycles_;
    for (unsigned e = 0; e < kEngines; ++e) {
      if ((cleared >> e & 1) != 0) engines_[e].checksum = 0;
    }
    if (reset) forget_packets();
    drive_engines();
    t.clk_i = 0;
    t.eval();
    if (each_cycle) each_cycle();
  }
  void cycles(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) cycle();
  }

  void write32(std::uint32_t offset, std::uint32_t value, unsigned strobes = 15) {
    Top& t = *top_;
    bool address = false, data = false;
    t.s_axil_awaddr = static_cast<std::uint16_t>(offset);
    t.s_axil_wdata = value;
    t.s_axil_wstrb = static_cast<std::uint8_t>(strobes);
    for (unsigned waited = 0; !(address && data); deadline(++waited, "write")) {
      if (!address && !gap()) t.s_axil_awvalid = 1;
      if (!data && !gap()) t.s_axil_wvalid = 1;
      t.eval();
      const bool took_address = t.s_axil_awvalid && t.s_axil_awready;
      const bool took_data = t.s_axil_wvalid && t.s_axil_wready;
      cycle();
      if (took_address) t.s_axil_awvalid = 0, address = true;
      if (took_data) t.s_axil_wvalid = 0, data = true;
    }
    for (unsigned waited = 0;; deadline(++waited, "write response")) {
      t.s_axil_bready = !gap();
      t.eval();
      const bool done = t.s_axil_bvalid && t.s_axil_bready;
      if (done) {
        EXPECT_EQ(t.s_axil_bresp, 0);
      }
      cycle();
      if (done) break;
    }
    t.s_axil_bready = 0;
  }

  std::uint32_t read32(std::uint32_t offset) {
    Top& t = *top_;
    t.s_axil_araddr = static_cast<std::uint16_t>(offset);
    t.s_axil_arvalid = 1;
    for (unsigned waited = 0;; deadline(++waited, "read")) {
      t.eval();
      const bool taken = t.s_axil_arready;
      cycle();
      if (taken) break;
    }
    t.s_axil_arvalid = 0;
    for (unsigned waited = 0;; deadline(++waited, "read data")) {
      t.s_axil_rready = !gap();
      t.eval();
      const bool done = t.s_axil_rvalid && t.s_axil_rready;
      const std::uint32_t value = t.s_axil_rdata;
      cycle();
      if (!done) continue;
      t.s_axil_rready = 0;
      return value;
    }
  }
  std::uint64_t read64(std::uint32_t lo) {
    return read32(lo) | std::uint64_t{read32(lo + 4)} << 32;
  }
  void write64(std::uint32_t lo, std::uint64_t value) {
    write32(lo, static_cast<std::uint32_t>(value));
    write32(lo + 4, static_cast<std::uint32_t>(value >> 32));
  }

  static std::vector<abi::Region> map() {
    std::vector<abi::Region> regions(abi::kMaxRegions);
    regions[1] = {kRing, 0x20'0000, true, true};
    regions[4] = {kData, kDataBytes, true, true};
    regions[9] = {kRom, 4096, true, false};
    regions[15] = {kNoRam, 4096, true, true};
    return regions;
  }

  void configure(std::uint32_t entries, std::uint32_t records) {
    const auto regions = map();
    for (std::uint32_t i = 0; i < regions.size(); ++i) {
      const std::uint32_t at = abi::reg::kRegionBase + i * abi::reg::kRegionStride;
      write64(at + abi::reg::kRegionBaseLo, regions[i].base);
      write64(at + abi::reg::kRegionSizeLo, regions[i].size);
      write32(at + abi::reg::kRegionAttr,
              (regions[i].valid ? abi::reg::kRegionAttrValid : 0u) |
                  (regions[i].writable ? abi::reg::kRegionAttrWritable : 0u));
    }
    write64(abi::reg::kRingBaseLo, kRing);
    write32(abi::reg::kRingEntries, entries);
    write64(abi::reg::kCplBaseLo, kRecords);
    write32(abi::reg::kCplEntries, records);
    entries_ = entries;
    records_ = records;
  }

  /// Resets, configures, enables.
  void start_device(std::uint32_t ctrl = 0, std::uint32_t entries = 64,
                    std::uint32_t records = 64) {
    write32(abi::reg::kCommand, abi::reg::kCommandReset);
    configure(entries, records);
    tail_ = 0;
    write32(abi::reg::kCtrl, abi::reg::kCtrlEnable | ctrl);
  }

  void put_packet(std::uint32_t count, const abi::Packet& packet) {
    ram_.write(kRing + std::uint64_t{count % entries_} * abi::kPacketBytes,
               std::as_bytes(std::span(&packet, 1)));
  }
  abi::Completion record(std::uint32_t count) {
    abi::Completion out;
    ram_.read(kRecords + std::uint64_t{count % records_} * abi::kCompletionBytes,
              std::as_writable_bytes(std::span(&out, 1)));
    return out;
  }
  void send(const abi::Packet& packet) {
    put_packet(tail_++, packet);
    write32(abi::reg::kRingTail, tail_);
  }
  template <class T>
  T load(std::uint64_t addr) {
    T value;
    ram_.read(addr, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <class T>
  void store(std::uint64_t addr, T value) {
    ram_.write(addr, std::as_bytes(std::span(&value, 1)));
  }

  abi::DeviceState state() { return static_cast<abi::DeviceState>(read32(abi::reg::kStatus) & 15); }
  /// Runs until the device is in `wanted`.
  void wait_state(abi::DeviceState wanted, unsigned limit = 4000) {
    for (unsigned i = 0; i < limit; ++i) {
      if (state() == wanted) return;
      cycles(3);
    }
    throw std::runtime_error(fmt::format("state {} instead of {}: ring {}..{}, records {}..{}",
                                         static_cast<int>(state()), static_cast<int>(wanted),
                                         read32(abi::reg::kRingHead), read32(abi::reg::kRingTail),
                                         read32(abi::reg::kCplHead), read32(abi::reg::kCplTail)));
  }

  std::function<void()> each_cycle;

  struct Start {
    unsigned engine = 0;
    abi::Packet packet;
    std::size_t ended = 0;  ///< Packets that engines had ended.
  };
  std::vector<Start> starts;
  std::vector<std::uint64_t> ended;  ///< Sequence numbers in the order in which engines ended them.
  std::array<FakeEngine, kEngines>& engines() { return engines_; }

 private:
  void clear_pins() {
    Top& t = *top_;
    t.s_axil_awvalid = t.s_axil_wvalid = t.s_axil_bready = 0;
    t.s_axil_arvalid = t.s_axil_rready = 0;
    t.start_ready_i = 7;
    t.done_valid_i = t.busy_i = t.stall_i = 0;
    t.loaded_words_i = 0;
  }
  bool gap() { return chance(settings_.register_gap); }
  static void deadline(unsigned waited, const char* what) {
    if (waited > 20000) throw std::runtime_error(fmt::format("register {}: no answer", what));
  }

  void start(unsigned which) {
    ASSERT_EQ(which & (which - 1), 0u) << "two starts in one cycle";
    const unsigned e = which == 4 ? 2 : which - 1;
    FakeEngine& engine = engines_[e];
    ASSERT_FALSE(engine.busy);
    ASSERT_EQ(engine.checksum, 0u) << "the sum was not cleared";
    Start s{e, {}, ended.size()};
    std::memcpy(static_cast<void*>(&s.packet), &top_->packet_o, sizeof s.packet);
    engine.busy = true;
    engine.left = static_cast<std::uint32_t>(below(settings_.max_latency + 1));
    engine.seq = s.packet.seq;
    engine.outcome = outcome_of(s.packet.seq);
    engine.loads_to = 0;
    if (s.packet.opcode == abi::Opcode::kVector && top_->check_error_o != 0) {
      engine.outcome = {static_cast<abi::Fault>(top_->check_error_o), top_->check_fault_o, 0};
    }
    if (s.packet.opcode == abi::Opcode::kLoadUcode) {
      const auto load = abi::packet_as<abi::LoadUcodePacket>(s.packet);
      engine.outcome = {};
      if (load.target == abi::UcodeTarget::kProgram) engine.loads_to = load.dst_word + load.words;
    }
    starts.push_back(s);
  }

  void drive_engines() {
    Top& t = *top_;
    unsigned done = 0, busy = 0, ready = 0;
    for (unsigned e = 0; e < kEngines; ++e) {
      FakeEngine& engine = engines_[e];
      if (engine.busy) {
        busy |= 1u << e;
        if (engine.left-- == 0) {
          done |= 1u << e;
          busy &= ~(1u << e);
          engine.busy = false;
          engine.checksum = engine.outcome.checksum;
          set_outcome(e, engine);
          ended.push_back(engine.seq);
          if (engine.loads_to > t.loaded_words_i) t.loaded_words_i = engine.loads_to;
        }
      } else if (!chance(settings_.start_gap)) {
        ready |= 1u << e;
      }
    }
    t.done_valid_i = static_cast<std::uint8_t>(done);
    t.busy_i = static_cast<std::uint8_t>(busy);
    t.start_ready_i = static_cast<std::uint8_t>(ready);
  }

  void set_outcome(unsigned e, const FakeEngine& engine) {
    Top& t = *top_;
    const auto error = static_cast<std::uint64_t>(engine.outcome.error);
    t.done_error_i = (t.done_error_i & ~(std::uint64_t{0xffff} << (16 * e))) | error << (16 * e);
    std::memcpy(&t.done_fault_i[2 * e], &engine.outcome.fault, 8);
    std::memcpy(&t.done_checksum_i[2 * e], &engine.checksum, 8);
  }

  void forget_packets() {
    for (FakeEngine& engine : engines_) engine = {};
    top_->loaded_words_i = 0;
    starts.clear();
    ended.clear();
  }

  const BenchSettings settings_;
  std::mt19937_64 random_;
  std::unique_ptr<VerilatedContext> context_;
  driver::SparseRam ram_;
  std::unique_ptr<Top> top_;
  std::unique_ptr<rtlmodel::AxiMemory<Top>> memory_;
  std::array<FakeEngine, kEngines> engines_;
  std::uint64_t cycles_ = 0;
  std::uint32_t entries_ = 0, records_ = 0, tail_ = 0;
};

}  // namespace tandem::rtltest

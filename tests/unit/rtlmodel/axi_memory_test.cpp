// SPDX-License-Identifier: Apache-2.0
// The AXI memory and its checker, driven through pins without a module behind them.
#include "tandem/rtlmodel/axi_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <numeric>
#include <random>

#include "tandem/base/error.hpp"

namespace tandem::rtlmodel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kRam = 0x1000'0000;
constexpr unsigned kBeat = 64;

/// Names and integer types as Verilator gives them.
struct Pins {
  std::uint8_t m_axi_arvalid = 0, m_axi_arready = 0, m_axi_arid = 0, m_axi_arlen = 0;
  std::uint8_t m_axi_arsize = 6, m_axi_arburst = 1;
  std::uint64_t m_axi_araddr = 0;
  std::uint8_t m_axi_rvalid = 0, m_axi_rready = 1, m_axi_rid = 0, m_axi_rlast = 0, m_axi_rresp = 0;
  std::array<std::uint8_t, kBeat> m_axi_rdata{};
  std::uint8_t m_axi_awvalid = 0, m_axi_awready = 0, m_axi_awid = 0, m_axi_awlen = 0;
  std::uint8_t m_axi_awsize = 6, m_axi_awburst = 1;
  std::uint64_t m_axi_awaddr = 0;
  std::uint8_t m_axi_wvalid = 0, m_axi_wready = 0, m_axi_wlast = 0;
  std::array<std::uint8_t, kBeat> m_axi_wdata{};
  std::uint64_t m_axi_wstrb = 0;
  std::uint8_t m_axi_bvalid = 0, m_axi_bready = 1, m_axi_bid = 0, m_axi_bresp = 0;
};

struct Request {
  unsigned id = 0;
  std::uint64_t addr = 0;
  unsigned beats = 1;
};
struct ReadBeat {
  unsigned id = 0;
  unsigned response = 0;
  bool last = false;
  std::uint64_t cycle = 0;
  std::array<std::uint8_t, kBeat> data{};
};
struct WriteResponse {
  unsigned id = 0;
  unsigned response = 0;
  std::uint64_t cycle = 0;
};

/// A master that sends what is in its queues as fast as the memory takes it.
class Master {
 public:
  explicit Master(AxiSettings settings)
      : ram({{kRam, 0x10000}}), memory(pins, ram, std::move(settings)) {
    std::vector<std::uint8_t> bytes(0x10000);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::uint8_t(i * 7 + i / 251);
    ram.write(kRam, std::as_bytes(std::span(bytes)));
    initial = bytes;
  }

  void cycle() {
    const bool ar = pins.m_axi_arvalid & pins.m_axi_arready;
    const bool aw = pins.m_axi_awvalid & pins.m_axi_awready;
    const bool w = pins.m_axi_wvalid & pins.m_axi_wready;
    const bool r = pins.m_axi_rvalid & pins.m_axi_rready;
    const bool b = pins.m_axi_bvalid & pins.m_axi_bready;
    const Pins before = pins;
    memory.sample();
    if (r) {
      got.push_back({before.m_axi_rid, before.m_axi_rresp, bool(before.m_axi_rlast), memory.cycle(),
                     before.m_axi_rdata});
    }
    if (b) acknowledged.push_back({before.m_axi_bid, before.m_axi_bresp, memory.cycle()});
    if (ar) {
      accepted.push_back(memory.cycle());
      reads.pop_front();
    }
    if (aw) {
      data.push_back(writes.front());
      writes.pop_front();
    }
    if (w && ++beat == data.front().beats) {
      data.pop_front();
      beat = 0;
    }
    show();
    memory.drive();
  }
  void run(unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) cycle();
  }
  void drain() {
    for (int i = 0; i < 100'000; ++i) {
      cycle();
      if (reads.empty() && writes.empty() && data.empty() && memory.idle()) return;
    }
    FAIL() << "not idle: " << memory.describe();
  }

  Pins pins;
  driver::SparseRam ram;
  AxiMemory<Pins> memory;
  std::vector<std::uint8_t> initial;
  std::deque<Request> reads, writes, data;
  unsigned beat = 0;
  std::uint64_t strobes = ~std::uint64_t{0};
  std::uint8_t fill = 0x5c;
  std::vector<std::uint64_t> accepted;
  std::vector<ReadBeat> got;
  std::vector<WriteResponse> acknowledged;

 private:
  void show() {
    pins.m_axi_arvalid = !reads.empty();
    if (!reads.empty()) {
      pins.m_axi_arid = std::uint8_t(reads.front().id);
      pins.m_axi_araddr = reads.front().addr;
      pins.m_axi_arlen = std::uint8_t(reads.front().beats - 1);
    }
    pins.m_axi_awvalid = !writes.empty();
    if (!writes.empty()) {
      pins.m_axi_awid = std::uint8_t(writes.front().id);
      pins.m_axi_awaddr = writes.front().addr;
      pins.m_axi_awlen = std::uint8_t(writes.front().beats - 1);
    }
    pins.m_axi_wvalid = !data.empty();
    if (!data.empty()) {
      pins.m_axi_wlast = beat + 1 == data.front().beats;
      pins.m_axi_wdata.fill(fill);
      pins.m_axi_wstrb = strobes;
    }
  }
};

TEST(AxiMemory, ZeroWaitReadsABeatACycle) {
  Master m(AxiSettings::zero_wait());
  for (unsigned i = 0; i < 8; ++i) m.reads.push_back({i % 3, kRam + i * 1024, 16});
  m.drain();
  ASSERT_EQ(m.got.size(), 128u);
  EXPECT_EQ(m.got.front().cycle, m.accepted.front() + 1);
  EXPECT_EQ(m.got.back().cycle, m.got.front().cycle + 127);
  for (unsigned i = 0; i < 128; ++i) {
    EXPECT_EQ(m.got[i].last, i % 16 == 15);
    EXPECT_EQ(m.got[i].id, i / 16 % 3);
    EXPECT_EQ(std::memcmp(m.got[i].data.data(), &m.initial[i * kBeat], kBeat), 0) << i;
  }
}

TEST(AxiMemory, RealisticLatencyAndOutstandingBursts) {
  Master m(AxiSettings::realistic());
  for (unsigned i = 0; i < 40; ++i) m.reads.push_back({1, kRam + i * kBeat, 1});
  m.drain();
  EXPECT_EQ(m.got.front().cycle, m.accepted.front() + 80);
  EXPECT_EQ(m.accepted[15], m.accepted[0] + 15);
  EXPECT_GT(m.accepted[16], m.accepted[0] + 79) << "the 17th burst of an id waits";
  m.writes.push_back({2, kRam, 4});
  m.drain();
  ASSERT_EQ(m.acknowledged.size(), 1u);
  EXPECT_GE(m.acknowledged[0].cycle, 80u);
}

TEST(AxiMemory, BandwidthIsShared) {
  Master m({.beats_per_cycle = 0.25});
  for (unsigned i = 0; i < 4; ++i) m.reads.push_back({0, kRam + i * 1024, 16});
  m.drain();
  EXPECT_NEAR(double(m.got.back().cycle - m.got.front().cycle), 63 * 4, 4);
}

TEST(AxiMemory, StrobesChooseBytes) {
  for (const std::uint64_t strobes : {~std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{1} << 63,
                                      std::uint64_t{0x00f0'0000'0001'8001}}) {
    Master m(AxiSettings::zero_wait());
    m.strobes = strobes;
    m.writes.push_back({3, kRam + 128, 2});
    m.drain();
    std::vector<std::uint8_t> expected = m.initial;
    for (unsigned i = 0; i < 2 * kBeat; ++i) {
      if (strobes >> (i % kBeat) & 1) expected[128 + i] = m.fill;
    }
    std::vector<std::uint8_t> found(expected.size());
    m.ram.read(kRam, std::as_writable_bytes(std::span(found)));
    EXPECT_EQ(found, expected) << std::hex << strobes;
    EXPECT_EQ(m.acknowledged.size(), 1u);
  }
}

TEST(AxiMemory, NoRamAndInjectedFaults) {
  Master m({.faults = {{kRam + 0x100, kRam + 0x101, AxiResponse::kSlverr}}});
  m.reads = {{0, kRam + 0xc0, 3}, {1, 0x7000'0000, 2}};
  m.writes = {{0, kRam + 0x100, 1}, {1, 0x7000'0000, 2}, {2, kRam + 0x200, 1}};
  m.drain();
  ASSERT_EQ(m.got.size(), 5u);
  EXPECT_EQ(m.got[0].response, 0u);
  EXPECT_EQ(m.got[1].response, 2u) << "only the beat of the fault";
  EXPECT_EQ(m.got[2].response, 0u);
  EXPECT_EQ(m.got[3].response, 3u);
  ASSERT_EQ(m.acknowledged.size(), 3u);
  EXPECT_EQ(m.acknowledged[0].response, 2u);
  EXPECT_EQ(m.acknowledged[1].response, 3u);
  EXPECT_EQ(m.acknowledged[2].response, 0u);
  std::vector<std::uint8_t> kept(kBeat);
  m.ram.read(kRam + 0x100, std::as_writable_bytes(std::span(kept)));
  EXPECT_EQ(std::memcmp(kept.data(), &m.initial[0x100], kBeat), 0) << "faulting bytes are dropped";
}

TEST(AxiMemory, RandomTrafficWithStallsAndReordering) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Master m({.latency = 5, .stall_percent = 40, .reorder = true, .seed = seed});
    std::mt19937 random(static_cast<unsigned>(seed));
    std::map<unsigned, std::deque<Request>> of_id;
    for (int i = 0; i < 200; ++i) {
      const auto beats = unsigned(1 + random() % 16);
      const std::uint64_t page = kRam + random() % 8 * 4096;
      const Request r{unsigned(random() % 5), page + random() % (65 - beats) * kBeat, beats};
      m.reads.push_back(r);
      of_id[r.id].push_back(r);
      m.writes.push_back({unsigned(random() % 4), kRam + 0x8000 + random() % 64 * 64, 1});
    }
    m.drain();
    EXPECT_EQ(m.acknowledged.size(), 200u);
    bool interleaved = false;
    std::map<unsigned, unsigned> beat_of;
    for (std::size_t i = 0; i < m.got.size(); ++i) {
      const ReadBeat& beat = m.got[i];
      const Request& r = of_id[beat.id].front();
      unsigned& n = beat_of[beat.id];
      EXPECT_EQ(std::memcmp(beat.data.data(), &m.initial[r.addr - kRam + n * kBeat], kBeat), 0);
      EXPECT_EQ(beat.last, n + 1 == r.beats);
      if (!beat.last && i + 1 < m.got.size()) interleaved |= m.got[i + 1].id != beat.id;
      if (++n == r.beats) {
        of_id[beat.id].pop_front();
        n = 0;
      }
    }
    EXPECT_TRUE(interleaved);
  }
}

TEST(AxiMemory, SameSeedSameCycles) {
  const auto cycles = [](std::uint64_t seed) {
    Master m({.stall_percent = 30, .seed = seed});
    for (unsigned i = 0; i < 20; ++i) m.reads.push_back({i % 4, kRam + i * 1024, 16});
    m.drain();
    return m.got.back().cycle;
  };
  EXPECT_EQ(cycles(1), cycles(1));
  EXPECT_NE(cycles(1), cycles(2));
}

TEST(AxiMemory, StallsStandWhileNothingIsAskedFor) {
  const auto cycles = [](unsigned idle) {
    Master m({.stall_percent = 30, .seed = 5});
    std::uint64_t busy = 0;
    for (unsigned part = 0; part < 3; ++part) {
      m.run(idle * part);
      const std::uint64_t begin = m.memory.cycle();
      for (unsigned i = 0; i < 20; ++i) m.reads.push_back({i % 4, kRam + i * 1024, 16});
      m.drain();
      busy = busy * 1'000'000 + (m.got.back().cycle - begin);
    }
    return busy;
  };
  EXPECT_EQ(cycles(0), cycles(1));
  EXPECT_EQ(cycles(0), cycles(777));
}

/// Runs `provoke` on pins whose channels are all held back, and returns the message.
template <class Provoke>
std::string violation(Provoke&& provoke) {
  Master m({.latency = 1000, .outstanding_per_id = 1});
  try {
    provoke(m);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    return error.message();
  }
  return "no violation";
}

/// Fills the one place of id 0 on both channels, so that what follows waits.
void occupy(Master& m) {
  m.reads = {{0, kRam, 1}, {0, kRam + 64, 1}};
  m.writes = {{0, kRam, 1}, {0, kRam + 64, 1}};
  m.run(4);
}

TEST(AxiChecker, AddressValidGoesAway) {
  EXPECT_THAT(violation([](Master& m) {
                occupy(m);
                m.pins.m_axi_arvalid = 0;
                m.memory.sample();
              }),
              AllOf(HasSubstr("AXI protocol violation in cycle 5: AR id 0"),
                    HasSubstr("valid went away before ready"), HasSubstr("A3.2.1")));
  EXPECT_THAT(violation([](Master& m) {
                occupy(m);
                m.pins.m_axi_awvalid = 0;
                m.memory.sample();
              }),
              HasSubstr("AW id 0"));
}

TEST(AxiChecker, AddressPayloadChanges) {
  EXPECT_THAT(violation([](Master& m) {
                occupy(m);
                m.pins.m_axi_araddr += 64;
                m.memory.sample();
              }),
              AllOf(HasSubstr("AR"), HasSubstr("became"), HasSubstr("stable")));
  EXPECT_THAT(violation([](Master& m) {
                occupy(m);
                m.pins.m_axi_awlen = 3;
                m.memory.sample();
              }),
              AllOf(HasSubstr("AW"), HasSubstr("became")));
}

TEST(AxiChecker, AddressThatCannotBe) {
  const auto read = [](auto&& change) {
    return violation([&](Master& m) {
      m.pins.m_axi_arvalid = 1;
      m.pins.m_axi_araddr = kRam;
      change(m.pins);
      m.memory.sample();
    });
  };
  EXPECT_EQ(read([](Pins&) {}), "no violation");
  EXPECT_THAT(read([](Pins& p) { p.m_axi_arburst = 2; }), HasSubstr("burst type 2"));
  EXPECT_THAT(read([](Pins& p) { p.m_axi_arsize = 5; }), HasSubstr("size 5"));
  EXPECT_THAT(read([](Pins& p) { p.m_axi_araddr += 4; }), HasSubstr("not aligned to a beat"));
  EXPECT_THAT(read([](Pins& p) {
                p.m_axi_araddr += 4096 - 64;
                p.m_axi_arlen = 1;
              }),
              AllOf(HasSubstr("crosses a 4 KiB boundary"), HasSubstr("A3.4.1")));
}

TEST(AxiChecker, LastBeat) {
  const auto write = [](unsigned beats, auto&& change) {
    return violation([&](Master& m) {
      m.writes = {{1, kRam, beats}};
      m.run(2);
      change(m.pins);
      m.memory.sample();
    });
  };
  EXPECT_EQ(write(2, [](Pins&) {}), "no violation");
  EXPECT_THAT(write(2, [](Pins& p) { p.m_axi_wlast = 1; }), HasSubstr("beat 0 has WLAST 1"));
  EXPECT_THAT(write(1, [](Pins& p) { p.m_axi_wlast = 0; }), HasSubstr("beat 0 has WLAST 0"));
}

TEST(AxiChecker, DataChangesWhileItWaits) {
  const auto held = [](auto&& change) {
    return violation([&](Master& m) {
      m.pins.m_axi_wvalid = 1;  // Without an address it waits.
      m.memory.sample();
      change(m.pins);
      m.memory.sample();
    });
  };
  EXPECT_EQ(held([](Pins&) {}), "no violation");
  EXPECT_THAT(held([](Pins& p) { p.m_axi_wvalid = 0; }), HasSubstr("W: valid went away"));
  EXPECT_THAT(held([](Pins& p) { p.m_axi_wdata[63] = 1; }), HasSubstr("changed before ready"));
  EXPECT_THAT(held([](Pins& p) { p.m_axi_wstrb = 1; }), HasSubstr("changed before ready"));
  EXPECT_THAT(held([](Pins& p) { p.m_axi_wlast = 1; }), HasSubstr("changed before ready"));
}

TEST(AxiMemory, DescribeNamesWhatWaits) {
  Master m({.latency = 1000, .outstanding_per_id = 1});
  occupy(m);
  EXPECT_THAT(m.memory.describe(),
              AllOf(HasSubstr("m_axi_ar waits for ready"), HasSubstr("m_axi_aw waits for ready"),
                    HasSubstr("read id 0: 1 beats at 0x10000000, 0 transferred"),
                    HasSubstr("write (response) id 0: 1 beats at 0x10000000, 1 transferred")));
}

TEST(AxiSettings, NamesAndRanges) {
  EXPECT_EQ(AxiSettings::named("realistic").latency, 80u);
  EXPECT_EQ(AxiSettings::named("zero-wait").latency, 1u);
  const auto message = [](AxiSettings settings) -> std::string {
    try {
      settings.check();
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  };
  EXPECT_EQ(message({}), "");
  EXPECT_THAT(message({.latency = 0}), HasSubstr("latency must be at least 1 cycle, found 0"));
  EXPECT_THAT(message({.outstanding_per_id = 65}), HasSubstr("1 to 64, found 65"));
  EXPECT_THAT(message({.beats_per_cycle = 0}), HasSubstr("beats_per_cycle"));
  EXPECT_THAT(message({.stall_percent = 91}), HasSubstr("0 to 90"));
  EXPECT_THROW(AxiSettings::named("fast"), Error);
}

}  // namespace
}  // namespace tandem::rtlmodel

// SPDX-License-Identifier: Apache-2.0
// The packet check of the command processor against check_packet and check_extents.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "VCmdCheck128.h"
#include "VCmdCheck512.h"
#include "random_packets.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/regs.hpp"
#include "unit/abi/samples.hpp"
#include "verilated.h"

namespace tandem::rtltest {
namespace {

using abi::CheckResult;
using abi::Fault;
using abi::Packet;

struct Verdict {
  Fault error = Fault::kNone;
  std::uint64_t fault = 0;
  Fault late_error = Fault::kNone;  ///< Of the checks behind that of a micro-program.
  std::uint64_t late_fault = 0;
  abi::Engine engine = abi::Engine::kControl;
  bool operator==(const Verdict&) const = default;
};

std::string text_of(const Verdict& v) {
  return fmt::format("error {} at {:#x}, late {} at {:#x}, engine {}", static_cast<int>(v.error),
                     v.fault, static_cast<int>(v.late_error), v.late_fault,
                     static_cast<int>(v.engine));
}

Verdict expected(const Packet& packet, const abi::DeviceLimits& limits,
                 std::span<const abi::Region> map) {
  Verdict v;
  if (const auto* info = abi::find_opcode(static_cast<std::uint8_t>(packet.opcode))) {
    v.engine = info->engine;
  }
  if (const CheckResult bad = abi::check_packet(packet, limits)) {
    v.error = bad.fault, v.fault = bad.fault_addr;
    return v;
  }
  const CheckResult bad = abi::check_extents(abi::operands(packet).view(), map);
  if (packet.opcode == abi::Opcode::kVector) {
    v.late_error = bad.fault, v.late_fault = bad.fault_addr;
  } else {
    v.error = bad.fault, v.fault = bad.fault_addr;
  }
  return v;
}

template <class Top>
class Dut {
 public:
  Dut() {
    top_.rst_ni = 0;
    top_.take_i = top_.packet_valid_i = top_.flush_i = top_.region_write_i = 0;
    cycle();
    top_.rst_ni = 1;
  }
  ~Dut() { top_.final(); }

  void set_map(std::span<const abi::Region> map) {
    for (std::size_t i = 0; i < map.size(); ++i) {
      const abi::Region& r = map[i];
      const std::uint32_t words[] = {
          static_cast<std::uint32_t>(r.base), static_cast<std::uint32_t>(r.base >> 32),
          static_cast<std::uint32_t>(r.size), static_cast<std::uint32_t>(r.size >> 32),
          (r.valid ? abi::reg::kRegionAttrValid : 0u) |
              (r.writable ? abi::reg::kRegionAttrWritable : 0u)};
      for (std::uint16_t word = 0; word < 5; ++word) {
        top_.region_write_i = 1;
        top_.region_index_i = static_cast<std::uint8_t>(i);
        top_.region_offset_i = static_cast<std::uint16_t>(4 * word);
        top_.region_data_i = words[word];
        cycle();
      }
    }
    top_.region_write_i = 0;
  }

  /// Gives the packet's beats and waits for the verdict.
  Verdict check(const Packet& packet, const abi::DeviceLimits& limits) {
    top_.loaded_words_i = limits.loaded_ucode_words;
    top_.packet_valid_i = 1;
    feed(packet);
    for (unsigned waited = 0; !top_.valid_o; ++waited) {
      if (waited > 1000) throw std::runtime_error("the check does not end");
      feed(packet);
    }
    Verdict v;
    v.error = static_cast<Fault>(top_.error_o);
    v.fault = top_.fault_o;
    v.engine = static_cast<abi::Engine>(top_.engine_o);
    if (packet.opcode == abi::Opcode::kVector && v.error == Fault::kNone) {
      v.late_error = static_cast<Fault>(top_.late_error_o), v.late_fault = top_.late_fault_o;
    }
    EXPECT_EQ(std::memcmp(&top_.packet_o, &packet, sizeof packet), 0);
    top_.take_i = 1;
    top_.packet_valid_i = 0;
    cycle();
    top_.take_i = 0;
    return v;
  }

  /// Starts a check and drops it after some cycles.
  void abandon(const Packet& packet, unsigned cycles) {
    top_.packet_valid_i = 1;
    for (unsigned i = 0; i < cycles; ++i) feed(packet);
    top_.packet_valid_i = 0;
    top_.flush_i = 1;
    cycle();
    top_.flush_i = 0;
    beat_ = 0;
  }

  std::uint64_t cycles() const { return cycles_; }

 private:
  void cycle() {
    ++cycles_;
    top_.clk_i = 1;
    top_.eval();
    top_.clk_i = 0;
    top_.eval();
  }

  void feed(const Packet& packet) {
    const bool read = top_.read_o != 0;
    cycle();
    if (!read) return;
    constexpr std::size_t kBeatBytes = sizeof top_.beat_i;
    std::memcpy(&top_.beat_i, reinterpret_cast<const std::uint8_t*>(&packet) + beat_ * kBeatBytes,
                kBeatBytes);
    beat_ = (beat_ + 1) % (sizeof packet / kBeatBytes);
    top_.eval();
  }

  Top top_;
  std::size_t beat_ = 0;
  std::uint64_t cycles_ = 0;
};

void expect_equal(const Verdict& found, const Verdict& wanted, const Packet& packet,
                  std::uint64_t index) {
  ASSERT_EQ(text_of(found), text_of(wanted))
      << "packet " << index << ", opcode " << static_cast<int>(packet.opcode);
}

template <class Top>
void random_packets(std::uint64_t seed, std::uint64_t count) {
  Dut<Top> dut;
  RandomPackets random(seed);
  std::map<Fault, int> seen;
  std::vector<abi::Region> map;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i % 200 == 0) {
      map = random.draw_map();
      dut.set_map(map);
    }
    const abi::DeviceLimits limits{4096, static_cast<std::uint32_t>(random.below(130))};
    const Packet packet = random.draw();
    if (random.chance(1)) dut.abandon(packet, static_cast<unsigned>(random.below(60)));
    const Verdict wanted = expected(packet, limits, map);
    expect_equal(dut.check(packet, limits), wanted, packet, i);
    if (testing::Test::HasFatalFailure()) return;
    ++seen[wanted.error == Fault::kNone ? wanted.late_error : wanted.error];
  }
  for (const Fault fault :
       {Fault::kNone, Fault::kUnknownOpcode, Fault::kBadField, Fault::kBadShape,
        Fault::kShapeOverflow, Fault::kMisaligned, Fault::kUnmapped, Fault::kReadOnly}) {
    EXPECT_GE(seen[fault], static_cast<int>(count / 1000))
        << "too few with error " << static_cast<int>(fault);
  }
  std::string text;
  for (const auto& [fault, n] : seen) text += fmt::format(" {}:{}", static_cast<int>(fault), n);
  std::cout << fmt::format("packets by error:{}; {:.1f} cycles a packet\n", text,
                           static_cast<double>(dut.cycles()) / static_cast<double>(count));
}

TEST(CmdCheck, RandomPackets512) { random_packets<VCmdCheck512>(1, 150'000); }
TEST(CmdCheck, RandomPackets128) { random_packets<VCmdCheck128>(2, 30'000); }

/// Every bit of every sample, alone.
TEST(CmdCheck, EveryBitOfValidPackets) {
  Dut<VCmdCheck512> dut;
  const std::vector<abi::Region> map = {{0x10000, 0x80000, true, true}};
  std::vector<abi::Region> all(abi::kMaxRegions);
  all[5] = map[0];
  dut.set_map(all);
  const abi::DeviceLimits limits = abi::kLimits;
  const std::vector<Packet> samples = {
      abi::to_packet(abi::NopPacket{}),         abi::to_packet(abi::FencePacket{}),
      abi::to_packet(abi::sample_signal()),     abi::to_packet(abi::sample_wait()),
      abi::to_packet(abi::sample_load_ucode()), abi::to_packet(abi::sample_matmul()),
      abi::to_packet(abi::sample_group()),      abi::to_packet(abi::sample_row_col()),
      abi::to_packet(abi::sample_vector()),     abi::to_packet(abi::sample_copy()),
      abi::to_packet(abi::sample_fill()),       abi::to_packet(abi::sample_gather()),
      abi::to_packet(abi::sample_scatter()),
  };
  for (const Packet& sample : samples) {
    EXPECT_EQ(text_of(dut.check(sample, limits)), text_of(expected(sample, limits, map)));
    for (std::size_t bit = 0; bit < 8 * sizeof sample; ++bit) {
      Packet packet = sample;
      reinterpret_cast<std::uint8_t*>(&packet)[bit / 8] ^=
          static_cast<std::uint8_t>(1u << (bit % 8));
      expect_equal(dut.check(packet, limits), expected(packet, limits, map), packet, bit);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

/// Every value of every byte that has a table.
TEST(CmdCheck, EveryValueOfSmallFields) {
  Dut<VCmdCheck512> dut;
  std::vector<abi::Region> map(abi::kMaxRegions);
  map[0] = {0x10000, 0x80000, true, true};
  dut.set_map(map);
  for (const Packet& sample :
       {abi::to_packet(abi::sample_matmul()), abi::to_packet(abi::sample_group()),
        abi::to_packet(abi::sample_row_col()), abi::to_packet(abi::sample_vector())}) {
    for (std::size_t at = 0; at < 64; ++at) {
      if (at >= 8 && at < 28) continue;
      for (unsigned value = 0; value < 256; ++value) {
        Packet packet = sample;
        reinterpret_cast<std::uint8_t*>(&packet)[at] = static_cast<std::uint8_t>(value);
        expect_equal(dut.check(packet, abi::kLimits), expected(packet, abi::kLimits, map), packet,
                     at);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace tandem::rtltest

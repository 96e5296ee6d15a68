// SPDX-License-Identifier: Apache-2.0
// Streams of packets for DeviceBench with what must become of each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "device_bench.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/checksum.hpp"
#include "unit/abi/samples.hpp"

namespace tandem::rtltest {

struct Expected {
  abi::Packet packet;
  abi::Engine engine = abi::Engine::kControl;
  Outcome outcome;
  bool dispatched = false;        ///< An engine gets it.
  std::uint64_t signal_addr = 0;  ///< 0: no word is written.
};

struct StreamSettings {
  std::uint32_t bad_percent = 10;  ///< Packets that fail a check or time out.
  bool in_order = false;           ///< Wait masks of 7 only.
};

/// Packets from all over the contract, numbered from `first_seq` on.
template <class Top>
class StreamMaker {
 public:
  StreamMaker(DeviceBench<Top>& bench, StreamSettings settings)
      : bench_(bench), settings_(settings) {}

  std::vector<Expected> make(std::size_t count, std::uint64_t first_seq) {
    std::vector<Expected> stream;
    loaded_ = 0;
    signals_ = 0;
    for (std::size_t i = 0; i < count; ++i) {
      Expected e = draw();
      e.packet.seq = first_seq + i;
      e.packet.flags = static_cast<std::uint8_t>(bench_.below(2));
      e.packet.wait_mask = static_cast<std::uint8_t>(settings_.in_order ? 7 : bench_.below(8));
      finish(e);
      stream.push_back(e);
    }
    return stream;
  }

 private:
  using Bench = DeviceBench<Top>;
  static constexpr std::uint64_t kWords = Bench::kData + 0x8'0000;  ///< Of SIGNAL and WAIT.
  static constexpr std::uint64_t kNever = Bench::kData + 0x7'0000;  ///< A word that stays 0.

  template <class P>
  static Expected wrap(const P& packet) {
    return {abi::to_packet(packet), abi::Engine::kControl, {}, false, 0};
  }

  Expected draw() {
    const std::uint64_t at = Bench::kData - 0x1'0000 + 0x1'0000 * bench_.below(2);
    switch (bench_.below(12)) {
      case 0:
        return wrap(abi::NopPacket{});
      case 1:
        return wrap(abi::FencePacket{});
      case 2:
        return signal();
      case 3:
        return wait();
      case 4: {
        auto p = abi::sample_copy();
        p.src_addr += at, p.dst_addr += at;
        return wrap(p);
      }
      case 5: {
        auto p = abi::sample_fill();
        p.dst_addr += at;
        return wrap(p);
      }
      case 6: {
        auto p = abi::sample_gather();
        p.src_addr += at, p.dst_addr += at, p.index_addr += at;
        return wrap(p);
      }
      case 7:
      case 8: {
        auto p = abi::sample_matmul();
        p.a_addr += at, p.b_addr += at, p.c_addr += at;
        return wrap(p);
      }
      case 9: {
        auto p = abi::sample_load_ucode();
        p.dst_word = static_cast<std::uint32_t>(bench_.below(loaded_ + 3));
        p.words = static_cast<std::uint32_t>(1 + bench_.below(20));
        p.src_addr += at;
        return wrap(p);
      }
      default: {
        auto p = abi::sample_vector();
        p.in0_addr += at, p.in1_addr += at, p.out0_addr += at, p.out1_addr += at;
        if (bench_.chance(settings_.bad_percent)) p.out1_addr = Bench::kRom;
        return wrap(p);
      }
    }
  }

  Expected signal() {
    abi::SignalPacket p;
    p.elem_bytes = bench_.chance(50) ? 4 : 8;
    p.addr = kWords + 8 * signals_++;
    p.value = 1 + bench_.below(0xffff'ffff);
    if (bench_.chance(settings_.bad_percent)) p.addr = Bench::kRom;
    if (bench_.chance(settings_.bad_percent)) p.addr = Bench::kNoRam + 8;
    return wrap(p);
  }

  /// For a word that a SIGNAL before it writes, or for one that nobody writes.
  Expected wait() {
    abi::WaitPacket p;
    p.mask = 0xffff'ffff;
    p.addr = kNever;
    p.value = 0;
    p.cycle_limit = 1'000'000;
    if (bench_.chance(settings_.bad_percent)) p.value = 1, p.cycle_limit = 1 + bench_.below(50);
    if (bench_.chance(settings_.bad_percent)) p.addr = Bench::kNoRam + 4;
    return wrap(p);
  }

  /// Breaks some, and finds what must become of the packet.
  void finish(Expected& e) {
    auto* bytes = reinterpret_cast<std::uint8_t*>(&e.packet);
    if (bench_.chance(settings_.bad_percent)) bytes[bench_.chance(10) ? 0 : 255] = 0x7f;
    const auto* info = abi::find_opcode(static_cast<std::uint8_t>(e.packet.opcode));
    if (info != nullptr) e.engine = info->engine;
    const auto map = Bench::map();
    if (const auto bad = abi::check_packet(e.packet, {4096, loaded_})) {
      e.outcome = {bad.fault, bad.fault_addr, 0};
      return;
    }
    e.dispatched = e.engine != abi::Engine::kControl;
    if (const auto bad = abi::check_extents(abi::operands(e.packet).view(), map)) {
      e.outcome = {bad.fault, bad.fault_addr, 0};
      e.dispatched = e.packet.opcode == abi::Opcode::kVector;
      return;
    }
    if (e.dispatched) {
      if (e.packet.opcode == abi::Opcode::kLoadUcode) {
        const auto load = abi::packet_as<abi::LoadUcodePacket>(e.packet);
        loaded_ = std::max(loaded_, load.dst_word + load.words);
      } else {
        e.outcome = bench_.outcome_of(e.packet.seq);
        if (e.outcome.error != abi::Fault::kNone) e.outcome.checksum = 0;
      }
    } else if (e.packet.opcode == abi::Opcode::kSignal) {
      finish_signal(e);
    } else if (e.packet.opcode == abi::Opcode::kWait) {
      const auto p = abi::packet_as<abi::WaitPacket>(e.packet);
      if (p.addr != kNever)
        e.outcome = {abi::Fault::kBusError, p.addr, 0};
      else if (p.value != 0)
        e.outcome = {abi::Fault::kWaitTimeout, p.addr, 0};
    }
  }

  void finish_signal(Expected& e) {
    const auto p = abi::packet_as<abi::SignalPacket>(e.packet);
    if (p.addr == Bench::kNoRam + 8) {
      e.outcome = {abi::Fault::kBusError, p.addr, 0};
      return;
    }
    e.signal_addr = p.addr;
    e.outcome.checksum = numerics::checksum_bytes(
        p.addr, reinterpret_cast<const std::uint8_t*>(&p.value), p.elem_bytes);
  }

  DeviceBench<Top>& bench_;
  const StreamSettings settings_;
  std::uint32_t loaded_ = 0;
  std::uint64_t signals_ = 0;
};

/// The order in which engines got packets: that of the ring, each after what it had to wait for.
template <class Top>
void expect_order(const DeviceBench<Top>& bench, const std::vector<Expected>& stream) {
  std::vector<std::size_t> ended_at(stream.size(), ~std::size_t{0});
  const std::uint64_t first = stream.empty() ? 0 : stream[0].packet.seq;
  for (std::size_t i = 0; i < bench.ended.size(); ++i) ended_at[bench.ended[i] - first] = i;
  std::size_t next = 0;
  for (const auto& start : bench.starts) {
    const std::size_t index = start.packet.seq - first;
    while (next < stream.size() && !stream[next].dispatched) ++next;
    ASSERT_EQ(index, next++) << "packets start in the order of the ring";
    ASSERT_EQ(static_cast<unsigned>(stream[index].engine), start.engine);
    ASSERT_EQ(std::memcmp(&start.packet, &stream[index].packet, sizeof start.packet), 0);
    // Masks of packets up to this one, from the latest on: each makes all before it wait.
    unsigned engines = 1u << start.engine;
    for (std::size_t i = index + 1; i-- > 0;) {
      const Expected& e = stream[i];
      if (i != index && e.dispatched && (engines >> static_cast<unsigned>(e.engine) & 1) != 0) {
        ASSERT_LT(ended_at[i], start.ended)
            << "packet " << index << " started before " << i << " ended";
      }
      engines |= e.packet.wait_mask & 7u;
    }
  }
}

}  // namespace tandem::rtltest

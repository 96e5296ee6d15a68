// SPDX-License-Identifier: Apache-2.0
#include "soak/sequence.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <span>

#include "packetgen/dma_cases.hpp"
#include "packetgen/matrix_cases.hpp"
#include "packetgen/vector_cases.hpp"
#include "soak/mutate.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::soak {
namespace {

using abi::Engine;
using abi::Opcode;

// The generators of cases use the first bytes of two banks; each case of a sequence gets a slot
// there.
constexpr std::uint64_t kFirstBank = packetgen::kOperandBase;
constexpr std::uint64_t kSecondBank = packetgen::kUcodeBase;
constexpr std::uint64_t kSlotBytes = 8 << 20;
constexpr unsigned kSlots = 8;
constexpr std::uint64_t kBankBytes = kSlots * kSlotBytes;

constexpr std::uint64_t kPage = 4096;

constexpr std::uint64_t kCommands = 0x8000'0000;
constexpr std::uint64_t kPrograms = 0x9000'0000;  // Micro-programs, one each slot.
constexpr std::uint64_t kProgramBytes = 0x1'0000;
constexpr std::uint64_t kTables = kPrograms + 0xa'0000;
constexpr std::uint64_t kWords = kPrograms + 0xb'0000;  // Of SIGNAL and WAIT, one line a slot.
constexpr std::uint64_t kRom = 0x20'0000'0000;          // Packets may not write it.

constexpr std::uint64_t kLongWait = 4'000'000'000;  // More than any packet takes.

class Maker {
 public:
  Maker(std::uint64_t seed, std::uint64_t index, const driver::DeviceConfig& config)
      : random_(seed * 0x9e37'79b9'7f4a'7c15 + index), cases_(random_()), dma_(random_()) {
    limits_.ucode_words = config.ucode_words;
    for (const driver::RegionConfig& region : config.regions) {
      regions_.push_back({region.base.value, region.size, true, region.writable});
    }
  }

  Sequence make() {
    const unsigned cases = 1 + unsigned(below(kSlots));
    if (!chance(10)) add_tables();
    for (slot_ = 0; slot_ < cases; ++slot_) add_case();
    std::uint64_t seq = 0;
    for (Step& step : out_.steps) step.packet.seq = ++seq;
    return std::move(out_);
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }

  void add_case() {
    const std::uint64_t kind = below(100);
    if (kind < 30) {
      // Large shapes now and then: several tiles in every direction.
      const packetgen::MatrixLimits limits =
          chance(5) ? packetgen::MatrixLimits{.m = 80, .n = 200, .k = 300}
                    : packetgen::MatrixLimits{.m = 24, .n = 70, .k = 90};
      const packetgen::MatrixCase made = packetgen::random_matrix_case(random_, limits);
      for (const auto& data : made.data) add_data(data.addr, std::as_bytes(std::span(data.bytes)));
      add(abi::to_packet(made.packet), slot_ * kSlotBytes);
    } else if (kind < 60) {
      add_vector();
    } else if (kind < 88) {
      const packetgen::PacketCase made = dma_.any();
      for (const auto& data : made.data) add_data(data.addr, std::as_bytes(std::span(data.bytes)));
      add(made.packet, slot_ * kSlotBytes);
    } else {
      add_control();
    }
  }

  /// Bytes of a case, moved to the slot.
  void add_data(std::uint64_t addr, std::span<const std::byte> bytes) {
    put(addr + slot_ * kSlotBytes, bytes);
  }
  void put(std::uint64_t addr, std::span<const std::byte> bytes) {
    Data data{addr, std::vector<std::uint8_t>(bytes.size())};
    std::memcpy(data.bytes.data(), bytes.data(), bytes.size());
    out_.data.push_back(std::move(data));
  }

  void add_tables() {
    for (unsigned table = 0; table < 2; ++table) {
      std::vector<std::uint32_t> words(abi::kTableWords);
      for (std::uint32_t& word : words) word = cases_.float_pattern(true);
      const std::uint64_t addr = kTables + table * std::uint64_t{abi::kTableWords} * 4;
      put(addr, std::as_bytes(std::span(words)));
      add(abi::to_packet(packetgen::load_table(table, addr)), 0);
      tables_loaded_ |= 1u << table;
    }
  }

  void add_vector() {
    packetgen::VectorCase made = packetgen::random_vector_case(cases_, chance(10) ? 900 : 200);
    std::vector<std::uint64_t>& program = made.program;
    if (chance(4)) program[below(program.size())] ^= std::uint64_t{1} << below(64);
    const std::uint64_t room = limits_.ucode_words - program.size();
    const auto first = std::uint32_t(below(std::min<std::uint64_t>(loaded_, room) + 1));
    if (program_.size() < first + program.size()) program_.resize(first + program.size());
    std::copy(program.begin(), program.end(), program_.begin() + first);
    const std::uint64_t addr = kPrograms + slot_ * kProgramBytes;
    put(addr, std::as_bytes(std::span(program)));
    abi::LoadUcodePacket load =
        packetgen::load_program(first, static_cast<std::uint32_t>(program.size()));
    load.src_addr = addr;
    add(abi::to_packet(load), 0);
    loaded_ = std::max(loaded_, first + load.words);
    made.packet.ucode_start = static_cast<std::uint16_t>(first);
    for (const auto& data : made.data) add_data(data.addr, data.bytes);
    add(abi::to_packet(made.packet), slot_ * kSlotBytes);
  }

  void add_control() {
    const std::uint64_t addr = kWords + slot_ * 64;
    switch (below(4)) {
      case 0:
        return add(abi::to_packet(abi::NopPacket{}), 0);
      case 1:
        return add(abi::to_packet(abi::FencePacket{}), 0);
      case 2: {
        abi::WaitPacket wait;  // Memory holds another value: it ends by its limit.
        wait.addr = addr;
        wait.mask = static_cast<std::uint32_t>(random_()) | 1;
        wait.value = 1;
        wait.cycle_limit = below(2000);
        const std::uint32_t zero = 0;
        put(addr, std::as_bytes(std::span(&zero, 1)));
        return add(abi::to_packet(wait), 0);
      }
      default: {
        abi::SignalPacket signal;
        signal.elem_bytes = chance(50) ? 4 : 8;
        signal.addr = addr;
        signal.value = random_() >> (64 - 8 * signal.elem_bytes);
        add(abi::to_packet(signal), 0);
        if (out_.steps.back().written.empty()) return;
        abi::WaitPacket wait;
        wait.addr = addr;
        wait.mask = static_cast<std::uint32_t>(random_());
        wait.value = static_cast<std::uint32_t>(signal.value) & wait.mask;
        wait.cycle_limit = kLongWait;
        return add(abi::to_packet(wait), 0);
      }
    }
  }

  /// Moves the operands by `offset`, links, breaks and orders the packet, and appends it.
  void add(abi::Packet packet, std::uint64_t offset) {
    const abi::OperandList operands = abi::operands(packet);
    for (const abi::Operand& operand : operands.view()) {
      set_address(packet, operand, operand.base + offset);
    }
    if (chance(40)) link(packet);
    packet.flags = static_cast<std::uint8_t>(below(2));
    packet.wait_mask = chance(50) ? 7 : static_cast<std::uint8_t>(below(8));
    if (chance(12) && break_it(packet)) {
      out_.steps.push_back({packet, {}});
      return;
    }
    Step step{packet, {}};
    const abi::OperandList moved = abi::operands(packet);
    for (const abi::Operand& operand : moved.view()) {
      if (operand.role != abi::Role::kRead) step.written.push_back(operand);
    }
    order(step);
    guard(step);
    out_.steps.push_back(std::move(step));
  }

  static void set_address(abi::Packet& packet, const abi::Operand& operand, std::uint64_t addr) {
    std::memcpy(reinterpret_cast<std::byte*>(&packet) + operand.addr_field, &addr, sizeof addr);
  }

  static bool meet(const abi::Operand& a, const abi::Operand& b) {
    return a.base < b.hull_end() && b.base < a.hull_end();
  }

  /// Makes an input read what an earlier packet writes.
  void link(abi::Packet& packet) {
    if (out_.steps.empty() || packet.opcode == Opcode::kWait ||
        packet.opcode == Opcode::kLoadUcode) {
      return;
    }
    const Step& producer = out_.steps[below(out_.steps.size())];
    // Those that a bad index ends leave unspecified bytes.
    const Opcode kind = producer.packet.opcode;
    if (producer.written.empty() || kind == Opcode::kGather || kind == Opcode::kScatterAdd ||
        kind == Opcode::kSignal) {
      return;
    }
    const abi::OperandList operands = abi::operands(packet);
    if (operands.count == 0) return;
    const abi::Operand& input = operands.items[below(std::uint64_t(operands.count))];
    if (input.role != abi::Role::kRead || input.name == "index") return;
    abi::Operand moved = input;
    moved.base = producer.written[below(producer.written.size())].base & ~std::uint64_t{63};
    const std::uint64_t bank = moved.base >= kSecondBank ? kSecondBank : kFirstBank;
    if (moved.hull_end() > bank + kBankBytes) return;
    for (const abi::Operand& other : operands.view()) {
      if (other.role != abi::Role::kRead && meet(other, moved)) return;
    }
    // Nothing unspecified may lie in what it reads now.
    for (const Step& step : out_.steps) {
      const bool indexed =
          step.packet.opcode == Opcode::kGather || step.packet.opcode == Opcode::kScatterAdd;
      for (const abi::Operand& other : step.written) {
        if (indexed && meet(other, moved)) return;
      }
    }
    set_address(packet, input, moved.base);
  }

  bool passes(const abi::Packet& packet) const {
    abi::DeviceLimits limits = limits_;
    limits.loaded_ucode_words = loaded_;
    if (abi::check_packet(packet, limits)) return false;
    if (packet.opcode == Opcode::kVector) {
      const auto vector = abi::packet_as<abi::VectorPacket>(packet);
      const auto program =
          std::span(program_).subspan(std::min<std::size_t>(vector.ucode_start, program_.size()));
      if (abi::check_ucode(vector, program, tables_loaded_)) return false;
    }
    return !abi::check_extents(abi::operands(packet).view(), regions_);
  }

  /// Whether it could be made to fail its checks.
  bool break_it(abi::Packet& packet) {
    for (int attempt = 0; attempt < 8; ++attempt) {
      abi::Packet broken = packet;
      if (chance(80)) {
        for (std::uint64_t n = 1 + below(3); n != 0; --n) mutate(random_, broken);
      } else {
        misplace(broken);
      }
      if (passes(broken)) continue;
      packet = broken;
      return true;
    }
    return false;
  }

  /// Moves an operand across the border of a region, or to memory that packets may not write.
  void misplace(abi::Packet& packet) {
    const abi::OperandList operands = abi::operands(packet);
    if (operands.count == 0) return;
    const abi::Operand& operand = operands.items[below(std::uint64_t(operands.count))];
    const abi::Region& region = chance(50) ? regions_.back() : regions_[below(regions_.size())];
    const std::uint64_t border = chance(50) ? region.base : region.base + region.size;
    set_address(packet, operand, border + 64 * below(64) - 32 * 64);
  }

  static Engine engine_of(const abi::Packet& packet) {
    return abi::find_opcode(static_cast<std::uint8_t>(packet.opcode))->engine;
  }

  /// Extends the wait mask by the engines of earlier packets that share bytes with this one.
  void order(Step& step) const {
    const Engine own = engine_of(step.packet);
    const abi::OperandList operands = abi::operands(step.packet);
    for (const Step& earlier : out_.steps) {
      if (earlier.written.empty() && !reads(earlier)) continue;
      const Engine engine = engine_of(earlier.packet);
      if (engine == own || engine == Engine::kControl) continue;
      if (shares(earlier, operands)) {
        step.packet.wait_mask =
            static_cast<std::uint8_t>(step.packet.wait_mask | 1u << static_cast<unsigned>(engine));
      }
    }
  }
  /// A packet without destination that executes.
  bool reads(const Step& step) const {
    return abi::find_opcode(static_cast<std::uint8_t>(step.packet.opcode)) != nullptr &&
           passes(step.packet);
  }
  static bool shares(const Step& earlier, const abi::OperandList& operands) {
    const abi::OperandList before = abi::operands(earlier.packet);
    for (const abi::Operand& a : before.view()) {
      for (const abi::Operand& b : operands.view()) {
        const bool writes = a.role != abi::Role::kRead || b.role != abi::Role::kRead;
        if (writes && meet(a, b)) return true;
      }
    }
    return false;
  }

  /// What destinations and the bytes around them hold before, below the data of the case.
  void guard(const Step& step) {
    for (const abi::Operand& operand : step.written) {
      const std::uint64_t begin = operand.base - kGuardBytes;
      background_.push_back(
          {begin, std::vector<std::uint8_t>(operand.hull_end() + kGuardBytes - begin,
                                            static_cast<std::uint8_t>(random_()))});
    }
    out_.data.insert(out_.data.begin(), std::make_move_iterator(background_.begin()),
                     std::make_move_iterator(background_.end()));
    background_.clear();
  }

  std::mt19937_64 random_;
  packetgen::Random cases_;
  packetgen::PacketMaker dma_;
  abi::DeviceLimits limits_;
  std::vector<abi::Region> regions_;
  Sequence out_;
  std::vector<Data> background_;
  unsigned slot_ = 0;
  std::vector<std::uint64_t> program_;  // As LOAD_UCODE leaves it, if none of them fails.
  std::uint32_t loaded_ = 0;
  unsigned tables_loaded_ = 0;
};

}  // namespace

driver::DeviceConfig soak_config(const driver::DeviceConfig& hardware) {
  driver::DeviceConfig config = hardware;
  // A page around the slots, for the bytes around operands.
  const auto bank = [](const char* name, std::uint64_t base) {
    return driver::RegionConfig{name, PhysAddr(base - kPage), kBankBytes + 2 * kPage, true};
  };
  config.regions = {{"commands", PhysAddr(kCommands), 2 << 20, true},
                    {"programs", PhysAddr(kPrograms), 1 << 20, true},
                    bank("first", kFirstBank),
                    bank("second", kSecondBank),
                    {"rom", PhysAddr(kRom), 1 << 20, false}};
  return config;
}

Sequence make_sequence(std::uint64_t seed, std::uint64_t index,
                       const driver::DeviceConfig& config) {
  return Maker(seed, index, config).make();
}

}  // namespace tandem::soak

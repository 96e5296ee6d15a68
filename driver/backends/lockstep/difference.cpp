// SPDX-License-Identifier: Apache-2.0
#include "difference.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/elements.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::lockstep {
namespace {

/// What differs in the bytes of one operand; empty if nothing does.
std::string operand_text(const abi::Packet& packet, const abi::Operand& operand, const Side& a,
                         const Side& b, const Names& names) {
  const abi::Dtype type = abi::element_type(packet, operand);
  const auto reader = [](const Side& side) {
    return [&side](std::uint64_t addr, std::span<std::byte> dst) {
      side.device.read(PhysAddr(addr), dst);
    };
  };
  std::uint64_t elements = 0;
  std::uint64_t differing = 0;
  std::string first;
  abi::for_each_element(
      packet, operand, reader(a), reader(b), [&](const abi::ElementPair& element) {
        ++elements;
        if (!element.differ || differing++ != 0) return;
        const std::string place = names.place(element.addr);
        const std::string name =
            type == abi::Dtype::kNone ? std::string() : fmt::format("{} ", abi::to_string(type));
        first = fmt::format("first {}{} at {:#x}{}: {}{} on {}, {} on {}", operand.name,
                            abi::index_text(packet, operand, element.number), element.addr,
                            place.empty() ? place : fmt::format(" ({})", place), name,
                            abi::value_text(type, element.a), a.label,
                            abi::value_text(type, element.b), b.label);
      });
  if (differing == 0) return {};
  return fmt::format("{} of {} elements of {} differ, {}", differing, elements, operand.name,
                     first);
}

}  // namespace

bool overlap(std::span<const abi::Operand> a, std::span<const abi::Operand> b) {
  return std::ranges::any_of(a, [&](const abi::Operand& x) {
    return std::ranges::any_of(
        b, [&](const abi::Operand& y) { return x.base < y.hull_end() && y.base < x.hull_end(); });
  });
}

bool same_outcome(const abi::Completion& a, const abi::Completion& b) {
  return a.seq == b.seq && a.error == b.error && a.opcode == b.opcode && a.engine == b.engine &&
         a.fault_addr == b.fault_addr && a.checksum == b.checksum;
}

std::string packet_title(const abi::Packet& packet, const Names& names) {
  const auto opcode = static_cast<std::uint8_t>(packet.opcode);
  const abi::OpcodeInfo* info = abi::find_opcode(opcode);
  const std::string op = names.op(packet.seq);
  return fmt::format(
      "{} seq {}{}",
      info != nullptr ? std::string(info->name) : fmt::format("opcode {:#04x}", opcode), packet.seq,
      op.empty() ? op : fmt::format(" (op {})", op));
}

std::string record_text(const abi::Completion& record) {
  std::string text = fmt::format("error {}", abi::to_string(record.error));
  if (record.error != abi::Fault::kNone) {
    text += fmt::format(", fault_addr {:#x}", record.fault_addr);
  }
  return text + fmt::format(", checksum {:#018x}", record.checksum);
}

std::string describe_difference(const abi::Packet& packet, const abi::Completion& record_a,
                                const abi::Completion& record_b, const Side& a, const Side& b,
                                const Names& names) {
  std::string what;
  if (record_a.seq != record_b.seq || record_a.opcode != record_b.opcode ||
      record_a.engine != record_b.engine) {
    what = fmt::format(
        "record of seq {}, opcode {:#x}, engine {} on {}, seq {}, opcode {:#x}, "
        "engine {} on {}",
        record_a.seq, record_a.opcode, static_cast<int>(record_a.engine), a.label, record_b.seq,
        record_b.opcode, static_cast<int>(record_b.engine), b.label);
  } else if (record_a.error == abi::Fault::kNone && record_b.error == abi::Fault::kNone) {
    for (const abi::Operand& operand : abi::written_operands(packet)) {
      what = operand_text(packet, operand, a, b, names);
      if (!what.empty()) break;
    }
    if (what.empty()) {
      what =
          "the written bytes are equal, so a checksum is wrong, or a byte outside the packet's "
          "operands was written";
    }
  } else {
    what = "the outcomes differ";
  }
  return fmt::format(
      "lockstep: {} and {} differ in {}: {}; completions: {}: {}; {}: {}; packet: {}", a.label,
      b.label, packet_title(packet, names), what, a.label, record_text(record_a), b.label,
      record_text(record_b), abi::disassemble(packet));
}

}  // namespace tandem::lockstep

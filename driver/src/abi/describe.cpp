// SPDX-License-Identifier: Apache-2.0
// Error completions as sentences.
#include "tandem/abi/describe.hpp"

#include <fmt/format.h>

#include "checks.hpp"
#include "field_text.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::abi {
namespace {

using detail::value_text;

/// "b_type is i32" with the unit where there is one.
std::string found_text(const FieldInfo& field, std::uint64_t value) {
  const bool has_unit = !field.unit.empty() && field.unit != "address";
  return fmt::format("{} is {}{}{}", field.name, value_text(field, value), has_unit ? " " : "",
                     has_unit ? field.unit : std::string_view{});
}

/// What a field's own rule allows if `value` breaks it, else empty.
std::string allowed_text(const FieldInfo& field, std::uint64_t value) {
  if ((value & ~field.mask) != 0) return fmt::format("allowed bits are {:#x}", field.mask);
  if (field.nonzero != NonZero::kNo && value == 0) return "allowed is 1 or more";
  if (field.allowed.empty()) return {};
  std::string list;
  for (std::uint16_t allowed : field.allowed) {
    if (value == allowed) return {};
    list += fmt::format(" {}", value_text(field, allowed));
  }
  return "allowed" + list;
}

std::string enum_text(std::string_view enumeration, std::uint64_t value) {
  return detail::lower(enum_name(enumeration, value));
}

/// The rule between fields that the field at `at` breaks.
std::string combination_text(const MatmulPacket& p, std::uint64_t at) {
  const std::string mode = enum_text("scale_mode", static_cast<std::uint64_t>(p.scale_mode));
  const bool group = p.scale_mode == ScaleMode::kGroup;
  switch (at) {
    case offsetof(MatmulPacket, a_type):
      return "scale_mode group takes a float a_type";
    case offsetof(MatmulPacket, b_type):
      return group ? "scale_mode group takes i8 or u4"
                   : fmt::format("a_type is {}: i8 goes with i8 only, u4 needs scale_mode group",
                                 to_string(p.a_type));
    case offsetof(MatmulPacket, c_type):
      return fmt::format(
          "i32 is the result of i8 x i8 without scaling and of nothing else (a_type "
          "{}, b_type {}, scale_mode {})",
          to_string(p.a_type), to_string(p.b_type), mode);
    case offsetof(MatmulPacket, scale_type):
      return fmt::format("scale_mode {} takes {}", mode,
                         group ? "f16 or f32" : (mode == "none" ? "none" : "f32"));
    case offsetof(MatmulPacket, b_layout):
      return "scale_mode group takes nk or panels";
    case offsetof(MatmulPacket, init_mode):
      return "scale_mode row_col takes zero or bias";
    case offsetof(MatmulPacket, scale_mode):
      return fmt::format("row_col takes i8 x i8 (a_type {}, b_type {})", to_string(p.a_type),
                         to_string(p.b_type));
    case offsetof(MatmulPacket, group_size):
      return group ? "scale_mode group takes 16, 32, 64 or 128"
                   : fmt::format("scale_mode {} takes 0", mode);
    default:
      return fmt::format("the operand is absent with init_mode {} and scale_mode {}, which takes 0",
                         enum_text("init_mode", static_cast<std::uint64_t>(p.init_mode)), mode);
  }
}

std::string combination_text(const VectorPacket&, std::uint64_t at) {
  if (at == offsetof(VectorPacket, out_scalar)) return "bits of absent outputs must be 0";
  if (at == offsetof(VectorPacket, saturate)) return "only bits of e4m3 and e5m2 outputs may be 1";
  if (at < offsetof(VectorPacket, param0)) {
    return "absent operands and outputs with out_scalar take 0";
  }
  return "the operand's type is none, which takes 0";
}

std::string combination_text(const SignalPacket& p, std::uint64_t) {
  return fmt::format("elem_bytes {} takes values below 2^{}", p.elem_bytes, 8 * p.elem_bytes);
}

std::string combination_text(const FillPacket& p, std::uint64_t) {
  return fmt::format("elem_bytes {} takes values below 2^{}", p.elem_bytes, 8 * p.elem_bytes);
}

std::string combination_text(const LoadUcodePacket& p, std::uint64_t at) {
  if (p.target != UcodeTarget::kProgram) {
    return at == offsetof(LoadUcodePacket, words) ? "a table takes 256 words" : "a table takes 0";
  }
  return at == offsetof(LoadUcodePacket, words)
             ? "dst_word + words must not pass the UCODE_WORDS of the device"
             : "at most the number of words loaded since reset: load programs without gaps";
}

std::string combination(const Packet& packet, std::uint64_t at) {
  return detail::visit_packet(packet, [at](const auto& p) -> std::string {
    if constexpr (requires { combination_text(p, at); }) {
      return combination_text(p, at);
    } else {
      return "this value is not allowed here";
    }
  });
}

/// BAD_FIELD and BAD_SHAPE: the field and what it may hold.
std::string field_sentence(const Packet& packet, const OpcodeInfo& info, std::uint64_t at) {
  const PacketBytes bytes = to_bytes(packet);
  const FieldInfo* field = find_field(info, at);
  if (field == nullptr) {
    if (at >= bytes.size()) return fmt::format("byte {} lies past the packet", at);
    return fmt::format("the byte is reserved and holds {:#04x}, allowed is 0", bytes[at]);
  }
  const std::uint64_t value = detail::load_field(bytes, *field);
  const std::string allowed = allowed_text(*field, value);
  if (!allowed.empty()) return found_text(*field, value) + ", " + allowed;
  return found_text(*field, value) + "; " + combination(packet, at);
}

std::string alignment_sentence(const Packet& packet, const OpcodeInfo& info, std::uint64_t at) {
  const FieldInfo* field = find_field(info, at);
  const detail::AlignmentList list =
      detail::visit_packet(packet, [](const auto& p) { return detail::alignments(p); });
  if (field != nullptr) {
    for (const detail::Alignment& item : list.view()) {
      if (item.at != at) continue;
      return fmt::format("{} is {:#x}, allowed are multiples of {} bytes", field->name, item.value,
                         item.align);
    }
  }
  return "no field that needs alignment lies there";
}

/// "operand b (0x1000 to 0x1fff)": the first operand whose hull holds the address.
std::string operand_at(const Packet& packet, std::uint64_t addr) {
  const OperandList list = operands(packet);
  for (const Operand& operand : list.view()) {
    const std::uint64_t last = operand.hull_end() - 1;
    if (addr < operand.base || addr > last) continue;
    return fmt::format("operand {} covers {:#x} to {:#x}", operand.name, operand.base, last);
  }
  return "no operand covers it";
}

std::string overflow_sentence(const Packet& packet, std::uint64_t at) {
  const OperandList list = operands(packet);
  for (const Operand& operand : list.view()) {
    if (operand.addr_field != at) continue;
    return fmt::format("operand {} at {:#x} reaches past 2^64 - 1 with its extents and strides",
                       operand.name, operand.base);
  }
  return "an operand reaches past 2^64 - 1";
}

std::string index_sentence(const Packet& packet, std::uint64_t addr) {
  const auto gather = packet_as<GatherPacket>(packet);  // SCATTER_ADD has limit at the same place
  return fmt::format("the index at {:#x} is negative or not below limit {}", addr, gather.limit);
}

std::string wait_sentence(const Packet& packet, std::uint64_t addr) {
  const auto wait = packet_as<WaitPacket>(packet);
  return fmt::format("the word at {:#x} & {:#x} did not become {:#x} within {} cycles", addr,
                     wait.mask, wait.value, wait.cycle_limit);
}

std::string ucode_sentence(const Packet& packet, std::uint64_t index) {
  const auto vector = packet_as<VectorPacket>(packet);
  return fmt::format("the micro-program is words {} to {}; word {} is not loaded or breaks a rule",
                     vector.ucode_start, vector.ucode_start + vector.ucode_words - 1, index);
}

std::string head(const Packet& packet, const OpcodeInfo* info, Fault fault) {
  const std::string name =
      info != nullptr ? std::string(info->name)
                      : fmt::format("opcode {:#04x}", static_cast<unsigned>(packet.opcode));
  return fmt::format("{} seq {}: {}", name, packet.seq, to_string(fault));
}

std::string unknown_opcode_sentence() {
  std::string list;
  for (const OpcodeInfo& info : opcodes()) list += fmt::format(" {}", info.name);
  return "no engine of this device takes the opcode; known are" + list;
}

}  // namespace

std::string describe_fault(const Packet& packet, Fault fault, std::uint64_t fault_addr) {
  const OpcodeInfo* info = find_opcode(static_cast<std::uint8_t>(packet.opcode));
  const std::string start = head(packet, info, fault);
  const std::uint64_t at = fault_addr;
  if (fault == Fault::kUnknownOpcode || (info == nullptr && fault != Fault::kNone)) {
    return fmt::format("{}: {}; correct the packet", start, unknown_opcode_sentence());
  }
  switch (fault) {
    case Fault::kBadField:
    case Fault::kBadShape:
      return fmt::format("{} at byte {}: {}; correct the packet", start, at,
                         field_sentence(packet, *info, at));
    case Fault::kShapeOverflow:
      return fmt::format("{} at byte {}: {}; correct extents and strides", start, at,
                         overflow_sentence(packet, at));
    case Fault::kMisaligned:
      return fmt::format("{} at byte {}: {}; correct the packet", start, at,
                         alignment_sentence(packet, *info, at));
    case Fault::kBadUcode:
      return fmt::format("{} at word {}: {}; check it with `tandem dis`", start, at,
                         ucode_sentence(packet, at));
    case Fault::kUnmapped:
      return fmt::format(
          "{} at {:#x}: {}, no valid region holds that byte; compare with the "
          "memory map of `tandem info`",
          start, at, operand_at(packet, at));
    case Fault::kReadOnly:
      return fmt::format(
          "{} at {:#x}: {}, the region is not writable; choose another destination "
          "or set WRITABLE",
          start, at, operand_at(packet, at));
    case Fault::kBadIndex:
      return fmt::format("{} at {:#x}: {}; correct the index data", start, at,
                         index_sentence(packet, at));
    case Fault::kWaitTimeout:
      return fmt::format("{} at {:#x}: {}; check who writes the word", start, at,
                         wait_sentence(packet, at));
    case Fault::kBusError:
      return fmt::format("{} at {:#x}: {}, memory answered with an error; check memory and bus",
                         start, at, operand_at(packet, at));
    case Fault::kBadRing:
      return fmt::format(
          "BAD_RING ({:#x}): ring base, size or doorbell is not usable; check the "
          "ring registers, then reset",
          at);
    case Fault::kNone:
    case Fault::kUnknownOpcode:
      break;
  }
  return fault == Fault::kNone
             ? start
             : fmt::format(
                   "{} ({}) at {:#x}: this version knows no such error; compare ABI versions",
                   start, static_cast<unsigned>(fault), at);
}

}  // namespace tandem::abi

// SPDX-License-Identifier: Apache-2.0
// Packets and micro-programs to text.
#include <fmt/format.h>

#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>

#include "field_text.hpp"
#include "tandem/abi/asm.hpp"
#include "ucode_kinds.hpp"

namespace tandem::abi {
namespace detail {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::uint64_t load_field(const PacketBytes& bytes, const FieldInfo& field) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + field.at, field.width / 8u);
  return value;
}

void store_field(PacketBytes& bytes, const FieldInfo& field, std::uint64_t value) {
  std::memcpy(bytes.data() + field.at, &value, field.width / 8u);
}

std::uint64_t default_value(const FieldInfo& field) {
  return field.name == "wait_mask" ? kWaitAll : 0;
}

std::string_view text_name(const FieldInfo& field) {
  return field.name == "wait_mask" ? "wait" : field.name;
}

namespace {

std::string wait_text(std::uint64_t mask) {
  if (mask == 0) return "none";
  if ((mask & ~std::uint64_t{kWaitAll}) != 0) return fmt::format("{:#x}", mask);
  std::string out;
  for (unsigned engine = 0; engine < 3; ++engine) {
    if (((mask >> engine) & 1) == 0) continue;
    if (!out.empty()) out += ',';
    out += lower(enum_name("engine", engine));
  }
  return out;
}

}  // namespace

std::string value_text(const FieldInfo& field, std::uint64_t value) {
  if (field.name == "wait_mask") return wait_text(value);
  if (field.name == "flags") return value == kFlagIrq ? "irq" : fmt::format("{:#x}", value);
  if (!field.enum_name.empty()) {
    const std::string_view name = enum_name(field.enum_name, value);
    return name.empty() ? fmt::format("{}", value) : lower(name);
  }
  const bool bits = field.unit == "address" || (field.unit.empty() && field.width >= 32);
  return bits && field.name != "seq" ? fmt::format("{:#x}", value) : fmt::format("{}", value);
}

}  // namespace detail

namespace {

std::string raw_text(const PacketBytes& bytes) {
  std::size_t used = bytes.size();
  while (used > 1 && bytes[used - 1] == 0) --used;
  std::string out = ".raw ";
  for (std::size_t i = 0; i < used; ++i) out += fmt::format("{:02x}", bytes[i]);
  return out;
}

std::string imm_text(const MicroOpInfo& info, std::uint32_t bits) {
  const float value = std::bit_cast<float>(bits);
  const bool plain = value == 0.0f || std::isnormal(value);
  if (!detail::takes_floats(info) || !plain) return fmt::format("{:#x}", bits);
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string selector_text(const MicroOpInfo& info, char kind, unsigned selector,
                          std::uint32_t imm) {
  switch (kind) {
    case 'i':
      return fmt::format("in{}", selector);
    case 'o':
      return fmt::format("out{}", selector);
    case 't':
      return fmt::format("t{}", selector);
    default:
      break;
  }
  if (is_v(selector)) return fmt::format("v{}", selector - kSelectV);
  if (is_s(selector)) return fmt::format("s{}", selector - kSelectS);
  if (is_p(selector)) return fmt::format("p{}", selector - kSelectP);
  if (selector == kSelectImm) return imm_text(info, imm);
  if (selector == kSelectRow0) return "row0";
  if (selector == kSelectRow1) return "row1";
  return "col";
}

/// True if the text of the word would hold all its bits.
bool representable(const MicroOpInfo& info, const MicroWord& w) {
  const std::pair<char, unsigned> sources[] = {{info.a, w.a}, {info.b, w.b}, {info.c, w.c}};
  bool uses_imm = false;
  for (const auto& [kind, selector] : sources) {
    if (!detail::selector_ok(kind, selector, false)) return false;
    uses_imm = uses_imm || (detail::is_source(kind) && selector == kSelectImm);
  }
  return detail::selector_ok(info.d, w.dst, true) && (uses_imm || w.imm == 0);
}

}  // namespace

std::string disassemble(const Packet& packet) {
  const PacketBytes bytes = to_bytes(packet);
  const OpcodeInfo* info = find_opcode(bytes[0]);
  if (info == nullptr) return raw_text(bytes);
  std::string out(info->name);
  PacketBytes rest = bytes;
  for (const FieldInfo& field : info->fields) {
    const std::uint64_t value = detail::load_field(bytes, field);
    detail::store_field(rest, field, 0);
    if (field.name == "opcode" || value == detail::default_value(field)) continue;
    out += fmt::format(" {}={}", detail::text_name(field), detail::value_text(field, value));
  }
  return rest == PacketBytes{} ? out : raw_text(bytes);
}

std::string disassemble_word(std::uint64_t word) {
  const MicroWord w = decode(word);
  const MicroOpInfo* info = find_micro_op(static_cast<std::uint8_t>(w.op));
  if (info == nullptr || !representable(*info, w)) return fmt::format(".word {:#018x}", word);
  std::string out(info->name);
  const std::pair<char, unsigned> parts[] = {
      {info->d, w.dst}, {info->a, w.a}, {info->b, w.b}, {info->c, w.c}};
  const char* separator = " ";
  for (const auto& [kind, selector] : parts) {
    if (kind == '-') continue;
    out += fmt::format("{}{}", separator, selector_text(*info, kind, selector, w.imm));
    separator = ", ";
  }
  return out;
}

std::string disassemble_ucode(std::span<const std::uint64_t> program) {
  std::string out;
  for (std::uint64_t word : program) {
    const std::string line = disassemble_word(word);
    out += fmt::format("{}{}\n", line == "phase" ? "" : "  ", line);
  }
  return out;
}

}  // namespace tandem::abi

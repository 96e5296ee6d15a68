// SPDX-License-Identifier: Apache-2.0
// Text to packets.
#include <fmt/format.h>

#include "field_text.hpp"
#include "packet_text.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/base/error.hpp"

namespace tandem::abi {
namespace detail {
namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Packet raw_packet(TextLine& line) {
  PacketBytes bytes{};
  std::size_t count = 0;
  do {
    const Token token = line.word();
    if (token.text.empty() || token.text.size() % 2 != 0) {
      line.fail(token, "pairs of hexadecimal digits after .raw");
    }
    for (std::size_t i = 0; i < token.text.size(); i += 2) {
      const int high = hex_digit(token.text[i]);
      const int low = hex_digit(token.text[i + 1]);
      const Token pair{token.text.substr(i, 2), token.pos + i};
      if (high < 0 || low < 0) line.fail(pair, "pairs of hexadecimal digits after .raw");
      if (count == bytes.size()) line.fail(pair, "at most 256 bytes after .raw");
      bytes[count++] = static_cast<std::uint8_t>(high * 16 + low);
    }
  } while (!line.done());
  return from_bytes(bytes);
}

std::uint64_t parse_integer(TextLine& line, const FieldInfo& field, const Token& token) {
  const std::optional<Number> number = parse_number(token.text);
  const bool bits = field.unit.empty() && field.enum_name.empty() && field.width == 32;
  if (number && number->is_float && bits) return number->f32;
  const std::optional<std::uint64_t> value =
      number ? integer_bits(*number, field.width, bits) : std::nullopt;
  if (value) return *value;
  const std::string range =
      field.width == 64 ? "2^64 - 1" : std::to_string((std::uint64_t{1} << field.width) - 1);
  line.fail(token, fmt::format("a {} from 0 to {} for {}", bits ? "float or integer" : "number",
                               range, text_name(field)));
}

std::uint64_t parse_enum(TextLine& line, const FieldInfo& field, const Token& token) {
  if (const auto value = enum_value(field.enum_name, upper(token.text))) return *value;
  if (parse_number(token.text)) return parse_integer(line, field, token);
  std::string list;
  for (const EnumInfo& info : enums()) {
    if (info.name != field.enum_name) continue;
    for (const EnumValue& value : info.values) {
      if (field.allowed.empty() || std::find(field.allowed.begin(), field.allowed.end(),
                                             value.value) != field.allowed.end()) {
        list += fmt::format("{}{}", list.empty() ? "" : ", ", lower(value.name));
      }
    }
  }
  line.fail(token, fmt::format("one of {} for {}", list, field.name));
}

/// "matrix,vector", "all", "none" or a number.
std::uint64_t parse_wait(TextLine& line, const FieldInfo& field, const Token& token) {
  if (token.text == "none") return 0;
  if (token.text == "all") return kWaitAll;
  if (parse_number(token.text)) return parse_integer(line, field, token);
  std::uint64_t mask = 0;
  std::size_t start = 0;
  while (start <= token.text.size()) {
    const std::size_t comma = std::min(token.text.find(',', start), token.text.size());
    const Token name{token.text.substr(start, comma - start), token.pos + start};
    const auto engine = enum_value("engine", upper(name.text));
    if (!engine || *engine > 2) {
      line.fail(name, "matrix, vector, dma (several with commas), all, none or a number for wait");
    }
    mask |= std::uint64_t{1} << *engine;
    start = comma + 1;
  }
  return mask;
}

std::uint64_t parse_value(TextLine& line, const FieldInfo& field, const Token& token,
                          const Names& names) {
  if (field.name == "wait_mask") return parse_wait(line, field, token);
  if (field.name == "flags" && token.text == "irq") return kFlagIrq;
  if (field.unit == "address") return parse_address(line, token, names);
  if (!field.enum_name.empty()) return parse_enum(line, field, token);
  return parse_integer(line, field, token);
}

const FieldInfo* field_by_text_name(const OpcodeInfo& info, std::string_view name) {
  for (const FieldInfo& field : info.fields) {
    if (text_name(field) == name && field.name != "opcode") return &field;
  }
  return nullptr;
}

[[noreturn]] void unknown_field(TextLine& line, const OpcodeInfo& info, const Token& token) {
  std::vector<std::string_view> candidates;
  std::string list;
  for (const FieldInfo& field : info.fields) {
    if (field.name == "opcode") continue;
    candidates.push_back(text_name(field));
    list += fmt::format("{}{}", list.empty() ? "" : ", ", text_name(field));
  }
  const std::string hint = suggestion(token.text, candidates);
  line.fail_because(token, fmt::format("{} has no field '{}'{} (fields: {})", info.name,
                                       token.text.substr(0, 32), hint, list));
}

/// `ucode=@NAME` sets first word and length of a program that the file has loaded.
void set_program(TextLine& line, const Token& value, const Names& names, PacketBytes& bytes) {
  std::optional<ProgramName> program;
  if (value.text.starts_with('@') && names.program) program = names.program(value.text.substr(1));
  if (!program) line.fail(value, "@ and the name of a `ucode` block before this line");
  auto vector = packet_as<VectorPacket>(from_bytes(bytes));
  vector.ucode_start = program->start;
  vector.ucode_words = program->words;
  bytes = to_bytes(vector);
}

[[noreturn]] void unknown_opcode(TextLine& line, const Token& token) {
  std::vector<std::string_view> candidates;
  std::string list;
  for (const OpcodeInfo& info : opcodes()) {
    candidates.push_back(info.name);
    list += fmt::format("{}, ", info.name);
  }
  line.fail(token, list + "or .raw" + suggestion(upper(token.text), candidates));
}

}  // namespace

std::uint64_t parse_address(TextLine& line, const Token& token, const Names& names) {
  const std::size_t plus = token.text.find('+');
  const std::string_view base = token.text.substr(0, plus);
  std::optional<std::uint64_t> value;
  const std::optional<Number> number = parse_number(base);
  if (number) {
    value = integer_bits(*number, 64, false);
  } else if (names.address) {
    value = names.address(base);
  }
  if (!value) {
    line.fail(token, names.address
                         ? "an address: a number, a region of the memory map or region+offset"
                         : "an address: a number from 0 to 2^64 - 1");
  }
  if (plus == std::string_view::npos) return *value;
  const Token offset_token{token.text.substr(plus + 1), token.pos + plus + 1};
  const std::optional<Number> offset = parse_number(offset_token.text);
  const auto bits = offset ? integer_bits(*offset, 64, false) : std::nullopt;
  if (!bits || *value + *bits < *value) line.fail(offset_token, "an offset that fits 64 bits");
  return *value + *bits;
}

PacketLine assemble_packet_line(TextLine& line, const Names& names) {
  const Token name = line.word();
  PacketLine out;
  if (name.text == ".raw") {
    out.packet = raw_packet(line);
    out.has_seq = true;
    return out;
  }
  const OpcodeInfo* info = find_opcode(upper(name.text));
  if (info == nullptr) unknown_opcode(line, name);
  PacketBytes bytes{};
  PacketBytes seen{};
  bytes[0] = static_cast<std::uint8_t>(info->opcode);
  for (const FieldInfo& field : info->fields) {
    if (field.name != "opcode") store_field(bytes, field, default_value(field));
  }
  while (!line.done()) {
    const Token key = line.word("=");
    if (!line.take('=')) line.fail_here(fmt::format("= after '{}'", key.text.substr(0, 32)));
    const Token value = line.word();
    if (key.text == "ucode" && info->opcode == Opcode::kVector) {
      set_program(line, value, names, bytes);
      continue;
    }
    const FieldInfo* field = field_by_text_name(*info, key.text);
    if (field == nullptr) unknown_field(line, *info, key);
    if (seen[field->at] != 0) {
      line.fail_because(key, fmt::format("field '{}' is given twice", key.text));
    }
    seen[field->at] = 1;
    store_field(bytes, *field, parse_value(line, *field, value, names));
    out.has_seq = out.has_seq || field->name == "seq";
  }
  out.packet = from_bytes(bytes);
  return out;
}

}  // namespace detail

Packet assemble_packet(std::string_view text, TextOrigin origin) {
  const std::vector<Packet> packets = assemble_packets(text, origin);
  if (packets.size() == 1) return packets[0];
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}:{}:1: expected one packet, found {}", origin.name, origin.first_line,
                          packets.size()));
}

std::vector<Packet> assemble_packets(std::string_view text, TextOrigin origin) {
  std::vector<Packet> out;
  for (detail::TextLine& line : detail::split_lines(text, origin)) {
    if (!line.done()) out.push_back(detail::assemble_packet_line(line, {}).packet);
  }
  return out;
}

}  // namespace tandem::abi

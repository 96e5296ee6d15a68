// SPDX-License-Identifier: Apache-2.0
#include "tandem/driver/watch.hpp"

#include <fmt/format.h>

#include <charconv>

#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"

namespace tandem::driver {
namespace {

bool parse_number(std::string_view text, std::uint64_t& value) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

const char* access_text(bool reads, bool writes) {
  return !writes ? "reads" : reads ? "reads and writes" : "writes";
}

std::string opcode_text(const abi::Packet& packet) {
  const auto opcode = static_cast<std::uint8_t>(packet.opcode);
  const abi::OpcodeInfo* info = abi::find_opcode(opcode);
  return info != nullptr ? std::string(info->name) : fmt::format("opcode {:#04x}", opcode);
}

std::string stop_text(const WatchHit& hit, const std::string& op, const std::string& place) {
  return fmt::format(
      "watch {}: {} seq {}{} {} {} at {:#x}{}{}; all packets before it have completed",
      to_string(hit.range), opcode_text(hit.packet), hit.packet.seq,
      op.empty() ? op : fmt::format(" (op {})", op),
      hit.indexed ? fmt::format("may {} (its index data decides)", hit.writes ? "write" : "read")
                  : access_text(hit.reads, hit.writes),
      hit.element, hit.addr, place.empty() ? "" : "; ", place);
}

}  // namespace

WatchRange parse_watch_range(std::string_view text) {
  const std::string_view whole = text;
  WatchRange range;
  if (text.starts_with("r:") || text.starts_with("w:")) {
    range.reads = text[0] == 'r';
    range.writes = text[0] == 'w';
    text.remove_prefix(2);
  }
  const std::size_t plus = text.find('+');
  std::uint64_t num_bytes = 1;
  const bool valid =
      parse_number(text.substr(0, plus), range.bytes.begin) &&
      (plus == std::string_view::npos || parse_number(text.substr(plus + 1), num_bytes));
  range.bytes.end = range.bytes.begin + num_bytes;
  if (!valid || range.bytes.end <= range.bytes.begin) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}': expected ADDRESS or ADDRESS+BYTES, e.g. 0x20000040+4", whole));
  }
  return range;
}

std::string to_string(const WatchRange& range) {
  const char* access = range.reads && range.writes ? "" : range.reads ? "r:" : "w:";
  return fmt::format("{}{:#x}+{}", access, range.bytes.begin, range.bytes.end - range.bytes.begin);
}

std::optional<WatchHit> find_watch_hit(std::span<const WatchRange> ranges,
                                       const abi::Packet& packet) {
  const abi::OperandList operands = abi::checked_operands(packet);
  for (const WatchRange& range : ranges) {
    for (const abi::Operand& operand : operands.view()) {
      const bool reads = operand.role != abi::Role::kWrite;
      const bool writes = operand.role != abi::Role::kRead;
      if (!(reads && range.reads) && !(writes && range.writes)) continue;
      const auto touch = abi::first_touch(operand, range.bytes);
      if (!touch) continue;
      return WatchHit{
          .range = range,
          .packet = packet,
          .operand = std::string(operand.name),
          .element = abi::touch_text(operand, *touch, abi::element_bytes(packet, operand)),
          .addr = touch->addr,
          .reads = reads,
          .writes = writes,
          .indexed = operand.indexed};
    }
  }
  return std::nullopt;
}

WatchStop::WatchStop(WatchHit hit, std::string op, std::string place)
    : std::runtime_error(stop_text(hit, op, place)),
      hit_(std::move(hit)),
      op_(std::move(op)),
      place_(std::move(place)) {}

}  // namespace tandem::driver

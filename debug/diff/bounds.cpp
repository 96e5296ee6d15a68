// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/bounds.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tandem/abi/elements.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/op_bounds.hpp"

namespace tandem::debug {
namespace {

using nlohmann::json;

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (at < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = at;
    } else if (p < pattern.size() && pattern[p] == text[at]) {
      ++p;
      ++at;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

Bound parse_bound(const json& object, const std::string& path, std::size_t index) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: entry {}: {}", path, index, what));
  };
  if (!object.is_object()) fail("expected an object");
  Bound bound;
  for (const auto& [key, value] : object.items()) {
    std::string* text = key == "op" ? &bound.op : key == "opcode" ? &bound.opcode : nullptr;
    if (key == "type") text = &bound.type;
    double* number = key == "max_abs"       ? &bound.figures.max_abs
                     : key == "rel_rms"     ? &bound.figures.rel_rms
                     : key == "row_rel_rms" ? &bound.figures.row_rel_rms
                     : key == "cosine"      ? &bound.figures.cosine
                                            : nullptr;
    if (text != nullptr && value.is_string()) {
      *text = value.get<std::string>();
    } else if (number != nullptr && value.is_number()) {
      *number = value.get<double>();
    } else {
      fail(
          fmt::format("member '{}': expected the texts op, opcode, type and the numbers max_abs, "
                      "rel_rms, row_rel_rms, cosine",
                      key));
    }
  }
  return bound;
}

}  // namespace

Bounds Bounds::load(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: cannot be opened for reading", path));
  }
  const json list = json::parse(file, nullptr, false);
  if (!list.is_array()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a JSON list of bounds", path));
  }
  std::vector<Bound> bounds;
  for (const json& object : list) bounds.push_back(parse_bound(object, path, bounds.size()));
  return Bounds(std::move(bounds));
}

const Bound* Bounds::find(std::string_view op, std::string_view opcode,
                          std::string_view type) const {
  for (const Bound& bound : bounds_) {
    if (matches(bound.op, op) && (bound.opcode.empty() || bound.opcode == opcode) &&
        (bound.type.empty() || bound.type == type)) {
      return &bound;
    }
  }
  return nullptr;
}

bool Bounds::allow(const abi::Packet& packet, std::string_view op,
                   const PacketDifference& difference) const {
  if (difference.differing == 0 || !difference.first) return false;
  const abi::OpcodeInfo* opcode = abi::find_opcode(static_cast<std::uint8_t>(packet.opcode));
  if (opcode == nullptr) return false;
  for (const abi::Operand& operand : abi::written_operands(packet)) {
    const abi::Dtype type = abi::element_type(packet, operand);
    // One packet's integers and moved bits say where, not how much.
    if (op_bound(packet, type).exact) return false;
    const Bound* bound = find(op, opcode->name, abi::to_string(type));
    if (bound == nullptr || !exceeded(difference.figures(), bound->figures).empty()) return false;
  }
  return true;
}

}  // namespace tandem::debug

// SPDX-License-Identifier: Apache-2.0
#include "soak/coverage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::soak {
namespace {

using abi::Dtype;
using abi::Opcode;

Dtype matmul_type(const abi::MatmulPacket& p, std::string_view operand) {
  if (operand == "a") return p.a_type;
  if (operand == "b") return p.b_type;
  if (operand == "c") return p.c_type;
  if (operand == "bias") return p.a_type == Dtype::kI8 ? Dtype::kI32 : Dtype::kF32;
  return p.scale_type;
}

Dtype vector_type(const abi::VectorPacket& p, const abi::Operand& operand) {
  for (unsigned i = 0; i < abi::kVectorStreams; ++i) {
    if (abi::stream_addr_at(i) == operand.addr_field) return abi::vector_stream(p, i).type;
  }
  return Dtype::kNone;
}

Dtype type_of(const abi::Packet& packet, const abi::Operand& operand) {
  switch (packet.opcode) {
    case Opcode::kMatmul:
      return matmul_type(abi::packet_as<abi::MatmulPacket>(packet), operand.name);
    case Opcode::kVector:
      return vector_type(abi::packet_as<abi::VectorPacket>(packet), operand);
    case Opcode::kScatterAdd: {
      const auto p = abi::packet_as<abi::ScatterAddPacket>(packet);
      return operand.name == "index" ? p.index_type : p.elem_type;
    }
    case Opcode::kGather:
      return operand.name == "index" ? abi::packet_as<abi::GatherPacket>(packet).index_type
                                     : Dtype::kNone;
    default:
      return Dtype::kNone;
  }
}

std::string type_text(const abi::Packet& packet, const abi::Operand& operand) {
  const Dtype type = type_of(packet, operand);
  if (type != Dtype::kNone) return std::string(abi::to_string(type));
  if (packet.opcode == Opcode::kLoadUcode) {
    const auto target = abi::packet_as<abi::LoadUcodePacket>(packet).target;
    return target == abi::UcodeTarget::kProgram ? "program" : "table";
  }
  return fmt::format("{} bytes", operand.run_bytes);
}

}  // namespace

void Coverage::add(const abi::Packet& packet, const abi::Completion& completion,
                   const std::string& stalls) {
  const abi::OpcodeInfo* info = abi::find_opcode(static_cast<std::uint8_t>(packet.opcode));
  const std::string_view opcode = info != nullptr ? info->name : "unknown";
  ++outcomes_[opcode][completion.error];
  if (completion.error != abi::Fault::kNone) return;
  std::set<std::string> types;
  const abi::OperandList operands = abi::operands(packet);
  for (const abi::Operand& operand : operands.view()) {
    const std::string type = type_text(packet, operand);
    const std::uint32_t alignment =
        1u << std::min(6, std::countr_zero(operand.base | std::uint64_t{1} << 63));
    ++points_[{opcode, operand.name, type, alignment, stalls}];
    types.insert(type);
  }
  if (types.empty()) types.insert("no operand");
  for (const std::string& type : types) ++types_[opcode][type];
}

std::string Coverage::text() const {
  std::string text;
  for (const auto& [opcode, faults] : outcomes_) {
    text += fmt::format("{:<12}", opcode);
    for (const auto& [fault, count] : faults) {
      text +=
          fmt::format(" {} {}", fault == abi::Fault::kNone ? "ok" : abi::to_string(fault), count);
    }
    text += '\n';
  }
  for (const auto& [opcode, types] : types_) {
    text += fmt::format("{:<12}", opcode);
    for (const auto& [type, count] : types) text += fmt::format(" {}: {}", type, count);
    text += '\n';
  }
  return text;
}

}  // namespace tandem::soak

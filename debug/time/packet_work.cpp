// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/touch.hpp"
#include "tandem/debug/timed_run.hpp"

namespace tandem::debug {
namespace {

using abi::Opcode;

/// "2 x 3 x 64"; outer extents of 1 are left out, down to `keep` extents.
std::string product(std::vector<std::uint64_t> extents, std::size_t keep) {
  const auto last_outer = extents.end() - static_cast<std::ptrdiff_t>(keep);
  extents.erase(extents.begin(),
                std::find_if(extents.begin(), last_outer, [](auto extent) { return extent != 1; }));
  return fmt::format("{}", fmt::join(extents, " x "));
}

}  // namespace

PacketWork work_of(const abi::Packet& packet) {
  PacketWork work;
  const abi::OperandList operands = abi::checked_operands(packet);
  for (const abi::Operand& operand : operands.view()) {
    const std::uint64_t bytes = abi::distinct_bytes(packet, operand);
    if (operand.role != abi::Role::kWrite) work.bytes_read += bytes;
    if (operand.role != abi::Role::kRead) work.bytes_written += bytes;
  }
  if (operands.count != 0 && packet.opcode == Opcode::kMatmul) {
    const auto p = abi::packet_as<abi::MatmulPacket>(packet);
    work.macs = std::uint64_t{p.m} * p.n * p.k * p.batch0 * p.batch1;
  }
  return work;
}

std::string shape_of(const abi::Packet& packet) {
  switch (packet.opcode) {
    case Opcode::kMatmul: {
      const auto p = abi::packet_as<abi::MatmulPacket>(packet);
      return product({p.batch0, p.batch1, p.m, p.n, p.k}, 3);
    }
    case Opcode::kVector: {
      const auto p = abi::packet_as<abi::VectorPacket>(packet);
      return product({p.rows0, p.rows1, p.cols}, 2);
    }
    case Opcode::kCopy: {
      const auto p = abi::packet_as<abi::CopyPacket>(packet);
      return product({p.extent0, p.extent1, p.extent2, p.extent3}, 1);
    }
    case Opcode::kFill: {
      const auto p = abi::packet_as<abi::FillPacket>(packet);
      return product({p.extent0, p.extent1, p.extent2, p.extent3}, 1);
    }
    case Opcode::kGather: {
      const auto p = abi::packet_as<abi::GatherPacket>(packet);
      return product({p.extent0, p.extent1, p.extent2}, 1);
    }
    case Opcode::kScatterAdd: {
      const auto p = abi::packet_as<abi::ScatterAddPacket>(packet);
      return product({p.extent0, p.extent1, p.extent2}, 1);
    }
    case Opcode::kLoadUcode:
      return fmt::format("{}", abi::packet_as<abi::LoadUcodePacket>(packet).words);
    default:
      return {};
  }
}

}  // namespace tandem::debug

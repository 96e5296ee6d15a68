// SPDX-License-Identifier: Apache-2.0
// Parts of check_packet, one pair of functions for each family of opcodes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::abi::detail {

inline CheckResult bad_field(std::size_t at) { return {Fault::kBadField, at}; }

/// A field whose value must be a multiple of `align`, a power of two.
struct Alignment {
  std::uint16_t at;
  std::uint64_t value;
  std::uint64_t align;
};

/// The address and stride fields of a packet, ascending. No allocation: this is on the path of
/// every packet.
struct AlignmentList {
  std::array<Alignment, 28> items;
  std::size_t count = 0;

  AlignmentList() {}
  AlignmentList(std::initializer_list<Alignment> list) {
    for (const Alignment& item : list) add(item);
  }
  void add(const Alignment& item) { items[count++] = item; }
  std::span<const Alignment> view() const { return {items.data(), count}; }
};

/// Combinations of fields that are each allowed (kBadField), in the contract's order.
CheckResult combinations(const MatmulPacket& packet);
CheckResult combinations(const VectorPacket& packet);
CheckResult combinations(const SignalPacket& packet);
CheckResult combinations(const FillPacket& packet);
CheckResult combinations(const LoadUcodePacket& packet, const DeviceLimits& limits);

/// LOAD_UCODE past the memory or a table of the wrong size (kBadShape).
CheckResult shape(const LoadUcodePacket& packet, const DeviceLimits& limits);

/// What addresses and strides must be multiples of (kMisaligned).
AlignmentList alignments(const MatmulPacket& packet);
AlignmentList alignments(const VectorPacket& packet);
AlignmentList alignments(const SignalPacket& packet);
AlignmentList alignments(const WaitPacket& packet);
AlignmentList alignments(const LoadUcodePacket& packet);
AlignmentList alignments(const CopyPacket& packet);
AlignmentList alignments(const FillPacket& packet);
AlignmentList alignments(const GatherPacket& packet);
AlignmentList alignments(const ScatterAddPacket& packet);

/// True if an operand's last byte lies beyond 2^64 - 1.
bool overflows(const Operand& operand);

/// Runs `visit` on the packet as the struct of its opcode; unknown opcodes and those without
/// operands give a default result.
template <class Visit>
auto visit_packet(const Packet& packet, Visit&& visit)
    -> decltype(visit(packet_as<WaitPacket>(packet))) {
  switch (packet.opcode) {
    case Opcode::kNop:
    case Opcode::kFence:
      return {};
    case Opcode::kSignal:
      return visit(packet_as<SignalPacket>(packet));
    case Opcode::kWait:
      return visit(packet_as<WaitPacket>(packet));
    case Opcode::kLoadUcode:
      return visit(packet_as<LoadUcodePacket>(packet));
    case Opcode::kMatmul:
      return visit(packet_as<MatmulPacket>(packet));
    case Opcode::kVector:
      return visit(packet_as<VectorPacket>(packet));
    case Opcode::kCopy:
      return visit(packet_as<CopyPacket>(packet));
    case Opcode::kFill:
      return visit(packet_as<FillPacket>(packet));
    case Opcode::kGather:
      return visit(packet_as<GatherPacket>(packet));
    case Opcode::kScatterAdd:
      return visit(packet_as<ScatterAddPacket>(packet));
  }
  return {};
}

}  // namespace tandem::abi::detail

// SPDX-License-Identifier: Apache-2.0
// Conversions between a packet and the struct of its opcode; all are 256 bytes without padding.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "tandem/abi/isa.hpp"

namespace tandem::abi {

using PacketBytes = std::array<std::uint8_t, kPacketBytes>;

/// The packet as the struct of an opcode; the caller has looked at `opcode`.
template <class P>
constexpr P packet_as(const Packet& packet) {
  return std::bit_cast<P>(packet);
}

/// Any packet struct as a Packet.
template <class P>
constexpr Packet to_packet(const P& packet) {
  return std::bit_cast<Packet>(packet);
}

/// The packet as it lies in the ring, and back.
template <class P>
constexpr PacketBytes to_bytes(const P& packet) {
  return std::bit_cast<PacketBytes>(packet);
}
constexpr Packet from_bytes(const PacketBytes& bytes) { return std::bit_cast<Packet>(bytes); }

}  // namespace tandem::abi

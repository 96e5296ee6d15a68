// SPDX-License-Identifier: Apache-2.0
// The memory operands of a VECTOR packet by number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tandem/abi/isa.hpp"

namespace tandem::abi {

inline constexpr unsigned kVectorInputs = 4;
inline constexpr unsigned kVectorOutputs = 3;
inline constexpr unsigned kVectorStreams = kVectorInputs + kVectorOutputs;

/// One input or output of VECTOR. Strides in bytes.
struct VectorStream {
  Dtype type = Dtype::kNone;  ///< kNone: absent.
  std::uint64_t addr = 0;
  std::uint64_t col_stride = 0;
  std::uint64_t row1_stride = 0;
  std::uint64_t row0_stride = 0;
};

/// Byte offsets of the fields of stream `index` in the packet.
constexpr std::uint16_t stream_type_at(unsigned index) {
  return static_cast<std::uint16_t>(offsetof(VectorPacket, in0_type) + index);
}
constexpr std::uint16_t stream_col_stride_at(unsigned index) {
  return static_cast<std::uint16_t>(offsetof(VectorPacket, in0_col_stride) + 2 * index);
}
constexpr std::uint16_t stream_addr_at(unsigned index) {
  return static_cast<std::uint16_t>(offsetof(VectorPacket, in0_addr) + 24 * index);
}
constexpr std::uint16_t stream_row1_stride_at(unsigned index) {
  return static_cast<std::uint16_t>(stream_addr_at(index) + 8);
}
constexpr std::uint16_t stream_row0_stride_at(unsigned index) {
  return static_cast<std::uint16_t>(stream_addr_at(index) + 16);
}
static_assert(stream_type_at(6) == offsetof(VectorPacket, out2_type));
static_assert(stream_col_stride_at(6) == offsetof(VectorPacket, out2_col_stride));
static_assert(stream_addr_at(4) == offsetof(VectorPacket, out0_addr));
static_assert(stream_row0_stride_at(6) == offsetof(VectorPacket, out2_row0_stride));

/// Stream `index` of the packet: 0..3 are inputs 0..3, 4..6 outputs 0..2.
inline VectorStream vector_stream(const VectorPacket& packet, unsigned index) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&packet);
  VectorStream stream;
  std::uint16_t col_stride;
  std::memcpy(&stream.type, bytes + stream_type_at(index), sizeof stream.type);
  std::memcpy(&col_stride, bytes + stream_col_stride_at(index), sizeof col_stride);
  std::memcpy(&stream.addr, bytes + stream_addr_at(index), sizeof stream.addr);
  std::memcpy(&stream.row1_stride, bytes + stream_row1_stride_at(index), sizeof stream.row1_stride);
  std::memcpy(&stream.row0_stride, bytes + stream_row0_stride_at(index), sizeof stream.row0_stride);
  stream.col_stride = col_stride;
  return stream;
}

/// Sets stream `index` of the packet. `stream.col_stride` must be below 65536.
inline void set_vector_stream(VectorPacket& packet, unsigned index, const VectorStream& stream) {
  auto* bytes = reinterpret_cast<std::byte*>(&packet);
  const auto col_stride = static_cast<std::uint16_t>(stream.col_stride);
  std::memcpy(bytes + stream_type_at(index), &stream.type, sizeof stream.type);
  std::memcpy(bytes + stream_col_stride_at(index), &col_stride, sizeof col_stride);
  std::memcpy(bytes + stream_addr_at(index), &stream.addr, sizeof stream.addr);
  std::memcpy(bytes + stream_row1_stride_at(index), &stream.row1_stride, sizeof stream.row1_stride);
  std::memcpy(bytes + stream_row0_stride_at(index), &stream.row0_stride, sizeof stream.row0_stride);
}

}  // namespace tandem::abi

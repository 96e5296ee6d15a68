// SPDX-License-Identifier: Apache-2.0
// Packets of a few elements, stored without gaps.
#pragma once

#include <cstdint>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::tests {

/// f32 c[m, n] = a[m, k] * b[k, n], both of `type`.
inline abi::MatmulPacket small_product(std::uint32_t m, std::uint32_t n, std::uint32_t k,
                                       abi::Dtype type, std::uint64_t a, std::uint64_t b,
                                       std::uint64_t c) {
  const std::uint64_t size = abi::dtype_bits(type) / 8;
  abi::MatmulPacket packet;
  packet.m = m;
  packet.n = n;
  packet.k = k;
  packet.batch0 = packet.batch1 = 1;
  packet.a_type = packet.b_type = type;
  packet.c_type = abi::Dtype::kF32;
  packet.a_addr = a;
  packet.a_row_stride = k * size;
  packet.b_addr = b;
  packet.b_row_stride = n * size;
  packet.c_addr = c;
  packet.c_row_stride = std::uint64_t{n} * 4;
  return packet;
}

inline abi::CopyPacket copy_words(std::uint64_t src, std::uint64_t dst, std::uint32_t words) {
  abi::CopyPacket packet;
  packet.extent0 = packet.extent1 = packet.extent2 = 1;
  packet.extent3 = words;
  packet.elem_bytes = 4;
  packet.src_addr = src;
  packet.dst_addr = dst;
  packet.src_stride3 = packet.dst_stride3 = 4;
  return packet;
}

inline abi::FillPacket fill_words(std::uint64_t dst, std::uint32_t words, std::uint32_t value) {
  abi::FillPacket packet;
  packet.extent0 = packet.extent1 = packet.extent2 = 1;
  packet.extent3 = words;
  packet.elem_bytes = 4;
  packet.value = value;
  packet.dst_addr = dst;
  packet.dst_stride3 = 4;
  return packet;
}

}  // namespace tandem::tests

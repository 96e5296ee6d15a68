// SPDX-License-Identifier: Apache-2.0
// Single elements of 1, 2, 4 and 8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tandem/abi/isa.hpp"

namespace tandem::cmodel {

/// Calls function.template operator()<T>() for the unsigned type T of an element's size.
template <class Function>
auto for_element_size(unsigned bytes, Function&& function) {
  switch (bytes) {
    case 1:
      return function.template operator()<std::uint8_t>();
    case 2:
      return function.template operator()<std::uint16_t>();
    case 4:
      return function.template operator()<std::uint32_t>();
    default:
      return function.template operator()<std::uint64_t>();
  }
}

/// What one aligned element written at `addr` adds to the completion checksum.
template <class T>
std::uint64_t element_checksum(std::uint64_t addr, T value) {
  if constexpr (sizeof(T) == 8) {
    return element_checksum(addr, std::uint32_t(value)) +
           element_checksum(addr + 4, std::uint32_t(value >> 32));
  } else {
    constexpr std::uint64_t kOnes = T(~T{}) / 0xFF;  // one in every byte
    return ((std::uint64_t(value) + kOnes) << (8 * (addr & 3))) * (2 * (addr >> 2) + 1);
  }
}

/// The index at `p`; negative ones come out above every limit.
inline std::uint64_t read_index(abi::Dtype type, const std::byte* p) {
  if (type == abi::Dtype::kI64) {
    std::uint64_t value = 0;
    std::memcpy(&value, p, sizeof value);
    return value;
  }
  std::int32_t value = 0;
  std::memcpy(&value, p, sizeof value);
  return std::uint64_t(std::int64_t(value));
}

}  // namespace tandem::cmodel

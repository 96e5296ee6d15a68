// SPDX-License-Identifier: Apache-2.0
// Elements of device memory as the engines see them: 32-bit words.
#pragma once

#include <cstdint>
#include <cstring>

#include "tandem/abi/isa.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::debug::wave {

/// Reads simulated memory; bytes outside of it are 0.
template <class T>
T load(const driver::SparseRam& ram, std::uint64_t addr) {
  T value{};
  if (const std::byte* host = ram.pointer(addr, sizeof value)) {
    std::memcpy(&value, host, sizeof value);
  }
  return value;
}

/// An element as `ld` reads it: floats widened to fp32, integers to 32 bits.
std::uint32_t load_word(const driver::SparseRam& ram, abi::Dtype type, std::uint64_t addr);

}  // namespace tandem::debug::wave

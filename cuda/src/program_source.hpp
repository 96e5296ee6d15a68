// SPDX-License-Identifier: Apache-2.0
// CUDA C++ of one micro-program: a kernel that takes VectorArgs as the interpreter does.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tandem/abi/isa.hpp"

namespace tandem::gpu {

enum class Maths : std::uint8_t {
  kExact,   ///< Every micro-operation as the contract defines it.
  kNative,  ///< The compiler's own float arithmetic, CUDA's functions, sums in any order.
};

/// Name of the kernel.
inline constexpr char kProgramName[] = "tandem_program";

/// What the source depends on: the words and what they say of the packet's operands.
std::vector<std::uint64_t> program_key(std::span<const std::uint64_t> words,
                                       const abi::VectorPacket& packet);

/// For a program that abi::check_ucode accepted. A plain C++ compiler makes of the same text a
/// function `tandem_program_host(const VectorArgs*, block, grid)` that runs one block.
std::string program_source(std::span<const std::uint64_t> words, const abi::VectorPacket& packet,
                           Maths maths);

}  // namespace tandem::gpu

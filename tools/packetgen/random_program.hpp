// SPDX-License-Identifier: Apache-2.0
// Random valid micro-programs.
#pragma once

#include <cstdint>
#include <vector>

#include "packetgen/random.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::packetgen {

/// A program that stores every output of the packet once: one to four phases of random operations,
/// half of the programs without anything that makes rows differ.
std::vector<std::uint64_t> random_program(Random& random, const abi::VectorPacket& packet);

}  // namespace tandem::packetgen

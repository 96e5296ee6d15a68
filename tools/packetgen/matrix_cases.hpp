// SPDX-License-Identifier: Apache-2.0
// Random MATMUL packets with their operands, inside the banks of a bench.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tandem/abi/isa.hpp"

namespace tandem::packetgen {

struct MatrixCase {
  struct Data {
    std::uint64_t addr;
    std::vector<std::uint8_t> bytes;
  };
  abi::MatmulPacket packet;
  std::vector<Data> data;  ///< Operand values; what is not named keeps what memory holds.
};

/// Limits of what `random_matrix_case` makes. Values that are set are taken as they are.
struct MatrixLimits {
  std::uint32_t m = 40;
  std::uint32_t n = 150;
  std::uint32_t k = 200;
};

/// A valid packet of random types, layouts, shape, strides and alignment. Values are finite and of
/// like size in most cases, any bits in the others.
MatrixCase random_matrix_case(std::mt19937_64& random, const MatrixLimits& limits);

}  // namespace tandem::packetgen

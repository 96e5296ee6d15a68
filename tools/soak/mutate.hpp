// SPDX-License-Identifier: Apache-2.0
// Packets made wrong.
#pragma once

#include <random>

#include "tandem/abi/isa.hpp"

namespace tandem::soak {

/// Changes one byte or one field to a value that is close to a limit of the contract, or random.
void mutate(std::mt19937_64& random, abi::Packet& packet);

}  // namespace tandem::soak

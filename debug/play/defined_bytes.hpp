// SPDX-License-Identifier: Apache-2.0
// When the contract says what a packet leaves in memory. docs/reference/observables.md
#pragma once

#include "tandem/abi/isa.hpp"
#include "tandem/debug/player.hpp"

namespace tandem::debug {

/// Not behind errors that end a packet half way: they leave anything in its destinations.
inline bool defines_bytes(const abi::Completion& completion) {
  return completion.error != abi::Fault::kBadIndex && completion.error != abi::Fault::kBusError;
}

/// The packet completed, and its bytes are defined.
inline bool has_result(const Outcome& outcome) {
  return outcome.completion && defines_bytes(*outcome.completion);
}

}  // namespace tandem::debug

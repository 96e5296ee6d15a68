// SPDX-License-Identifier: Apache-2.0
// Registers of the vector operations of a phase.
#pragma once

#include <vector>

#include "micro_word.hpp"
#include "phase_plan.hpp"

namespace tandem::ops {

/// Words of the steps in their order; returns how many V registers they need. With more than the
/// device has the words are useless.
unsigned assign_registers(const Selectors& selectors, const std::vector<Step>& steps,
                          std::vector<Word>& words);

}  // namespace tandem::ops

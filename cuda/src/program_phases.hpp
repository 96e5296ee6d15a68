// SPDX-License-Identifier: Apache-2.0
// A micro-program's words, phase by phase.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tandem/abi/ucode.hpp"

namespace tandem::gpu {

struct ProgramPhase {
  std::vector<abi::MicroWord> scalar_words;  ///< Once a row, `sts` among them.
  std::vector<abi::MicroWord> vector_words;  ///< Once an element.
};

/// For a program that abi::check_ucode accepted.
std::vector<ProgramPhase> split_phases(std::span<const std::uint64_t> words);

}  // namespace tandem::gpu

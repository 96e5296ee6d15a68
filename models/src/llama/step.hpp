// SPDX-License-Identifier: Apache-2.0
// The tokens of one step and which of them attention can treat together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tandem/models/llama/llama_model.hpp"

namespace tandem::models {

/// Sequences side by side in cache and step: one sequence with any number of tokens, or several
/// with one token each at the same position.
struct AttentionGroup {
  std::uint32_t first_sequence = 0;
  std::uint32_t sequences = 1;
  std::uint32_t first_token = 0;  // row in the step
  std::uint32_t tokens = 1;       // per sequence
  std::uint32_t position = 0;     // of the first token
};

struct Step {
  std::vector<std::int32_t> ids;
  std::vector<AttentionGroup> groups;
  std::vector<std::uint32_t> last_rows;  // of each run
  std::uint32_t max_length = 0;          // of a sequence after the step

  std::uint32_t tokens() const { return static_cast<std::uint32_t>(ids.size()); }
};

/// Checks the runs as LlamaModel::forward documents.
Step plan_step(const LlamaConfig& config, const KvCache& cache, std::span<const TokenRun> runs);

}  // namespace tandem::models

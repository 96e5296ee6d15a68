// SPDX-License-Identifier: Apache-2.0
// Checking and grouping the runs of a step.
#include "step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "tandem/base/error.hpp"

namespace tandem::models {

namespace {

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorCode::kInvalidArgument, "forward pass: " + std::move(message));
}

void check_ids(const LlamaConfig& config, const TokenRun& run) {
  if (run.ids.empty()) refuse(fmt::format("sequence {} has no tokens", run.sequence));
  for (std::size_t i = 0; i < run.ids.size(); ++i) {
    if (run.ids[i] < 0 || static_cast<std::uint32_t>(run.ids[i]) >= config.vocab_size) {
      refuse(fmt::format("token id {} at place {} of sequence {}; this model has ids 0 to {}",
                         run.ids[i], i, run.sequence, config.vocab_size - 1));
    }
  }
}

bool continues(const AttentionGroup& group, const AttentionGroup& next) {
  return group.tokens == 1 && next.tokens == 1 && group.position == next.position &&
         group.first_sequence + group.sequences == next.first_sequence;
}

}  // namespace

Step plan_step(const LlamaConfig& config, const KvCache& cache, std::span<const TokenRun> runs) {
  if (runs.empty()) refuse("no sequence");
  Step step;
  std::vector<bool> named(cache.num_sequences());
  for (const TokenRun& run : runs) {
    if (run.sequence >= cache.num_sequences()) {
      refuse(fmt::format("sequence {}; the cache has {}", run.sequence, cache.num_sequences()));
    }
    if (named[run.sequence]) refuse(fmt::format("sequence {} is named twice", run.sequence));
    named[run.sequence] = true;
    check_ids(config, run);

    const std::uint64_t length = std::uint64_t{cache.length(run.sequence)} + run.ids.size();
    if (step.ids.size() + run.ids.size() > std::numeric_limits<std::int32_t>::max() ||
        length > std::numeric_limits<std::int32_t>::max()) {
      refuse(fmt::format("sequence {} would have {} positions", run.sequence, length));
    }
    const AttentionGroup group{.first_sequence = run.sequence,
                               .first_token = step.tokens(),
                               .tokens = static_cast<std::uint32_t>(run.ids.size()),
                               .position = cache.length(run.sequence)};
    if (!step.groups.empty() && continues(step.groups.back(), group)) {
      ++step.groups.back().sequences;
    } else {
      step.groups.push_back(group);
    }
    step.ids.insert(step.ids.end(), run.ids.begin(), run.ids.end());
    step.last_rows.push_back(step.tokens() - 1);
    step.max_length = std::max(step.max_length, static_cast<std::uint32_t>(length));
  }
  return step;
}

}  // namespace tandem::models

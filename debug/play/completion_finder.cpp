// SPDX-License-Identifier: Apache-2.0
#include "completion_finder.hpp"

#include <utility>

namespace tandem::debug {

using Kind = runtime::TraceRecord::Kind;

std::optional<abi::Completion> CompletionFinder::find(std::uint64_t seq) {
  runtime::TraceRecord record;
  while (!at_reset_ && (!ahead_ || ahead_->seq < seq)) {
    ahead_.reset();
    if (!reader_.next(record)) {
      at_reset_ = true;
    } else if (record.kind == Kind::kReset) {
      at_reset_ = true;
    } else if (record.kind == Kind::kCompletion) {
      ahead_ = record.completion;
    }
  }
  if (!ahead_ || ahead_->seq != seq) return std::nullopt;
  return ahead_;
}

void CompletionFinder::pass_reset() {
  runtime::TraceRecord record;
  while (!at_reset_ && reader_.next(record)) at_reset_ = record.kind == Kind::kReset;
  at_reset_ = false;
  ahead_.reset();
}

}  // namespace tandem::debug

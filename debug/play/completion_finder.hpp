// SPDX-License-Identifier: Apache-2.0
// Finds the completion of a packet further on in the trace.
#pragma once

#include <cstdint>
#include <optional>

#include "tandem/abi/isa.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::debug {

/// A second reader that runs ahead of the first. Completions stand in sequence order, so one of
/// them is all that it keeps.
class CompletionFinder {
 public:
  explicit CompletionFinder(runtime::TraceReader reader) : reader_(std::move(reader)) {}

  /// Completion of the packet `seq`, the next after the one asked for before; empty if the trace
  /// has none before the next reset or its end.
  std::optional<abi::Completion> find(std::uint64_t seq);
  /// The first reader has passed a reset.
  void pass_reset();

 private:
  runtime::TraceReader reader_;
  std::optional<abi::Completion> ahead_;
  bool at_reset_ = false;
};

}  // namespace tandem::debug

// SPDX-License-Identifier: Apache-2.0
// --trace: what a run does, on stderr.
#pragma once

#include "tandem/ops/context.hpp"

namespace tandem::cli {

/// Prints ops (1), also views and transfers between host and device (2), also packets with their
/// completions (3) for as long as it lives.
class RunTrace {
 public:
  RunTrace(ops::Context& context, unsigned level);
  ~RunTrace();
  RunTrace(const RunTrace&) = delete;
  RunTrace& operator=(const RunTrace&) = delete;

 private:
  void print_op(const ops::OpTrace& op);
  void print_transfers();

  ops::Context& context_;
  unsigned level_;
  runtime::TransferCounters seen_;
};

}  // namespace tandem::cli

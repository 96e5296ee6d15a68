// SPDX-License-Identifier: Apache-2.0
// The bare array's simulation time, against which the model's array is measured in the same run.
#pragma once

#include <cstdint>

namespace tandem::bench {

/// A Verilated 16 x 16 array of multiply-add lanes and nothing else (bare_array.sv), all rows busy.
struct BareArray {
  double ns_per_cycle;  ///< Median over the repetitions.
  double ns_per_mac;    ///< The same by 256: multiply-adds of a cycle.
};

/// Measures it on this machine, now. A repetition is `cycles` cycles. The accumulators are compared
/// with the numerics library first; throws tandem::Error (kMismatch) if they differ.
BareArray measure_bare_array(int repeats = 7, std::uint64_t cycles = 200'000);

}  // namespace tandem::bench

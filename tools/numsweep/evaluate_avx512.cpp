// SPDX-License-Identifier: Apache-2.0
// The sweep's loops for AVX-512; the build gives this file its flags.
#include "evaluate.hpp"

namespace tandem::numsweep {

void evaluate_avx512(FunctionId id, const std::uint32_t* x, std::uint32_t* y, std::size_t count) {
  loop_of<numerics::Bits32x16>(id)(x, y, count);
}

}  // namespace tandem::numsweep

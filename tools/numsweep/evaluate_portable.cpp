// SPDX-License-Identifier: Apache-2.0
// The sweep's loops for the base instruction set; the build gives this file its flags.
#include "evaluate.hpp"

namespace tandem::numsweep {

void evaluate_portable(FunctionId id, const std::uint32_t* x, std::uint32_t* y, std::size_t count) {
  loop_of<numerics::Bits32>(id)(x, y, count);
}

}  // namespace tandem::numsweep

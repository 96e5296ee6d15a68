// SPDX-License-Identifier: Apache-2.0
// run_lanes() for Bits32x8; the build gives this file its instruction set.
#include "simd_lanes.hpp"
#include "tandem/numerics/simd.hpp"

namespace tandem::test {

void run_lanes_avx2(const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c,
                    std::size_t count, const Results& result) {
  run_lanes<numerics::Bits32x8>(a, b, c, count, result);
}

}  // namespace tandem::test

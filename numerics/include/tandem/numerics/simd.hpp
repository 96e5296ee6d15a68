// SPDX-License-Identifier: Apache-2.0
// SIMD value types for micro-programs on the host, as far as the translation unit's flags allow:
//   Bits32x16  AVX-512 (F, CD, DQ)   defined when TANDEM_NUMERICS_AVX512 is
//   Bits32x8   AVX2 and FMA          defined when TANDEM_NUMERICS_AVX2 is
// Both meet MicroOps lane by lane with the bits of Bits32, under the default floating-point
// environment (fp_env.hpp). Whoever calls such code checks the processor first.
#pragma once

#include "tandem/numerics/simd_avx2.hpp"
#include "tandem/numerics/simd_avx512.hpp"

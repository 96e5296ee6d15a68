// SPDX-License-Identifier: Apache-2.0
// Kernels for AVX-512 (F, BW, CD, DQ, VL) and F16C.
#include "kernels/isa_avx512.hpp"

#define TANDEM_CM_ISA avx512
#include "kernels/table_inl.hpp"

namespace tandem::cmodel {

constinit const Kernels kAvx512Kernels = avx512::make_table("avx512");

}  // namespace tandem::cmodel

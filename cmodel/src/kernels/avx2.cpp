// SPDX-License-Identifier: Apache-2.0
// Kernels for AVX2, FMA and F16C.
#include "kernels/isa_avx2.hpp"

#define TANDEM_CM_ISA avx2
#include "kernels/table_inl.hpp"

namespace tandem::cmodel {

constinit const Kernels kAvx2Kernels = avx2::make_table("avx2");

}  // namespace tandem::cmodel

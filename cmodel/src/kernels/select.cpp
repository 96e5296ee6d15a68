// SPDX-License-Identifier: Apache-2.0
// Chooses the kernels by what the processor can do.
#include "kernels/kernels.hpp"

namespace tandem::cmodel {
namespace {

#if TANDEM_CMODEL_X86
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}
#endif

}  // namespace

const Kernels* find_kernels(SimdPath path) {
#if TANDEM_CMODEL_X86
  const bool any = path == SimdPath::kAuto;
  if ((any || path == SimdPath::kAvx512) && has_avx512()) return &kAvx512Kernels;
  if ((any || path == SimdPath::kAvx2) && has_avx2()) return &kAvx2Kernels;
  if (!any && path != SimdPath::kPortable) return nullptr;
  return &kPortableKernels;
#else
  return path == SimdPath::kAuto || path == SimdPath::kPortable ? &kPortableKernels : nullptr;
#endif
}

}  // namespace tandem::cmodel

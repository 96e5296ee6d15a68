// SPDX-License-Identifier: Apache-2.0
// A kernel of a module of its own: compiled for the GPU a `__global__` function `name`, compiled
// for the host a function `name_host` that runs one block. Both take the arguments of launch.hpp.
#pragma once

#include "kernels/context.hpp"

#if defined(__CUDACC__)

#define TANDEM_GPU_ENTRY(name, Args, call)                                 \
  extern "C" __global__ void __launch_bounds__(tandem::gpu::kBlockThreads) \
      name(const __grid_constant__ tandem::gpu::Args args) {               \
    extern __shared__ __align__(16) unsigned char shared_memory[];         \
    tandem::gpu::DeviceContext ctx(shared_memory);                         \
    using namespace tandem::gpu;                                           \
    call;                                                                  \
  }

#else

#include "kernels/host_context.hpp"

#define TANDEM_GPU_ENTRY(name, Args, call)                              \
  extern "C" __attribute__((visibility("default"))) void name##_host(   \
      const void* pointer, unsigned block, unsigned grid) {             \
    const auto& args = *static_cast<const tandem::gpu::Args*>(pointer); \
    tandem::gpu::HostBlockMemory memory;                                \
    tandem::gpu::HostContext ctx(block, grid, memory, {}, nullptr);     \
    using namespace tandem::gpu;                                        \
    call;                                                               \
  }

#endif

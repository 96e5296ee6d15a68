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

#include <atomic>
#include <deque>
#include <vector>

namespace tandem::gpu {

/// A block of threads as loops.
class EntryContext {
 public:
  EntryContext(unsigned block, unsigned grid) : block_(block), grid_(grid) {}

  unsigned block() const { return block_; }
  unsigned grid() const { return grid_; }
  bool cancelled() const { return false; }
  template <class Body>
  void for_each_thread(Body&& body) {
    for (unsigned t = 0; t < kBlockThreads; ++t) body(t);
  }
  void sync() {}
  template <class T>
  std::vector<T> locals() {
    return std::vector<T>(kBlockThreads);
  }
  template <class T>
  T* shared(unsigned count) {
    return reinterpret_cast<T*>(memory_.emplace_back((count * sizeof(T) + 15) / 16 + 1).data());
  }
  void add(std::uint64_t at, std::uint64_t value) {
    std::atomic_ref(*reinterpret_cast<std::uint64_t*>(at)).fetch_add(value);
  }
  void least(std::uint64_t at, std::uint64_t value) {
    std::atomic_ref word(*reinterpret_cast<std::uint64_t*>(at));
    std::uint64_t old = word.load();
    while (value < old && !word.compare_exchange_weak(old, value)) {
    }
  }

 private:
  unsigned block_;
  unsigned grid_;
  std::deque<std::vector<Wide> > memory_;
};

}  // namespace tandem::gpu

#define TANDEM_GPU_ENTRY(name, Args, call)                              \
  extern "C" __attribute__((visibility("default"))) void name##_host(   \
      const void* pointer, unsigned block, unsigned grid) {             \
    const auto& args = *static_cast<const tandem::gpu::Args*>(pointer); \
    tandem::gpu::EntryContext ctx(block, grid);                         \
    using namespace tandem::gpu;                                        \
    call;                                                               \
  }

#endif

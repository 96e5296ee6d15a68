// SPDX-License-Identifier: Apache-2.0
// What a kernel body sees of the GPU. The same body runs as a block of threads on the device and as
// loops over the threads of a block on the host.
//
// A body is a template over its context and consists of phases:
//   ctx.for_each_thread([&](unsigned t) {...})  one phase, on the device of one's own thread
//   ctx.sync()                                  between phases that exchange shared memory
//   ctx.locals<T>()                             state of a thread across phases: locals[t]
//   ctx.shared<T>(n)                            n objects that the block shares, 16-byte aligned
//   ctx.add, ctx.least                          atomic sum and minimum in device memory
// Between two `sync` a phase must not read shared memory that another thread writes: the host runs
// the threads one after the other, in either order.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/launch.hpp"
#include "tandem/numerics/bits.hpp"
#include "tandem/numerics/checksum.hpp"

#if defined(__CUDACC__)
#define TANDEM_GPU_FN __device__ __forceinline__
#define TANDEM_GPU_UNROLL _Pragma("unroll")
#define TANDEM_GPU_UNROLL16 _Pragma("unroll 16")
#define TANDEM_GPU_ROLLED _Pragma("unroll 1")
#else
#define TANDEM_GPU_FN inline
#define TANDEM_GPU_UNROLL
#define TANDEM_GPU_UNROLL16
#define TANDEM_GPU_ROLLED
#endif

namespace tandem::gpu {

/// Sixteen bytes that move at once.
struct alignas(16) Wide {
  std::uint32_t word[4];
};

/// The object at a device address, aligned as T.
template <class T>
TANDEM_GPU_FN T load(std::uint64_t at) {
#if defined(__CUDA_ARCH__)
  return *reinterpret_cast<const T*>(at);
#else
  T value;
  __builtin_memcpy(&value, reinterpret_cast<const void*>(at), sizeof value);
  return value;
#endif
}

template <class T>
TANDEM_GPU_FN void store(std::uint64_t at, const T& value) {
#if defined(__CUDA_ARCH__)
  *reinterpret_cast<T*>(at) = value;
#else
  __builtin_memcpy(reinterpret_cast<void*>(at), &value, sizeof value);
#endif
}

/// What one aligned element of 1, 2, 4, 8 or 16 bytes written at `addr` adds to the checksum.
template <class T>
TANDEM_GPU_FN std::uint64_t element_checksum(std::uint64_t addr, T value) {
  constexpr std::uint64_t kOnes = static_cast<T>(~T{}) / 0xFF;  // one in every byte
  return ((std::uint64_t{value} + kOnes) << (8 * (addr & 3))) * numerics::checksum_weight(addr);
}
TANDEM_GPU_FN std::uint64_t element_checksum(std::uint64_t addr, std::uint64_t value) {
  return element_checksum(addr, static_cast<std::uint32_t>(value)) +
         element_checksum(addr + 4, static_cast<std::uint32_t>(value >> 32));
}
TANDEM_GPU_FN std::uint64_t element_checksum(std::uint64_t addr, const Wide& value) {
  return element_checksum(addr, value.word[0]) + element_checksum(addr + 4, value.word[1]) +
         element_checksum(addr + 8, value.word[2]) + element_checksum(addr + 12, value.word[3]);
}

/// n / divisor.value, for n below 2^32.
TANDEM_GPU_FN std::uint64_t divide(std::uint64_t n, const Divisor& divisor) {
  if (divisor.factor == 0) return n;
#if defined(__CUDA_ARCH__)
  return __umul64hi(n, divisor.factor);
#else
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(n) * divisor.factor) >> 64);
#endif
}

/// The index at `at`; negative ones come out above every limit.
TANDEM_GPU_FN std::uint64_t load_index(std::uint64_t at, bool wide) {
  if (wide) return load<std::uint64_t>(at);
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(load<std::int32_t>(at)));
}

#if defined(__CUDACC__)

/// The context on the device.
class DeviceContext {
 public:
  /// `memory` is the dynamic shared memory of the block.
  __device__ explicit DeviceContext(unsigned char* memory) : memory_(memory) {}

  TANDEM_GPU_FN unsigned block() const { return blockIdx.x; }
  TANDEM_GPU_FN unsigned grid() const { return gridDim.x; }
  /// On the device a launch runs to its end.
  TANDEM_GPU_FN bool cancelled() const { return false; }

  template <class Body>
  TANDEM_GPU_FN void for_each_thread(Body&& body) {
    body(threadIdx.x);
  }
  TANDEM_GPU_FN void sync() { __syncthreads(); }

  template <class T>
  struct Local {
    T value;
    TANDEM_GPU_FN T& operator[](unsigned) { return value; }
  };
  template <class T>
  TANDEM_GPU_FN Local<T> locals() {
    return Local<T>();
  }
  template <class T>
  TANDEM_GPU_FN T* shared(unsigned count) {
    T* first = reinterpret_cast<T*>(memory_ + used_);
    used_ += (count * static_cast<unsigned>(sizeof(T)) + 15u) & ~15u;
    return first;
  }
  TANDEM_GPU_FN void add(std::uint64_t at, std::uint64_t value) {
    atomicAdd(reinterpret_cast<unsigned long long*>(at), value);
  }
  TANDEM_GPU_FN void least(std::uint64_t at, std::uint64_t value) {
    atomicMin(reinterpret_cast<unsigned long long*>(at), value);
  }

 private:
  unsigned char* memory_;
  unsigned used_ = 0;
};

#endif

/// Bytes of shared memory that `count` objects of `size` bytes take.
constexpr std::uint32_t shared_size(std::uint32_t count, std::uint32_t size) {
  return (count * size + 15u) & ~15u;
}
/// Shared memory of `finish_sum`.
inline constexpr std::uint32_t kSumBytes = shared_size(kBlockThreads, 8);

/// Ends a body: adds the threads' sums to the packet's checksum. `sums` are kBlockThreads objects
/// of shared memory.
template <class Context, class Sum>
TANDEM_GPU_FN void finish_sum(Context& ctx, Sum& sum, std::uint64_t* sums, std::uint64_t status) {
  ctx.for_each_thread([&](unsigned t) { sums[t] = sum[t]; });
  for (unsigned width = kBlockThreads / 2; width != 0; width /= 2) {
    ctx.sync();
    ctx.for_each_thread([&](unsigned t) {
      if (t < width) sums[t] += sums[t + width];
    });
  }
  ctx.for_each_thread([&](unsigned t) {
    if (t == 0 && sums[0] != 0) ctx.add(status + offsetof(DeviceStatus, checksum), sums[0]);
  });
}

}  // namespace tandem::gpu

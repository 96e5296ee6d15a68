// SPDX-License-Identifier: Apache-2.0
// A block of threads as loops on the host. Memory that a body did not set holds a pattern, and the
// threads of a phase run in ascending or descending order: a body whose threads depend on each
// other between two barriers gives different results.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "kernels/context.hpp"

namespace tandem::gpu {

/// What a launch on the host may be told; results never depend on it.
struct HostOrder {
  bool reversed = false;  ///< Threads of a block, and blocks, from the last to the first.
};

/// Memory of a block, reused by all blocks of a thread. Thread-safety: none.
class HostBlockMemory {
 public:
  void clear() { used_ = 0; }
  /// `size` bytes of 0xA5, 16-byte aligned, valid until `clear`.
  void* take(std::size_t size) {
    size = (size + 15) / 16 * 16;
    if (used_ + size > kBytes) throw std::bad_alloc();
    void* at = memory_.get() + used_ / sizeof(Wide);
    used_ += size;
    return std::memset(at, 0xA5, size);
  }

 private:
  static constexpr std::size_t kBytes = 1 << 20;
  std::unique_ptr<Wide[]> memory_ = std::make_unique<Wide[]>(kBytes / sizeof(Wide));
  std::size_t used_ = 0;
};

/// The context on the host.
class HostContext {
 public:
  HostContext(unsigned block, unsigned grid, HostBlockMemory& memory, HostOrder order,
              const std::atomic<bool>* cancelled)
      : block_(block), grid_(grid), memory_(memory), order_(order), cancelled_(cancelled) {
    memory_.clear();
  }

  unsigned block() const { return block_; }
  unsigned grid() const { return grid_; }
  bool cancelled() const {
    return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed);
  }

  template <class Body>
  void for_each_thread(Body&& body) {
    for (unsigned n = 0; n < kBlockThreads; ++n) body(order_.reversed ? kBlockThreads - 1 - n : n);
  }
  void sync() {}

  template <class T>
  T* locals() {
    static_assert(std::is_trivially_destructible_v<T>);
    T* first = static_cast<T*>(memory_.take(kBlockThreads * sizeof(T)));
    if constexpr (!std::is_trivially_default_constructible_v<T>) {
      for (unsigned t = 0; t < kBlockThreads; ++t) new (first + t) T;
    }
    return first;
  }
  template <class T>
  T* shared(unsigned count) {
    static_assert(std::is_trivially_default_constructible_v<T>);
    return static_cast<T*>(memory_.take(count * sizeof(T)));
  }

  void add(std::uint64_t at, std::uint64_t value) { word(at).fetch_add(value); }
  void least(std::uint64_t at, std::uint64_t value) {
    auto target = word(at);
    std::uint64_t old = target.load();
    while (value < old && !target.compare_exchange_weak(old, value)) {
    }
  }

 private:
  static std::atomic_ref<std::uint64_t> word(std::uint64_t at) {
    return std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(at));
  }

  unsigned block_;
  unsigned grid_;
  HostBlockMemory& memory_;
  HostOrder order_;
  const std::atomic<bool>* cancelled_;
};

}  // namespace tandem::gpu

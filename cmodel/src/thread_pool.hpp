// SPDX-License-Identifier: Apache-2.0
// A few threads that share the tasks of one packet, each with its own scratch memory.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace tandem::cmodel {

/// Memory of one thread, 64-byte aligned, of fixed size: a packet never allocates.
struct Scratch {
  static constexpr std::size_t kPackedA = std::size_t{1} << 18;  ///< Words.
  static constexpr std::size_t kAccumulators = std::size_t{1} << 14;
  static constexpr std::size_t kPackedB = std::size_t{1} << 15;
  static constexpr std::size_t kRegisters = std::size_t{1} << 14;

  Scratch();
  std::uint32_t* a = nullptr;
  std::uint32_t* acc = nullptr;
  std::uint32_t* b = nullptr;
  std::uint32_t* registers = nullptr;  ///< Of the vector engine.

 private:
  struct Free {
    void operator()(void* p) const;
  };
  std::unique_ptr<std::uint32_t, Free> memory_;
};

/// Thread-safety: one `run` at a time. Threads have the default floating-point environment.
class ThreadPool {
 public:
  /// `threads` includes the one that calls `run`; at least 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return int(scratch_.size()); }
  /// Of the thread with number 0 (the caller of `run`) to size() - 1.
  Scratch& scratch(int thread) { return scratch_[std::size_t(thread)]; }

  /// Calls function(task, thread) for every task below `tasks`, each once, in no order; returns
  /// when all have returned. `function` does not throw.
  template <class Function>
  void run(std::uint64_t tasks, Function&& function) {
    if (size() == 1 || tasks <= 1) {
      for (std::uint64_t task = 0; task < tasks; ++task) function(task, 0);
      return;
    }
    using Plain = std::remove_reference_t<Function>;
    run_shared({tasks, &function, [](const void* f, std::uint64_t task, int thread) {
                  (*static_cast<Plain*>(const_cast<void*>(f)))(task, thread);
                }});
  }

 private:
  struct Job {
    std::uint64_t tasks = 0;
    const void* function = nullptr;
    void (*call)(const void*, std::uint64_t, int) = nullptr;
    std::atomic<std::uint64_t> next{0};
    Job(std::uint64_t count, const void* f, void (*c)(const void*, std::uint64_t, int))
        : tasks(count), function(f), call(c) {}
  };

  void run_shared(Job job);
  void work(int thread);
  static void take_tasks(Job& job, int thread);

  std::vector<Scratch> scratch_;
  std::atomic<Job*> job_{nullptr};
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<int> active_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
};

}  // namespace tandem::cmodel

// SPDX-License-Identifier: Apache-2.0
// Threads spin for a short while after a packet, because the next one is usually near, then sleep.
#include "thread_pool.hpp"

#include <cstdlib>
#include <new>

#include "kernels/kernels.hpp"
#include "tandem/base/error.hpp"
#include "tandem/numerics/fp_env.hpp"

namespace tandem::cmodel {
namespace {

constexpr int kSpins = 4000;  // roughly 50 us

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

void Scratch::Free::operator()(void* p) const { std::free(p); }

Scratch::Scratch() {
  constexpr std::size_t kSlack = 64;
  static_assert(kSlack >= kPackSlack);
  constexpr std::size_t kWords = kPackedA + kAccumulators + kPackedB + kRegisters + 4 * kSlack;
  auto* memory = static_cast<std::uint32_t*>(std::aligned_alloc(64, kWords * 4));
  if (memory == nullptr) throw std::bad_alloc();
  memory_.reset(memory);
  a = memory;
  acc = a + kPackedA + kSlack;
  b = acc + kAccumulators + kSlack;
  registers = b + kPackedB + kSlack;
}

ThreadPool::ThreadPool(int threads) : scratch_(std::size_t(threads < 1 ? 1 : threads)) {
  for (int i = 1; i < size(); ++i) threads_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::take_tasks(Job& job, int thread) {
  for (;;) {
    const std::uint64_t task = job.next.fetch_add(1);
    if (task >= job.tasks) return;
    job.call(job.function, task, thread);
  }
}

void ThreadPool::run_shared(Job job) {
  job_ = &job;
  ++generation_;
  if (sleepers_ != 0) {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
  take_tasks(job, 0);
  // A thread counts itself active before it looks at the job, so from here on none can find it.
  job_ = nullptr;
  for (int spins = 0; active_ != 0; ++spins) {
    if (spins < kSpins) {
      relax();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::work(int thread) {
  const numerics::FpEnvironment environment;
  TANDEM_CHECK(numerics::FpEnvironment::is_default());
  std::uint64_t seen = 0;
  for (;;) {
    int spins = 0;
    while (generation_ == seen && !stop_ && spins < kSpins) {
      relax();
      ++spins;
    }
    if (generation_ == seen && !stop_) {
      ++sleepers_;
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return generation_ != seen || stop_; });
      --sleepers_;
    }
    if (stop_) return;
    seen = generation_;
    ++active_;
    if (Job* job = job_) take_tasks(*job, thread);
    --active_;
  }
}

}  // namespace tandem::cmodel

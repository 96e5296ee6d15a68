// SPDX-License-Identifier: Apache-2.0
// Polling that starts fast and ends up sleeping.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace tandem::driver {

/// Tells the core that this is a polling loop.
inline void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// One pause of a polling loop that has polled for `elapsed`. Soon it yields, so that the thread
/// which is waited for runs even if it shares the core.
inline void spin_pause(std::chrono::nanoseconds elapsed) {
  if (elapsed > std::chrono::microseconds(3)) {
    std::this_thread::yield();
  } else {
    for (int i = 0; i < 16; ++i) cpu_relax();
  }
}

/// Pauses between polls: a few dozen instructions at first, then yields, then sleeps up to 200 us.
class Backoff {
 public:
  void pause() {
    ++count_;
    if (count_ < kRelaxed) {
      cpu_relax();
    } else if (count_ < kYields) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(sleep_);
      sleep_ = std::min(sleep_ * 2, std::chrono::microseconds(200));
    }
  }

 private:
  static constexpr unsigned kRelaxed = 200;
  static constexpr unsigned kYields = 250;
  unsigned count_ = 0;
  std::chrono::microseconds sleep_{10};
};

}  // namespace tandem::driver

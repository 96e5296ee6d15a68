// SPDX-License-Identifier: Apache-2.0
// The host thread's floating-point environment: what the arithmetic relies on, checked and kept.
#pragma once

#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

#include <cstdint>

namespace tandem::numerics {

#if defined(__x86_64__) || defined(__i386__)

/// For the lifetime of the object the calling thread rounds to nearest even and neither flushes
/// nor ignores subnormals (no FTZ, no DAZ), with exceptions masked; then the caller's settings
/// come back. Every thread that computes holds one: the settings belong to threads, and a host
/// program may have changed them before it called us. Not to be moved to another thread.
class FpEnvironment {
 public:
  FpEnvironment() : saved_(_mm_getcsr()) { _mm_setcsr(kDefault); }
  ~FpEnvironment() { _mm_setcsr(saved_); }
  FpEnvironment(const FpEnvironment&) = delete;
  FpEnvironment& operator=(const FpEnvironment&) = delete;

  /// True if the calling thread has the settings that the arithmetic relies on.
  static bool is_default() { return (_mm_getcsr() & ~kFlags) == kDefault; }

 private:
  static constexpr std::uint32_t kFlags = 0x3F;      // sticky exception flags: of no matter
  static constexpr std::uint32_t kDefault = 0x1F80;  // all exceptions masked, RC nearest
  std::uint32_t saved_;
};

#else

/// As on x86, by the C environment: the default environment rounds to nearest even and keeps
/// subnormals.
class FpEnvironment {
 public:
  FpEnvironment() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~FpEnvironment() { std::fesetenv(&saved_); }
  FpEnvironment(const FpEnvironment&) = delete;
  FpEnvironment& operator=(const FpEnvironment&) = delete;

  static bool is_default() {
    const volatile float smallest = 0x1p-126f;
    return std::fegetround() == FE_TONEAREST && smallest * 0.5f != 0.0f;
  }

 private:
  std::fenv_t saved_;
};

#endif

}  // namespace tandem::numerics

// SPDX-License-Identifier: Apache-2.0
// Every time limit of the driver, with its reason.
#pragma once

#include <chrono>

namespace tandem::driver {

/// A wait fails when no packet completed for so long. The longest packet of the largest models
/// takes seconds on one slow core; a stuck device should still be reported within a coffee break.
/// TANDEM_TIMEOUT_S replaces it, as RTL simulation is a thousand times slower.
inline constexpr std::chrono::nanoseconds kProgressTimeout = std::chrono::seconds(120);

/// Reset and drain: register traffic only, so anything longer means that the device or its link is
/// dead. Scales with TANDEM_TIMEOUT_S as the progress timeout does.
inline constexpr std::chrono::nanoseconds kControlTimeout = std::chrono::seconds(10);

/// How long a reset of an in-process device waits for the packet in execution: engines look for a
/// reset every few milliseconds, but a loaded host may not let them run for a while.
inline constexpr std::chrono::nanoseconds kCancelTimeout = std::chrono::seconds(60);

/// How long a wait polls before it sleeps: most packets end sooner than a sleep and a wake-up cost.
inline constexpr std::chrono::nanoseconds kSpinTime = std::chrono::microseconds(30);

/// Longest sleep on the interrupt before STATUS is looked at, so that a lost interrupt costs time,
/// not a hang.
inline constexpr std::chrono::nanoseconds kIrqSlice = std::chrono::milliseconds(20);

/// Pause between two looks at a device that is polled.
inline constexpr std::chrono::nanoseconds kPollPause = std::chrono::microseconds(50);

/// The progress timeout: TANDEM_TIMEOUT_S in seconds (a decimal number above 0), else
/// kProgressTimeout. Throws kInvalidArgument naming the variable if it holds anything else.
std::chrono::nanoseconds progress_timeout();

}  // namespace tandem::driver

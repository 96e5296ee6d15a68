// SPDX-License-Identifier: Apache-2.0
// Random sequences on two devices until something differs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "soak/coverage.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::soak {

/// Sequences that run on one pair of devices, which are opened anew for the next ones. `{seed}` in
/// a URI stands for a number that differs between them, so that stalls do.
inline constexpr std::uint64_t kChapter = 32;

struct SoakOptions {
  std::string a;  ///< URIs.
  std::string b;
  driver::DeviceConfig hardware;
  std::uint64_t seed = 1;
  std::uint64_t first = 0;  ///< Index of the first sequence.
  // Whatever is reached first ends the soak.
  std::uint64_t sequences = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t packets = std::numeric_limits<std::uint64_t>::max();
  std::chrono::nanoseconds time = std::chrono::hours(24 * 365);
};

struct SoakState {
  std::uint64_t sequences = 0;
  std::uint64_t packets = 0;
  double seconds = 0;
};

struct SoakFailure {
  std::string text;
  std::uint64_t first = 0;  ///< The sequences that show it: with `sequences` and the seed.
  std::uint64_t sequences = 1;
};

struct SoakResult {
  SoakState state;
  Coverage coverage;
  std::optional<SoakFailure> failure;
};

/// Completions, captured error and written bytes of every sequence are compared, and the bytes
/// around them. Ends at the first difference, after finding the shortest run of sequences that
/// shows it again. `progress` is called after every sequence. Throws as driver::open_backend.
SoakResult run_soak(const SoakOptions& options,
                    const std::function<void(const SoakState&)>& progress = {});

}  // namespace tandem::soak

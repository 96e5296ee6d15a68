// SPDX-License-Identifier: Apache-2.0
// The backends that tests run on, and what is known not to work on each.
#pragma once

#include <ostream>
#include <span>
#include <string_view>

namespace tandem::tests {

/// Tests by name, "Suite.Test" with `*` as wildcard, and why they are listed.
struct TestNote {
  std::string_view pattern;
  std::string_view reason;
};

struct BackendUnderTest {
  std::string_view name;  ///< Letters and digits; part of the test's name.
  std::string_view uri;
  bool built = true;  ///< This build makes the plug-in, so its absence is a failure, not a skip.
  std::span<const TestNote> unsupported;       ///< Skipped: the device does not have it.
  std::span<const TestNote> expected_failure;  ///< Run; passing is a failure.
  /// Configuration of sim_configs whose sizes the device has; empty: it takes any.
  std::string_view hardware = {};
};

/// How GoogleTest prints a parameter.
inline void PrintTo(const BackendUnderTest* backend, std::ostream* out) { *out << backend->uri; }

/// One line for each backend; a new one is added in backends.cpp and nowhere else.
std::span<const BackendUnderTest> backends();

/// The note that matches "suite.test", or nullptr.
const TestNote* find_note(std::span<const TestNote> notes, std::string_view suite,
                          std::string_view test);

}  // namespace tandem::tests

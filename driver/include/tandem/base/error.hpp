// SPDX-License-Identifier: Apache-2.0
// The one exception type of Tandem, and the check macro for misuse by our own code.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace tandem {

/// What kind of failure an Error reports. "Retry" says whether the same call may succeed later.
enum class ErrorCode {
  kInvalidArgument,   ///< The caller passed something wrong. No retry.
  kNotFound,          ///< A file, plug-in, tensor or key does not exist. No retry.
  kUnimplemented,     ///< Valid, but not supported by this build or device. No retry.
  kUnavailable,       ///< A device or resource is absent or busy. Retry later.
  kDeadlineExceeded,  ///< A wait ran past its deadline. Retry after a reset.
  kDeviceFault,       ///< The device reported an error completion. Retry after a reset.
  kMismatch,          ///< Two things that must be equal differ (hash, checksum, bytes). No retry.
  kOutOfMemory,       ///< A device region or the host has no room left. Retry after freeing.
  kInternal,          ///< A bug in Tandem. No retry.
};

/// Name of a code as printed in messages, e.g. "invalid argument".
std::string_view to_string(ErrorCode code);

/// The exception that every layer throws.
///
/// `message` says what, where, expected, found and the next step in one sentence or two.
/// `context` lines are added by outer layers on the way up (file, tensor, op), innermost first.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string message);
  Error(ErrorCode code, std::string message, std::string context);

  ErrorCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  const std::string& context() const noexcept { return context_; }

  /// A copy with one more context line; `catch (const Error& e) { throw e.with_context("..."); }`
  Error with_context(std::string line) const;

 private:
  ErrorCode code_;
  std::string message_;
  std::string context_;
};

namespace detail {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}

/// Aborts the current operation with ErrorCode::kInternal when `condition` is false.
/// For invariants of Tandem's own code only, never for input.
#define TANDEM_CHECK(condition) \
  ((condition) ? (void)0 : ::tandem::detail::check_failed(#condition, __FILE__, __LINE__))

}  // namespace tandem

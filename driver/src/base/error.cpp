// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/error.hpp"

#include <utility>

namespace tandem {
namespace {

std::string compose(ErrorCode code, const std::string& message, const std::string& context) {
  std::string text(to_string(code));
  text += ": ";
  text += message;
  if (!context.empty()) {
    text += "\n  ";
    text += context;
  }
  return text;
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kUnimplemented:
      return "unimplemented";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kDeadlineExceeded:
      return "deadline exceeded";
    case ErrorCode::kDeviceFault:
      return "device fault";
    case ErrorCode::kMismatch:
      return "mismatch";
    case ErrorCode::kOutOfMemory:
      return "out of memory";
    case ErrorCode::kInternal:
      return "internal error";
  }
  return "unknown error";
}

Error::Error(ErrorCode code, std::string message) : Error(code, std::move(message), {}) {}

Error::Error(ErrorCode code, std::string message, std::string context)
    : std::runtime_error(compose(code, message, context)),
      code_(code),
      message_(std::move(message)),
      context_(std::move(context)) {}

Error Error::with_context(std::string line) const {
  return Error(code_, message_, context_.empty() ? std::move(line) : context_ + "\n  " + line);
}

namespace detail {

void check_failed(const char* expression, const char* file, int line) {
  throw Error(ErrorCode::kInternal, std::string("check failed: ") + expression + " at " + file +
                                        ":" + std::to_string(line) +
                                        "; this is a bug in Tandem, please report it");
}

}  // namespace detail
}  // namespace tandem

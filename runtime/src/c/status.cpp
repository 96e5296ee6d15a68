// SPDX-License-Identifier: Apache-2.0
#include "guard.hpp"

namespace tandem::c {
namespace {

thread_local std::string last_error;

}  // namespace

tandem_status to_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return TANDEM_INVALID_ARGUMENT;
    case ErrorCode::kNotFound:
      return TANDEM_NOT_FOUND;
    case ErrorCode::kUnimplemented:
      return TANDEM_UNIMPLEMENTED;
    case ErrorCode::kUnavailable:
      return TANDEM_UNAVAILABLE;
    case ErrorCode::kDeadlineExceeded:
      return TANDEM_DEADLINE_EXCEEDED;
    case ErrorCode::kDeviceFault:
      return TANDEM_DEVICE_FAULT;
    case ErrorCode::kMismatch:
      return TANDEM_MISMATCH;
    case ErrorCode::kOutOfMemory:
      return TANDEM_OUT_OF_MEMORY;
    case ErrorCode::kInternal:
      return TANDEM_INTERNAL;
  }
  return TANDEM_INTERNAL;
}

tandem_status failed(tandem_status status, const char* text) noexcept {
  try {
    last_error = text;
  } catch (...) {
    last_error.clear();
  }
  return status;
}

const char* last_error_text() { return last_error.c_str(); }

}  // namespace tandem::c

const char* tandem_status_name(tandem_status status) {
  switch (status) {
    case TANDEM_OK:
      return "ok";
    case TANDEM_INVALID_ARGUMENT:
      return "invalid argument";
    case TANDEM_NOT_FOUND:
      return "not found";
    case TANDEM_UNIMPLEMENTED:
      return "unimplemented";
    case TANDEM_UNAVAILABLE:
      return "unavailable";
    case TANDEM_DEADLINE_EXCEEDED:
      return "deadline exceeded";
    case TANDEM_DEVICE_FAULT:
      return "device fault";
    case TANDEM_MISMATCH:
      return "mismatch";
    case TANDEM_OUT_OF_MEMORY:
      return "out of memory";
    case TANDEM_INTERNAL:
      return "internal error";
  }
  return "unknown status";
}

const char* tandem_last_error(void) { return tandem::c::last_error_text(); }

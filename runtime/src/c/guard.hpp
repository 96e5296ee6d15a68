// SPDX-License-Identifier: Apache-2.0
// Exceptions and arguments at the border to C.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "tandem/base/error.hpp"
#include "tandem/tandem.h"

namespace tandem::c {

tandem_status to_status(ErrorCode code);

/// Keeps `text` for tandem_last_error and returns `status`.
tandem_status failed(tandem_status status, const char* text) noexcept;

/// What `failed` kept on this thread.
const char* last_error_text();

/// Runs a call; every exception becomes a status.
template <class F>
tandem_status guarded(F&& call) noexcept {
  try {
    call();
    return TANDEM_OK;
  } catch (const Error& error) {
    return failed(to_status(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return failed(TANDEM_OUT_OF_MEMORY, "out of memory: the host has no room left");
  } catch (const std::exception& error) {
    return failed(TANDEM_INTERNAL, error.what());
  } catch (...) {
    return failed(TANDEM_INTERNAL, "unknown exception");
  }
}

[[noreturn]] inline void refuse(std::string text) {
  throw Error(ErrorCode::kInvalidArgument, std::move(text));
}

/// The argument, which must not be NULL.
template <class T>
T& given(T* pointer, const char* name) {
  if (pointer == nullptr) {
    refuse(fmt::format("argument '{}' is NULL", name));
  }
  return *pointer;
}
inline const char* given_text(const char* text, const char* name) { return &given(text, name); }

}  // namespace tandem::c

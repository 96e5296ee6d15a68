// SPDX-License-Identifier: Apache-2.0
// Expectations about tandem::Error.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "tandem/base/error.hpp"

namespace tandem::tests {

/// Expects that `call` throws an Error of `code` whose text holds every one of `parts`.
template <class Call>
void expect_error(ErrorCode code, std::initializer_list<std::string_view> parts, Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.code(), code) << text;
    for (const std::string_view part : parts) {
      EXPECT_NE(text.find(part), std::string::npos) << "missing \"" << part << "\" in: " << text;
    }
    return;
  }
  ADD_FAILURE() << "no tandem::Error was thrown";
}

}  // namespace tandem::tests

// SPDX-License-Identifier: Apache-2.0
// Text and parts of the exception type.
#include "tandem/base/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tandem {
namespace {

TEST(Error, TextHoldsCodeAndMessage) {
  const Error error(ErrorCode::kNotFound, "no such tensor \"x\"");
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_EQ(error.message(), "no such tensor \"x\"");
  EXPECT_TRUE(error.context().empty());
  EXPECT_STREQ(error.what(), "not found: no such tensor \"x\"");
}

TEST(Error, ContextLinesFollowInnermostFirst) {
  const Error inner(ErrorCode::kDeviceFault, "UNMAPPED at 0x10");
  const Error outer = inner.with_context("in op matmul").with_context("in layer 3");
  EXPECT_EQ(outer.code(), ErrorCode::kDeviceFault);
  EXPECT_STREQ(outer.what(), "device fault: UNMAPPED at 0x10\n  in op matmul\n  in layer 3");
}

TEST(Error, CodesHaveDistinctNames) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    names.insert(to_string(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ErrorCode::kInternal) + 1);
  EXPECT_FALSE(names.contains("unknown error"));
}

TEST(Error, CheckNamesExpressionAndPlace) {
  EXPECT_NO_THROW(TANDEM_CHECK(1 + 1 == 2));
  try {
    TANDEM_CHECK(1 + 1 == 3);
    FAIL() << "no exception";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    EXPECT_NE(std::string(error.what()).find("1 + 1 == 3"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("error_test.cpp:"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tandem

// SPDX-License-Identifier: Apache-2.0
// UTF-8 decoding and repair.
#include "tandem/models/text/utf8.hpp"

#include <gtest/gtest.h>

namespace tandem::models {
namespace {

constexpr const char* kMark = "\xEF\xBF\xBD";

TEST(Utf8, RoundTripsEveryCodePoint) {
  for (char32_t point = 0; point <= 0x10FFFF; ++point) {
    std::string text;
    append_utf8(text, point);
    const Utf8Step step = utf8_step(text);
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    ASSERT_TRUE(step.valid);
    ASSERT_EQ(step.num_bytes, text.size());
    ASSERT_EQ(step.code_point, surrogate ? 0xFFFDu : point);
  }
  std::string text;
  append_utf8(text, 0x110000);
  EXPECT_EQ(text, kMark);
}

TEST(Utf8, ReplacesEachMaximalInvalidPartOnce) {
  const std::string m = kMark;
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"a\x80z", "a" + m + "z"},
      {"\xC3", m},
      {"\xC3(", m + "("},
      {"\xE6\x9D", m},
      {"\xE6\x9D\xE6\x9D\xB1", m + "東"},
      {"\xF0\x9F\x99z", m + "z"},
      {"\xED\xA0\x80", m + m + m},          // a surrogate
      {"\xC0\x80", m + m},                  // overlong
      {"\xE0\x80\x80", m + m + m},          // overlong
      {"\xF4\x90\x80\x80", m + m + m + m},  // past U+10FFFF
      {"\xF5\xFF", m + m},
      // Example of Unicode 15, table 3-11.
      {"\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64",
       "a" + m + m + m + "b" + m + "c" + m + m + "d"},
  };
  for (const auto& [bytes, expected] : cases) {
    EXPECT_EQ(utf8_lossy(bytes), expected);
    EXPECT_EQ(is_valid_utf8(bytes), bytes.empty());
    EXPECT_TRUE(is_valid_utf8(expected));
  }
}

TEST(Utf8, TellsTruncatedFromInvalid) {
  EXPECT_TRUE(utf8_step("\xE6\x9D").truncated);
  EXPECT_TRUE(utf8_step("\xF0").truncated);
  EXPECT_FALSE(utf8_step("\xE6(").truncated);
  EXPECT_FALSE(utf8_step("\xED\xA0").truncated);
  EXPECT_FALSE(utf8_step("\x80").truncated);
}

}  // namespace
}  // namespace tandem::models

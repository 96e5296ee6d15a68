// SPDX-License-Identifier: Apache-2.0
// Unicode normal forms.
#include "models/src/text/normalizer.hpp"

#include <gtest/gtest.h>

namespace tandem::models {
namespace {

TEST(Normalizer, GivesTheFourForms) {
  struct Case {
    const char* text;
    const char* forms[4];  // NFC, NFD, NFKC, NFKD
  };
  const Case cases[] = {
      {"plain", {"plain", "plain", "plain", "plain"}},
      {"é", {"é", "e\u0301", "é", "e\u0301"}},
      {"e\u0301", {"é", "e\u0301", "é", "e\u0301"}},
      {"ﬁ①", {"ﬁ①", "ﬁ①", "fi1", "fi1"}},
      {"\u212B", {"\u00C5", "A\u030A", "\u00C5", "A\u030A"}},
      {"한", {"한", "\u1112\u1161\u11AB", "한", "\u1112\u1161\u11AB"}},
      // The marks are ordered by class before composing (UAX 15, figure 5).
      {"\u1E9B\u0323", {"\u1E9B\u0323", "\u017F\u0323\u0307", "\u1E69", "s\u0323\u0307"}},
      {"q\u0307\u0323", {"q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307"}},
      {"\u0958", {"\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C"}},  // excluded
      {"", {"", "", "", ""}},
  };
  constexpr NormalForm kForms[] = {NormalForm::kNfc, NormalForm::kNfd, NormalForm::kNfkc,
                                   NormalForm::kNfkd};
  for (const Case& c : cases) {
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(normalize_unicode(c.text, kForms[i]), c.forms[i]) << c.text << " form " << i;
    }
  }
}

TEST(Normalizer, OrdersLongRunsOfMarks) {
  std::string text = "a", low, high;
  for (int i = 0; i < 100000; ++i) {
    text += "\u0301\u0323";  // classes 230 and 220
    low += "\u0323";
    high += "\u0301";
  }
  EXPECT_EQ(normalize_unicode(text, NormalForm::kNfd), "a" + low + high);
}

TEST(Normalizer, PrependsAndReplaces) {
  EXPECT_EQ(make_prepend("_")->apply("a"), "_a");
  EXPECT_EQ(make_prepend("_")->apply(""), "");
  EXPECT_EQ(make_replace(Regex(escape_regex(" "), "t"), "_")->apply(" a  b "), "_a__b_");
  EXPECT_EQ(make_replace(Regex("x*", "t"), "-")->apply("éxxé"), "é-é");
}

}  // namespace
}  // namespace tandem::models

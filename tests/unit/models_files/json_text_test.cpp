// SPDX-License-Identifier: Apache-2.0
// Bounded JSON parsing and its messages.
#include "models/src/files/json_text.hpp"

#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using tandem::testing::expect_error;

TEST(JsonText, KeepsOrderAndValues) {
  const Json json =
      parse_json(R"({"b": [1, -2, 2.5, "x\u00e9"], "a": {"c": null, "d": true}})", "t");
  EXPECT_EQ(json.dump(), R"({"b":[1,-2,2.5,"xé"],"a":{"c":null,"d":true}})");
  EXPECT_EQ(json["b"][1], -2);
}

TEST(JsonText, NamesLineAndColumnOfMalformedTextBad) {
  const auto refuse = [](std::string_view text, std::initializer_list<std::string_view> parts) {
    expect_error(ErrorCode::kInvalidArgument, parts, [&] { parse_json(text, "f.json"); });
  };
  refuse("{\n  \"a\": 1,\n  b\n}", {"f.json:3:3", "malformed JSON"});
  refuse("", {"f.json:1:1", "malformed JSON"});
  refuse("{\"a\":", {"f.json:1:6", "malformed JSON"});
  refuse("[1, 2", {"malformed JSON"});
  refuse("[1, ]", {"f.json:1:5", "expected '[', '{', or a liter..."});
  refuse("[1] x", {"f.json:1:5", "malformed JSON"});
  refuse("\"\xff\"", {"f.json:1:2", "malformed JSON"});
  refuse("\"\\ud800\"", {"malformed JSON"});
  refuse("1e999", {"malformed JSON"});
  refuse("{\"a\": 1, \"a\": 2}", {"f.json: key 'a' appears twice in one object"});
  refuse(std::string(65, '['), {"f.json:1:65", "nested deeper than 64 levels"});
  refuse(std::string(100000, '['), {"nested deeper than 64 levels"});
  std::string objects;
  for (int i = 0; i < 100; ++i) objects += "{\"a\":";
  refuse(objects, {"nested deeper than 64 levels"});
}

TEST(JsonText, RefusesMoreThanItsLimitsBad) {
  const JsonLimits limits{100, 10, 4};
  expect_error(ErrorCode::kInvalidArgument, {"101 bytes of JSON, expected at most 100"},
               [&] { parse_json(std::string(101, ' '), "f", limits); });
  expect_error(ErrorCode::kInvalidArgument, {"f:1:19: more than 10 values"},
               [&] { parse_json("[0,0,0,0,0,0,0,0,0,0,0,0]", "f", limits); });
  EXPECT_NO_THROW(parse_json("[\"[[[[[[,,,,,,,,,,\"]", "f", limits));
}

TEST(JsonFieldsTest, NamesKeysExpectedAndFound) {
  const Json json = parse_json(R"({"a": {"b": "x", "big": 18446744073709551615}})", "f");
  const JsonFields fields = JsonFields(json, "f").object("a");
  EXPECT_EQ(fields.text("b"), "x");
  EXPECT_EQ(fields.text("none"), std::nullopt);
  expect_error(ErrorCode::kInvalidArgument,
               {"f: key a.b: expected an integer, found the string 'x'"},
               [&] { fields.integer("b"); });
  expect_error(ErrorCode::kInvalidArgument, {"f: key a.big: expected an integer"},
               [&] { fields.integer("big"); });
  expect_error(ErrorCode::kInvalidArgument, {"expected true or false"}, [&] { fields.flag("b"); });
  expect_error(ErrorCode::kInvalidArgument, {"f: key a.b: expected an object"},
               [&] { fields.object("b"); });
  expect_error(ErrorCode::kInvalidArgument, {"f: key a.c: is missing, expected an array"},
               [&] { fields.array("c"); });
}

}  // namespace
}  // namespace tandem::models

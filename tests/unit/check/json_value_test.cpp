// SPDX-License-Identifier: Apache-2.0
// Places and types in messages about JSON files, and limits.
#include "json_value.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "unit/models_files/file_helpers.hpp"

namespace tandem::check {
namespace {

using tandem::testing::expect_error;

class JsonFile : public ::testing::Test {
 protected:
  JsonValue read(std::string_view text) { return JsonValue::read(dir_.write("f.json", text)); }
  template <class Call>
  void refuse(std::initializer_list<std::string_view> parts, Call&& call) {
    expect_error(ErrorCode::kInvalidArgument, parts, call);
  }

  tandem::testing::TempDir dir_;
};

TEST_F(JsonFile, GivesValuesOfEveryType) {
  const JsonValue root = read(
      R"({"b":true,"s":"t","i":-3,"u":18446744073709551615,"f":2.5,"l":[1,2],"n":null,"o":{"k":1}})");
  EXPECT_TRUE(root.at("b").get<bool>());
  EXPECT_EQ(root.at("s").get<std::string>(), "t");
  EXPECT_EQ(root.at("i").get<int>(), -3);
  EXPECT_EQ(root.at("u").get<std::uint64_t>(), ~std::uint64_t{0});
  EXPECT_EQ(root.at("f").get<double>(), 2.5);
  EXPECT_EQ(root.at("i").get<float>(), -3.0F);
  EXPECT_EQ(root.at("l").get<std::vector<std::uint64_t>>(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_TRUE(root.at("n").is_null());
  EXPECT_FALSE(root.has("n"));
  EXPECT_FALSE(root.has("absent"));
  EXPECT_EQ(root.value("n", 5), 5);
  EXPECT_EQ(root.value("i", 5), -3);
  EXPECT_TRUE(root.at("o").is_object());
  ASSERT_EQ(root.at("o").members().size(), 1u);
  EXPECT_EQ(root.at("o").members()[0].first, "k");
  EXPECT_EQ(root.at("l").dump(), "[1,2]");
}

TEST_F(JsonFile, NamesFileAndPlaceOfWhatIsWrong) {
  const JsonValue root = read(R"({"cases":[{"a/b":{"~":[1,"x"]}}]})");
  const JsonValue list = root.at("cases").at(0).at("a/b").at("~");
  refuse(
      {"f.json: /cases/0/a~1b/~0/1: expected a number, found the string 'x'", "reference_data.md"},
      [&] { list.at(1).get<double>(); });
  refuse({"f.json: /cases/0/a~1b/~0: expected an array of 3 or more, found one of 2"},
         [&] { list.at(2); });
  refuse({"f.json: /cases/0: key 'id' is missing"}, [&] { root.at("cases").at(0).at("id"); });
  refuse({"f.json: /cases: expected an object, found an array of 1"},
         [&] { root.at("cases").has("x"); });
  refuse({"f.json: expected an array, found an object"}, [&] { root.size(); });
  refuse({"f.json: my words"}, [&] { root.fail("my words"); });
}

TEST_F(JsonFile, IntegersMustFitTheirType) {
  const JsonValue root = read(R"([-1, 256, 1.0, 9223372036854775808, "1"])");
  refuse({"/0: expected an integer from 0 to 255, found -1"},
         [&] { root.at(0).get<std::uint8_t>(); });
  refuse({"/1: expected an integer from 0 to 255, found 256"},
         [&] { root.at(1).get<std::uint8_t>(); });
  refuse({"/2: expected an integer", "found 1.0"}, [&] { root.at(2).get<int>(); });
  refuse({"/3: expected an integer"}, [&] { root.at(3).get<std::int64_t>(); });
  refuse({"/4: expected an integer", "the string '1'"}, [&] { root.at(4).get<int>(); });
  refuse({"/0: expected true or false"}, [&] { root.at(0).get<bool>(); });
  refuse({"/0: expected a string"}, [&] { root.at(0).get<std::string>(); });
  refuse({"/2: expected an integer"}, [&] { root.get<std::vector<int>>(); });
}

TEST_F(JsonFile, MalformedTextHasLineAndColumn) {
  refuse({"f.json:2:3: malformed JSON"}, [&] { read("{\n  x}"); });
  refuse({"f.json:1:1: malformed JSON"}, [&] { read(""); });
  expect_error(ErrorCode::kNotFound, {"absent.json"},
               [&] { JsonValue::read(dir_.path() / "absent.json"); });
  EXPECT_THROW(JsonValue::read(dir_.path()), Error);
}

TEST_F(JsonFile, SizeAndDepthAreLimited) {
  EXPECT_EQ(read(std::string(64, '[') + std::string(64, ']')).size(), 1u);
  refuse({"f.json:1:65: nested deeper than 64 levels"},
         [&] { read(std::string(65, '[') + std::string(65, ']')); });
  refuse({"f.json", "more than 2000000 values"}, [&] {
    std::string text = "[1";
    for (int i = 0; i < 2'000'000; ++i) text += ",1";
    read(text + "]");
  });
  const auto big = dir_.write("big.json", "[]");
  std::filesystem::resize_file(big, (std::uint64_t{64} << 20) + 1);
  refuse({"big.json", "expected at most 67108864"}, [&] { JsonValue::read(big); });
}

}  // namespace
}  // namespace tandem::check

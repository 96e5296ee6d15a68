// SPDX-License-Identifier: Apache-2.0
// Backend URIs, good and bad.
#include "tandem/driver/backend_uri.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/errors.hpp"

namespace tandem::driver {
namespace {

using tests::expect_error;

TEST(BackendUri, TakesNameBodyAndOptionsApart) {
  const BackendUri uri = BackendUri::parse("cmodel:edge?threads=2&check=1&verbose");
  EXPECT_EQ(uri.name, "cmodel");
  EXPECT_EQ(uri.body, "edge");
  EXPECT_EQ(uri.get("threads", ""), "2");
  EXPECT_EQ(uri.get_uint("threads", 0, 64), 2u);
  EXPECT_TRUE(uri.get_bool("check", false));
  EXPECT_TRUE(uri.get_bool("verbose", false));
  EXPECT_EQ(uri.get_uint("absent", 7, 64), 7u);
  EXPECT_FALSE(uri.get_bool("absent", false));
}

TEST(BackendUri, EveryPartButTheNameIsOptional) {
  EXPECT_EQ(BackendUri::parse("null").name, "null");
  EXPECT_EQ(BackendUri::parse("null:").body, "");
  EXPECT_EQ(BackendUri::parse("null?a=b").get("a", ""), "b");
  EXPECT_EQ(BackendUri::parse("null?a=").get("a", "x"), "");
}

TEST(BackendUri, BodyMayHoldPathsAndOtherBackends) {
  EXPECT_EQ(BackendUri::parse("xdma:/dev/xdma0").body, "/dev/xdma0");
  EXPECT_EQ(BackendUri::parse("lockstep:cmodel,rtl?bound=1").body, "cmodel,rtl");
  EXPECT_EQ(BackendUri::parse("remote:host:1234").body, "host:1234");
  EXPECT_EQ(BackendUri::parse("x?path=/a=b:c").get("path", ""), "/a=b:c");
}

TEST(BackendUri, PrintsWhatItParsed) {
  const std::string text = "cmodel:edge?check=1&threads=2";
  EXPECT_EQ(BackendUri::parse(text).to_string(), text);
}

TEST(BackendUri, BadTextIsRefusedWithItsPlace) {
  const auto parse = [](std::string text) { return [text] { BackendUri::parse(text); }; };
  const ErrorCode bad = ErrorCode::kInvalidArgument;
  expect_error(bad, {"character 1", "name of a backend"}, parse(""));
  expect_error(bad, {"character 1", "name of a backend"}, parse(":edge"));
  expect_error(bad, {"\"CModel\"", "character 1"}, parse("CModel"));
  expect_error(bad, {"character 4", "':' or '?'"}, parse("cmo/del"));
  expect_error(bad, {"character 4", "key=value"}, parse("cm?"));
  expect_error(bad, {"character 4", "without a name"}, parse("cm?=1"));
  expect_error(bad, {"character 8", "without a name"}, parse("cm?a=1&"));
  expect_error(bad, {"character 5", "option names"}, parse("cm?a b=1"));
  expect_error(bad, {"option a is given twice"}, parse("cm?a=1&a=2"));
  expect_error(bad, {"control character"}, parse("cm:\n"));
  expect_error(bad, {"longer than 4096"}, parse(std::string(5000, 'a')));
}

TEST(BackendUri, BadValuesNameOptionAndRange) {
  const BackendUri uri = BackendUri::parse("cmodel?threads=many&check=perhaps&n=65");
  expect_error(ErrorCode::kInvalidArgument, {"option threads is \"many\"", "0 to 64"},
               [&] { uri.get_uint("threads", 1, 64); });
  expect_error(ErrorCode::kInvalidArgument, {"option n is \"65\"", "0 to 64"},
               [&] { uri.get_uint("n", 1, 64); });
  expect_error(ErrorCode::kInvalidArgument, {"option check is \"perhaps\"", "on, off"},
               [&] { uri.get_bool("check", false); });
}

}  // namespace
}  // namespace tandem::driver

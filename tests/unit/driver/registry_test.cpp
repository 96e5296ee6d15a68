// SPDX-License-Identifier: Apache-2.0
// Search, refusal and opening of plug-ins.
#include "tandem/driver/registry.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "support/environment.hpp"
#include "support/errors.hpp"
#include "support/raw_device.hpp"
#include "tandem/base/log.hpp"

namespace tandem::driver {
namespace {

namespace fs = std::filesystem;
using tests::expect_error;
using tests::ScopedEnvironment;

class Registry : public testing::Test {
 protected:
  static std::unique_ptr<Backend> open(std::string_view uri) {
    return open_backend(uri, tests::test_config());
  }
  const ScopedEnvironment path_{"TANDEM_PLUGIN_PATH", BROKEN_PLUGINS};
};

TEST_F(Registry, EnvironmentComesFirstThenTheBuildTree) {
  const ScopedEnvironment path("TANDEM_PLUGIN_PATH", "/one:/two/:/one");
  const std::vector<fs::path> found = plugin_search_path();
  ASSERT_GE(found.size(), 3u);
  EXPECT_EQ(found[0], fs::path("/one"));
  EXPECT_EQ(found[1], fs::path("/two/"));
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path own = (program / "../../lib/tandem/backends").lexically_normal();
  EXPECT_NE(std::find(found.begin(), found.end(), own), found.end());
}

TEST_F(Registry, OpensTheNullBackendFromTheBuildTree) {
  if (!fs::exists(fs::read_symlink("/proc/self/exe").parent_path() /
                  "../../lib/tandem/backends/libtandem_backend_null.so")) {
    GTEST_SKIP() << "built with TANDEM_BACKEND_NULL=OFF";
  }
  const auto backend = open("null:");
  EXPECT_EQ(backend->name(), "null:conformance");
  EXPECT_EQ(backend->read32(abi::reg::kMagic), abi::kMagic);
  EXPECT_EQ(find_backend("null").name, "null");
}

TEST_F(Registry, MissingPluginListsWhatExistsAndWhereItLooked) {
  expect_error(ErrorCode::kNotFound,
               {"no backend plug-in \"warp\"", "libtandem_backend_warp.so", "otherapi",
                BROKEN_PLUGINS, "lib/tandem/backends", "TANDEM_PLUGIN_PATH"},
               [] { open("warp:"); });
}

TEST_F(Registry, OtherApiVersionIsRefusedWithBothVersions) {
  expect_error(ErrorCode::kMismatch,
               {"libtandem_backend_otherapi.so", "API version 99",
                fmt::format("this program has version {}", kPluginApiVersion)},
               [] { open("otherapi:"); });
}

TEST_F(Registry, OtherAbiHashIsRefusedWithBothHashes) {
  expect_error(
      ErrorCode::kMismatch,
      {"libtandem_backend_otherabi.so", "0123456789abcdef", fmt::format("{:016x}", abi::kAbiHash)},
      [] { open("otherabi:"); });
}

TEST_F(Registry, FilesThatAreNoPluginsAreRefused) {
  expect_error(ErrorCode::kMismatch, {"noentry.so is not a backend plug-in"},
               [] { open("noentry:"); });
  expect_error(ErrorCode::kMismatch, {"nocreate.so has no create function"},
               [] { open("nocreate:"); });
  expect_error(ErrorCode::kMismatch,
               {"misnamed.so calls itself \"other\"", "libtandem_backend_other.so"},
               [] { open("misnamed:"); });
}

TEST_F(Registry, FileThatCannotBeLoadedIsReported) {
  const fs::path directory = fs::path(testing::TempDir()) / "tandem_registry_test";
  fs::create_directories(directory);
  std::ofstream(directory / "libtandem_backend_garbage.so") << "not a shared object";
  const ScopedEnvironment path("TANDEM_PLUGIN_PATH", directory.string());
  expect_error(ErrorCode::kUnavailable, {"cannot load", "libtandem_backend_garbage.so"},
               [] { open("garbage:"); });
  fs::remove_all(directory);
}

TEST_F(Registry, UnknownOptionNamesTheKnownOnes) {
  expect_error(ErrorCode::kInvalidArgument,
               {"nodevice has no option \"thraeds\"", "throw (0|1)", "error (0|1)"},
               [] { open("nodevice:?thraeds=1"); });
}

TEST_F(Registry, BodyIsRefusedWhereThePluginTakesNone) {
  expect_error(ErrorCode::kInvalidArgument, {"takes nothing after ':'", "\"edge\""},
               [] { open("nodevice:edge"); });
}

TEST_F(Registry, FailuresOfThePluginCarryTheUri) {
  expect_error(ErrorCode::kUnavailable, {"the card is busy", "while opening backend nodevice"},
               [] { open("nodevice:?error=1"); });
  expect_error(ErrorCode::kInternal, {"no such card", "while opening backend nodevice"},
               [] { open("nodevice:?throw=1"); });
  expect_error(ErrorCode::kInternal, {"returned no device"}, [] { open("nodevice:"); });
}

TEST_F(Registry, PluginsLogWithTheLevelAndTheSinkOfTheProgram) {
  const log::Level before = log::level();
  std::vector<std::string> lines;
  log::set_sink([&](log::Level, std::string_view text) { lines.emplace_back(text); });
  const auto logged = [&](log::Level level) {
    lines.clear();
    log::set_level(level);
    expect_error(ErrorCode::kInternal, {"returned no device"}, [] { open("nodevice:"); });
    return lines;
  };
  const testing::Matcher<std::vector<std::string>> tells =
      testing::Contains("the plug-in finds no device");
  EXPECT_THAT(logged(log::Level::kInfo), testing::Not(tells));
  EXPECT_THAT(logged(log::Level::kDebug), tells);
  EXPECT_THAT(logged(log::Level::kInfo), testing::Not(tells));
  log::set_level(before);
  log::set_sink({});
}

TEST_F(Registry, ListTellsGoodFromBad) {
  const std::vector<BackendInfo> all = list_backends();
  const auto find = [&](std::string_view name) {
    const auto it = std::find_if(all.begin(), all.end(),
                                 [&](const BackendInfo& info) { return info.name == name; });
    EXPECT_NE(it, all.end()) << name;
    return it == all.end() ? BackendInfo{} : *it;
  };
  EXPECT_THAT(find("otherapi").problem, testing::HasSubstr("version 99"));
  const BackendInfo good = find("nodevice");
  EXPECT_EQ(good.problem, "");
  EXPECT_EQ(good.doc, "a broken plug-in");
  EXPECT_EQ(good.body, UriBody::kNone);
  ASSERT_EQ(good.options.size(), 2u);
  EXPECT_EQ(good.options[0].key, "throw");
}

}  // namespace
}  // namespace tandem::driver

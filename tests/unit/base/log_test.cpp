// SPDX-License-Identifier: Apache-2.0
// Levels, packet tags and the sink of the log.
#include "tandem/base/log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tandem {
namespace {

class Log : public testing::Test {
 protected:
  Log() : level_(log::level()) {
    log::set_sink([this](log::Level level, std::string_view text) {
      levels_.push_back(level);
      lines_.emplace_back(text);
    });
  }
  ~Log() override {
    log::set_sink({});
    log::set_level(level_);
  }

  log::Level level_;
  std::vector<log::Level> levels_;
  std::vector<std::string> lines_;
};

TEST_F(Log, PrintsFromTheLevelOn) {
  log::set_level(log::Level::kInfo);
  log::debug("hidden {}", 1);
  log::info("shown {}", 2);
  log::error("shown {}", 3);
  EXPECT_EQ(lines_, (std::vector<std::string>{"shown 2", "shown 3"}));
  EXPECT_EQ(levels_, (std::vector<log::Level>{log::Level::kInfo, log::Level::kError}));
}

TEST_F(Log, OffPrintsNothing) {
  log::set_level(log::Level::kOff);
  log::error("hidden");
  EXPECT_TRUE(lines_.empty());
}

TEST_F(Log, PacketLinesCarrySeqAndOpcode) {
  log::set_level(log::Level::kDebug);
  log::line(log::Level::kDebug, log::PacketTag{12, "MATMUL"}, "{} bytes", 64);
  EXPECT_EQ(lines_, (std::vector<std::string>{"seq 12 MATMUL: 64 bytes"}));
}

TEST_F(Log, AsksAndWritesToTheTargetThatItIsAttachedTo) {
  static std::vector<std::string> taken;
  static constexpr log::Target kOther{
      [] { return log::Level::kError; },
      [](log::Level, std::string_view text) { taken.emplace_back(text); }};
  const log::Target& own = log::target();
  log::set_level(log::Level::kTrace);
  log::attach(kOther);
  EXPECT_EQ(&log::target(), &kOther);
  EXPECT_EQ(log::level(), log::Level::kError);
  log::warning("hidden");
  log::error("to the other");
  // A copy's own target is no detour but the end of one.
  log::attach(own);
  log::info("to the sink");
  EXPECT_EQ(taken, (std::vector<std::string>{"to the other"}));
  EXPECT_EQ(lines_, (std::vector<std::string>{"to the sink"}));
}

}  // namespace
}  // namespace tandem

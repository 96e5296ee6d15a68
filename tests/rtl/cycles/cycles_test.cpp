// SPDX-License-Identifier: Apache-2.0
// Cycles of packets and ops on rtl: against baseline.yaml. Seconds play no part.
// With TANDEM_UPDATE_CYCLES set, the file is rewritten instead (scripts/update-cycles.sh).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ostream>

#include "rtl/cycles/baseline.hpp"
#include "rtl/cycles/cases.hpp"

namespace tandem::rtltest {
namespace {

constexpr char kFile[] = TANDEM_SOURCE_DIR "/tests/rtl/cycles/baseline.yaml";
constexpr char kCommand[] = TANDEM_SOURCE_DIR "/scripts/update-cycles.sh " TANDEM_BUILD_DIR;

std::vector<CycleCase> all_cases() {
  std::vector<CycleCase> cases;
  for (const auto& part : {matmul_cases(), vector_cases(), dma_cases(), command_cases()}) {
    cases.insert(cases.end(), part.begin(), part.end());
  }
  return cases;
}

std::map<std::string, std::uint64_t> measure(const std::string& uri) {
  CycleDevice device(uri);
  std::map<std::string, std::uint64_t> found;
  for (const CycleCase& test : all_cases()) {
    try {
      EXPECT_TRUE(found.emplace(test.name, test.cycles(device)).second) << "twice: " << test.name;
    } catch (const std::exception& error) {
      ADD_FAILURE() << uri << ": " << test.name << ": " << error.what();
    }
    device.forget_memory();
  }
  return found;
}

struct Setting {
  const char* config;
  const char* memory;
};

void PrintTo(const Setting& setting, std::ostream* out) {
  *out << setting.config << ' ' << setting.memory;
}

class PacketCycles : public testing::TestWithParam<Setting> {};

TEST_P(PacketCycles, AreThoseOfTheBaseline) {
  const Setting& setting = GetParam();
  const std::string name = fmt::format("{} {}", setting.config, setting.memory);
  const auto found = measure(fmt::format("rtl:{}?memory={}", setting.config, setting.memory));
  Baseline baseline = Baseline::load(kFile);
  if (std::getenv("TANDEM_UPDATE_CYCLES") == nullptr) {
    const std::string text = differences(baseline, name, found, kCommand);
    EXPECT_TRUE(text.empty()) << text;
    return;
  }
  for (const std::string& old : baseline.names(name)) baseline.remove(old, name);
  for (const auto& [test, cycles] : found) baseline.set(test, name, cycles);
  baseline.save(kFile);
}

std::vector<Setting> settings() {
  std::vector<Setting> settings;
#ifdef TANDEM_HAVE_RTL_TINY
  settings.insert(settings.end(), {{"tiny", "zero-wait"}, {"tiny", "realistic"}});
#endif
#ifdef TANDEM_HAVE_RTL_EDGE
  settings.insert(settings.end(), {{"edge", "zero-wait"}, {"edge", "realistic"}});
#endif
  return settings;
}

INSTANTIATE_TEST_SUITE_P(Rtl, PacketCycles, testing::ValuesIn(settings()), [](const auto& info) {
  std::string name = fmt::format("{}_{}", info.param.config, info.param.memory);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PacketCycles);

}  // namespace
}  // namespace tandem::rtltest

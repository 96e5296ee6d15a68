// SPDX-License-Identifier: Apache-2.0
// rtl: as users see it: options, configurations that are not built, watchdog, faults, waves of
// packets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/raw_device.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/runtime/config.hpp"

namespace tandem::rtlmodel {
namespace {

namespace map = tests::map;
using testing::AllOf;
using testing::HasSubstr;

driver::DeviceConfig tiny() {
  driver::DeviceConfig config = runtime::load_config("tiny");
  config.regions = tests::test_config().regions;
  return config;
}

std::string error_of(const std::string& uri, const driver::DeviceConfig& config) {
  try {
    driver::open_backend(uri, config);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

abi::FillPacket fill(std::uint64_t addr) {
  abi::FillPacket packet;
  packet.wait_mask = 7;
  packet.extent0 = packet.extent1 = packet.extent2 = packet.extent3 = 1;
  packet.elem_bytes = 4;
  packet.dst_addr = addr;
  packet.value = 77;
  return packet;
}

TEST(RtlBackend, ConfigurationThatIsNotBuiltNamesTheCommand) {
  driver::DeviceConfig config = tiny();
  config.name = "mine";
  EXPECT_THAT(error_of("rtl:mine", config),
              AllOf(HasSubstr("no model of the configuration"), HasSubstr("tiny"),
                    HasSubstr("-DTANDEM_RTL_CONFIGS='"), HasSubstr(";mine'"),
                    HasSubstr("--target tandem_backend_rtl")));
}

TEST(RtlBackend, ConfigurationThatChangedIsNoticed) {
  driver::DeviceConfig config = tiny();
  config.vector_lanes = 8;
  EXPECT_THAT(error_of("rtl:tiny", config),
              AllOf(HasSubstr("built with vector.lanes = 4, the configuration says 8"),
                    HasSubstr("--target tandem_backend_rtl")));
}

TEST(RtlBackend, BadOptionsAreNamed) {
  const driver::DeviceConfig config = tiny();
  EXPECT_THAT(error_of("rtl:tiny?memory=fast", config), HasSubstr("zero-wait or realistic"));
  EXPECT_THAT(error_of("rtl:tiny?errors=oops:1", config), HasSubstr("slverr:ADDRESS"));
  EXPECT_THAT(error_of("rtl:tiny?errors=slverr:", config), HasSubstr("slverr:ADDRESS"));
  EXPECT_THAT(error_of("rtl:tiny?errors=slverr:0x20-0x10", config), HasSubstr("slverr:ADDRESS"));
  EXPECT_THAT(error_of("rtl:tiny?trace_packets=1-2", config),
              HasSubstr("together with trace=FILE"));
  EXPECT_THAT(error_of("rtl:tiny?trace=x&trace_packets=b", config), HasSubstr("FIRST-LAST"));
  EXPECT_THAT(error_of("rtl:tiny?latency=0", config), HasSubstr("latency"));
  EXPECT_THAT(error_of("rtl:tiny?bandwidth=0", config), HasSubstr("beats_per_cycle"));
  // With faults in the build the near ones are named, else how to build them.
  EXPECT_THAT(error_of("rtl:tiny?fault=oops", config), HasSubstr("no fault oops"));
}

TEST(RtlBackend, InjectedFaultIsABusErrorAndTheDeviceGoesOn) {
  const auto backend =
      driver::open_backend("rtl:tiny?errors=slverr:0x100001000-0x10000100f", tiny());
  tests::RawDevice device(*backend);
  device.start();
  const abi::Completion bad = device.run(fill(map::kData + 0x1004));
  EXPECT_EQ(bad.error, abi::Fault::kBusError);
  EXPECT_GE(bad.fault_addr, map::kData + 0x1000);
  EXPECT_LE(bad.fault_addr, map::kData + 0x1010);
  EXPECT_EQ(device.run(fill(map::kData + 0x1014)).error, abi::Fault::kNone);
}

TEST(RtlBackend, WavesOfPackets) {
  const auto waves = std::filesystem::path(testing::TempDir()) / "tandem_backend_waves.fst";
  std::filesystem::remove(waves);
  {
    const auto backend =
        driver::open_backend("rtl:tiny?trace=" + waves.string() + "&trace_packets=2-3", tiny());
    tests::RawDevice device(*backend);
    device.start();
    device.run(fill(map::kData));
    EXPECT_FALSE(std::filesystem::exists(waves)) << "packet 1 is outside the window";
    for (int i = 0; i < 3; ++i) device.run(fill(map::kData));
  }
  ASSERT_TRUE(std::filesystem::exists(waves));
  EXPECT_GT(std::filesystem::file_size(waves), 1000u);
  std::filesystem::remove(waves);
}

TEST(RtlBackend, WavesHaveAsManyLevelsAsAskedFor) {
  const auto waves = std::filesystem::path(testing::TempDir()) / "tandem_backend_depth.fst";
  const auto size = [&](const std::string& depth) {
    {
      const auto backend = driver::open_backend(
          "rtl:tiny?trace=" + waves.string() + "&trace_depth=" + depth, tiny());
      tests::RawDevice device(*backend);
      device.start();
      device.run(fill(map::kData));
    }
    const auto bytes = std::filesystem::file_size(waves);
    std::filesystem::remove(waves);
    return bytes;
  };
  const auto one = size("1"), all = size("99");
  EXPECT_GT(one, 1000u);
  EXPECT_LT(2 * one, size("3"));
  EXPECT_LT(4 * one, all);
}

TEST(RtlBackend, WatchdogTellsThePacketAndWhatWaits) {
  // Memory that answers after longer than the watchdog waits looks stuck.
  const auto backend = driver::open_backend("rtl:tiny?latency=90000&watchdog=20000", tiny());
  tests::RawDevice device(*backend);
  std::string message;
  try {
    device.start();
    device.run(fill(map::kData));
  } catch (const Error& error) {
    message = error.what();
  }
  EXPECT_THAT(message,
              AllOf(HasSubstr("the device is stuck"), HasSubstr("20000 cycles"),
                    HasSubstr("state RUNNING"), HasSubstr("read id 0"), HasSubstr("FILL")));
  backend->reset();
  EXPECT_NO_THROW(backend->read32(0));
}

}  // namespace
}  // namespace tandem::rtlmodel

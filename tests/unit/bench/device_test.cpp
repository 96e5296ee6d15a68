// SPDX-License-Identifier: Apache-2.0
// The device of a benchmark: options of the URI, and what check mode finds.
#include "device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"

namespace tandem::bench {
namespace {

using testing::HasSubstr;

abi::CopyPacket copy_of(PhysAddr src) {
  abi::CopyPacket copy;
  copy.extent0 = copy.extent1 = copy.extent2 = copy.extent3 = 1;
  copy.elem_bytes = 4;
  copy.src_addr = src.value;
  copy.dst_addr = src.value + 64;
  return copy;
}

// Copies a word that nothing has written.
void misuse(BenchDevice& device) {
  const runtime::Buffer buffer = device->malloc("activations", 128, "unwritten");
  device->queue().submit_packet(copy_of(buffer.addr()));
  device->queue().finish();
}

TEST(BenchDevice, GivesFindingsToTheOptions) {
  std::string findings;
  const Options options{.backend = "cmodel:tiny?check=1", .findings = &findings};
  for (int i = 0; i < 2; ++i) {
    BenchDevice device(options, {{"threads", "1"}});
    EXPECT_TRUE(device->check_mode());
    misuse(device);
  }
  EXPECT_THAT(findings, HasSubstr("read-before-write"));
  EXPECT_EQ(std::ranges::count(findings, '\n'), 2);
}

TEST(BenchDevice, SettingsOfTheBenchmarkWin) {
  std::string findings;
  const Options options{.backend = "cmodel:tiny?check=1", .findings = &findings};
  {
    BenchDevice device(options, {{"check", "0"}});
    EXPECT_FALSE(device->check_mode());
    misuse(device);
  }
  EXPECT_EQ(findings, "");
}

TEST(BenchDevice, EndsQuietlyAfterAFault) {
  std::string findings;
  const Options options{.backend = "cmodel:tiny?check=1", .findings = &findings};
  {
    BenchDevice device(options);
    device->queue().submit_packet(copy_of(PhysAddr(64)));
    EXPECT_THROW(device->queue().finish(), Error);
  }
  EXPECT_EQ(findings, "");
}

TEST(BenchDevice, ReportsNameTheConfiguration) {
  EXPECT_EQ(backend_name({}), "cmodel:edge");
  EXPECT_EQ(backend_name({.backend = "cmodel", .config = "tiny"}), "cmodel:tiny");
  EXPECT_EQ(backend_name({.backend = "cmodel:tiny?check=1"}), "cmodel:tiny?check=1");
}

}  // namespace
}  // namespace tandem::bench

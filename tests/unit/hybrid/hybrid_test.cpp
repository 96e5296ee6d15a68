// SPDX-License-Identifier: Apache-2.0
// Which device ran what: a device with a fault shows it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/environment.hpp"
#include "support/errors.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::hybrid {
namespace {

using tests::expect_error;

/// Three fills of the same word, each in a layer of its own.
class Program {
 public:
  explicit Program(const std::string& uri) : device_(runtime::Device::open(uri)) {
    buffer_ = device_.malloc("activations", 64, "word");
  }

  runtime::Device& device() { return device_; }

  void fill(const std::string& op, std::uint32_t value) {
    const runtime::OpScope scope(device_.queue(), op);
    abi::FillPacket packet;
    packet.extent0 = packet.extent1 = packet.extent2 = packet.extent3 = 1;
    packet.elem_bytes = 4;
    packet.value = value;
    packet.dst_addr = buffer_.addr().value;
    device_.queue().submit_packet(packet);
  }
  std::uint32_t word() {
    std::uint32_t value = 0;
    device_.copy_out(buffer_.addr(), std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }

 private:
  runtime::Device device_;
  runtime::Buffer buffer_;
};

std::vector<std::uint32_t> words(const std::string& uri) {
  Program program(uri);
  std::vector<std::uint32_t> found;
  for (std::uint32_t i = 0; i < 3; ++i) {
    program.fill("layer." + std::to_string(i) + "/fill", 16 + i);
    found.push_back(program.word());
  }
  return found;
}

TEST(Hybrid, RunsEveryPacketOnTheDeviceChosen) {
  using Words = std::vector<std::uint32_t>;
  // The second device flips bit 0 of what its packet 2 writes.
  const std::string pair = "cmodel:tiny,faulty:tiny?seq=2&bit=0";
  EXPECT_EQ(words("hybrid:[packets=2]" + pair), (Words{16, 16, 18}));
  EXPECT_EQ(words("hybrid:[packets=1,3]" + pair), (Words{16, 17, 18}));
  EXPECT_EQ(words("hybrid:[layers=1]" + pair), (Words{16, 16, 18}));
  EXPECT_EQ(words("hybrid:[layers=0,2]" + pair), (Words{16, 17, 18}));
  EXPECT_EQ(words("hybrid:[ops=*.1/*]" + pair), (Words{16, 16, 18}));
  EXPECT_EQ(words("hybrid:" + pair), (Words{16, 17, 18}));
}

TEST(Hybrid, AHangEndsWithTheLimitAndAResetHelps) {
  const tests::ScopedEnvironment limit("TANDEM_TIMEOUT_S", "0.3");
  Program program("hybrid:[packets=1]cmodel:tiny,faulty:tiny?seq=1&hang=1");
  program.fill("a", 5);
  expect_error(ErrorCode::kDeadlineExceeded, {"FILL"}, [&] { program.word(); });
  program.fill("b", 6);
  EXPECT_EQ(program.word(), 6u);
}

TEST(Hybrid, ErrorsAreThoseOfTheDevice) {
  Program program("hybrid:[packets=2]cmodel:tiny,faulty:tiny?seq=2&refuse=1");
  program.fill("a", 5);
  program.fill("b", 6);
  expect_error(ErrorCode::kDeviceFault, {"BUS_ERROR", "seq 2"}, [&] { program.word(); });
  program.fill("c", 7);
  EXPECT_EQ(program.word(), 7u);
}

// The rings of the two devices lie from 0x7e0000000000 on: nobody else's.
TEST(Hybrid, RingsOfTheDevicesAreUnmapped) {
  for (const char* uri :
       {"hybrid:cmodel:tiny,cmodel:tiny", "hybrid:[every=1]cmodel:tiny,cmodel:tiny"}) {
    runtime::Device device = runtime::Device::open(uri);
    const auto buffer = device.malloc("activations", 64, "word");
    for (const std::uint64_t addr : {0x7e00'0000'0000ULL, 0x7e00'0000'3ff0ULL}) {
      abi::CopyPacket packet;
      packet.extent0 = packet.extent1 = packet.extent2 = 1;
      packet.extent3 = 8;
      packet.elem_bytes = 4;
      packet.src_stride3 = packet.dst_stride3 = 4;
      packet.src_addr = buffer.addr().value;
      packet.dst_addr = addr;
      device.queue().submit_packet(packet);
      expect_error(ErrorCode::kDeviceFault, {"UNMAPPED", "0x7e000000"},
                   [&] { device.queue().finish(); });
      std::swap(packet.src_addr, packet.dst_addr);
      device.queue().submit_packet(packet);
      expect_error(ErrorCode::kDeviceFault, {"UNMAPPED", "src"}, [&] { device.queue().finish(); });
      // Checks that come first keep their place.
      packet.src_addr = addr + 1;
      device.queue().submit_packet(packet);
      expect_error(ErrorCode::kDeviceFault, {"MISALIGNED"}, [&] { device.queue().finish(); });
    }
  }
}

TEST(Hybrid, RefusesWhatIsNoPair) {
  const auto open = [](const char* uri) { return [uri] { runtime::Device::open(uri); }; };
  expect_error(ErrorCode::kInvalidArgument, {"expected the URIs of two backends, found 1"},
               open("hybrid:cmodel:tiny"));
  expect_error(ErrorCode::kInvalidArgument, {"found 3"},
               open("hybrid:cmodel:tiny,cmodel:tiny,cmodel:tiny"));
  expect_error(ErrorCode::kInvalidArgument, {"check mode"},
               open("hybrid:cmodel:tiny?check=1,cmodel:tiny"));
  expect_error(ErrorCode::kInvalidArgument, {"no option \"layer\"", "layers"},
               open("hybrid:[layer=3]cmodel:tiny,cmodel:tiny"));
  expect_error(ErrorCode::kInvalidArgument, {"expected ']'"},
               open("hybrid:[layers=3 cmodel:tiny,cmodel:tiny"));
}

#ifdef TANDEM_HAVE_RTL_TINY
TEST(Hybrid, TimesAreThoseOfTheTimedDevice) {
  Program program("hybrid:[packets=2]cmodel:tiny,rtl:tiny");
  EXPECT_TRUE(program.device().driver().capabilities().timed);
  std::vector<std::uint64_t> cycles;
  program.device().queue().set_completion_hook(
      [&](const abi::Packet&, const abi::Completion& record, std::string_view) {
        cycles.push_back(record.cycles);
      });
  program.fill("a", 5);
  program.fill("b", 6);
  EXPECT_EQ(program.word(), 6u);
  program.device().queue().set_completion_hook({});
  ASSERT_EQ(cycles.size(), 2u);
  EXPECT_EQ(cycles[0], 0u);
  EXPECT_GT(cycles[1], 0u);
}

TEST(Hybrid, PacketsOfOneDeviceOverlap) {
  runtime::Device device = runtime::Device::open("hybrid:[packets=1-2]cmodel:tiny,rtl:tiny");
  const runtime::Buffer buffer = device.malloc("activations", 1 << 16, "operands");
  std::vector<abi::Completion> records;
  device.queue().set_completion_hook([&](const abi::Packet&, const abi::Completion& record,
                                         std::string_view) { records.push_back(record); });
  abi::MatmulPacket product;
  product.m = product.n = product.k = 64;
  product.batch0 = product.batch1 = 1;
  product.a_type = product.b_type = product.c_type = abi::Dtype::kF32;
  product.a_addr = product.b_addr = buffer.addr().value;
  product.c_addr = buffer.addr().value + 0x8000;
  product.a_row_stride = product.b_row_stride = product.c_row_stride = 256;
  device.queue().submit_packet(product);
  abi::FillPacket fill;
  fill.wait_mask = 0;
  fill.extent0 = fill.extent1 = fill.extent2 = fill.extent3 = 1;
  fill.elem_bytes = 4;
  fill.dst_addr = buffer.addr().value + 0xf000;
  device.queue().submit_packet(fill);
  device.queue().finish();
  device.queue().set_completion_hook({});
  ASSERT_EQ(records.size(), 2u);
  EXPECT_LT(records[1].start_cycle, records[0].start_cycle + records[0].cycles);
}

TEST(Hybrid, WhatStopsTheSimulationIsTold) {
  Program program("hybrid:[packets=1]cmodel:tiny,rtl:tiny?latency=90000&watchdog=20000");
  program.fill("a", 5);
  expect_error(ErrorCode::kDeadlineExceeded, {"the device is stuck", "packet seq 1 on rtl:tiny"},
               [&] { program.word(); });
}
#endif

}  // namespace
}  // namespace tandem::hybrid

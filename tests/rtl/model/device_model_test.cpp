// SPDX-License-Identifier: Apache-2.0
// The Verilated device below the backend: state saved and restored, waves, assertions.
#include "tandem/rtlmodel/device_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "support/raw_device.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/config.hpp"

namespace tandem::rtlmodel {
namespace {

namespace reg = abi::reg;
namespace map = tests::map;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint32_t kEntries = 16;
constexpr std::uint64_t kCompletions = map::kCommands + 0x10000;
constexpr std::uint64_t kTarget = map::kData + 0x1000;

/// A model of the tiny configuration, started by register writes.
class ModelTest : public testing::Test {
 protected:
  void open(ModelOptions options = {}) {
    model = find_model(runtime::load_config("tiny")).create(ram, options);
    model->reset();
    write64(reg::kRegionBase + reg::kRegionBaseLo, map::kCommands);
    write64(reg::kRegionBase + reg::kRegionSizeLo, map::kCommandsSize);
    model->write32(reg::kRegionBase + reg::kRegionAttr, 3);
    write64(reg::kRegionBase + reg::kRegionStride + reg::kRegionBaseLo, map::kData);
    write64(reg::kRegionBase + reg::kRegionStride + reg::kRegionSizeLo, map::kDataSize);
    model->write32(reg::kRegionBase + reg::kRegionStride + reg::kRegionAttr, 3);
    write64(reg::kRingBaseLo, map::kCommands);
    model->write32(reg::kRingEntries, kEntries);
    write64(reg::kCplBaseLo, kCompletions);
    model->write32(reg::kCplEntries, kEntries);
    model->write32(reg::kCtrl, reg::kCtrlEnable);
  }
  void write64(std::uint32_t lo, std::uint64_t value) {
    model->write32(lo, static_cast<std::uint32_t>(value));
    model->write32(lo + 4, static_cast<std::uint32_t>(value >> 32));
  }
  /// Puts the packet with sequence number `seq` into its slot and rings.
  void submit(std::uint32_t seq) {
    abi::FillPacket packet;
    packet.seq = seq;
    packet.wait_mask = 7;
    packet.extent0 = packet.extent1 = packet.extent2 = 1;
    packet.extent3 = 5;
    packet.elem_bytes = 4;
    packet.dst_addr = kTarget + seq * 64;
    packet.value = 0x1000 + seq;
    ram.write(map::kCommands + (seq - 1) % kEntries * 256, std::as_bytes(std::span(&packet, 1)));
    model->write32(reg::kRingTail, seq);
  }
  void run_until_completed(std::uint32_t count) {
    for (int i = 0; i < 100 && model->read32(reg::kCplTail) != count; ++i) model->run(100, never);
    ASSERT_EQ(model->read32(reg::kCplTail), count);
    while (!model->memory_idle()) model->run(1, never);
  }
  std::uint32_t word(std::uint64_t addr) {
    std::uint32_t value = 0;
    ram.read(addr, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  std::filesystem::path file(const char* name) {
    return std::filesystem::path(testing::TempDir()) / (std::string("tandem_model_") + name);
  }

  const std::atomic<unsigned> never{0};
  driver::SparseRam ram{{{map::kCommands, map::kCommandsSize}, {map::kData, map::kDataSize}}};
  std::unique_ptr<DeviceModel> model;
};

TEST_F(ModelTest, FillsFromAnyInitialState) {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    ram.clear();
    open({.seed = seed});
    EXPECT_EQ(model->read32(reg::kMagic), 0x4d444e54u);
    submit(1);
    run_until_completed(1);
    EXPECT_EQ(word(kTarget + 64), 0x1001u) << "seed " << seed;
    EXPECT_EQ(word(kTarget + 64 + 20), 0u);
  }
}

TEST_F(ModelTest, StateMovesToAnotherModel) {
  open();
  submit(1);
  run_until_completed(1);
  const std::filesystem::path saved = file("state");
  model->save(saved);
  const std::uint32_t cycles = model->read32(reg::kCyclesLo);
  open({.seed = 9});
  model->restore(saved);
  std::filesystem::remove(saved);
  EXPECT_EQ(model->read32(reg::kCplTail), 1u);
  EXPECT_LE(model->read32(reg::kCyclesLo), cycles + 16);
  submit(2);
  run_until_completed(2);
  EXPECT_EQ(word(kTarget + 128), 0x1002u);
}

TEST_F(ModelTest, StateCannotBeSavedWithTransactionsInFlight) {
  open({.memory = AxiSettings::realistic()});
  submit(1);
  while (model->memory_idle()) model->run(1, never);
  try {
    model->save(file("busy"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(error.message(), AllOf(HasSubstr("nothing is in flight"), HasSubstr("read id 0")));
  }
}

TEST_F(ModelTest, BadFilesAreNamed) {
  open();
  const auto message = [&](auto&& act) -> std::string {
    try {
      act();
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  };
  EXPECT_THAT(message([&] { model->save("/nonexistent/state"); }),
              HasSubstr("/nonexistent/state cannot be written"));
  EXPECT_THAT(message([&] { model->restore("/nonexistent/state"); }),
              HasSubstr("/nonexistent/state cannot be read"));
  const std::filesystem::path state = file("junk");
  std::ofstream(state) << std::string(1000, 'x');
  EXPECT_THAT(message([&] { model->restore(state); }), HasSubstr("not a saved state"));
  model->save(state);
  std::fstream(state, std::ios::in | std::ios::out | std::ios::binary).seekp(500).put('!').put('?');
  EXPECT_THAT(message([&] { model->restore(state); }), HasSubstr("damaged"));
  std::filesystem::resize_file(state, 400);
  EXPECT_THAT(message([&] { model->restore(state); }), HasSubstr("only a part"));
  std::filesystem::remove(state);
  EXPECT_THAT(message([&] { model->set_tracing(true); }), HasSubstr("option trace=FILE"));
}

TEST_F(ModelTest, WavesOfAWindow) {
  const std::filesystem::path waves = file("waves.fst");
  open({.trace_file = waves.string()});
  submit(1);
  run_until_completed(1);
  EXPECT_FALSE(std::filesystem::exists(waves));
  model->set_tracing(true);
  submit(2);
  run_until_completed(2);
  model->set_tracing(false);
  submit(3);
  run_until_completed(3);
  model.reset();
  ASSERT_TRUE(std::filesystem::exists(waves));
  EXPECT_GT(std::filesystem::file_size(waves), 1000u);
  std::filesystem::remove(waves);
}

}  // namespace
}  // namespace tandem::rtlmodel

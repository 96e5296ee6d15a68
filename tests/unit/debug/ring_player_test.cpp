// SPDX-License-Identifier: Apache-2.0
// Traces by register accesses alone, on devices whose registers or interrupts are wrong.
#include "tandem/debug/ring_player.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "small_trace.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/debug/exec_runner.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/runtime/config.hpp"

namespace tandem::debug {
namespace {

namespace reg = abi::reg;
using ::testing::HasSubstr;

/// The cmodel, with what `change` makes of a register that is read, and of the interrupt line.
class Changed final : public driver::Backend {
 public:
  using Change = std::function<std::uint32_t(driver::Backend&, std::uint32_t, std::uint32_t)>;
  static constexpr std::uint32_t kLine = ~std::uint32_t{0};  ///< In the place of an offset.

  Changed(const driver::DeviceConfig& config, Change change)
      : inner_(driver::open_backend("cmodel:", config)), change_(std::move(change)) {}
  std::string name() const override { return inner_->name(); }
  std::uint32_t read32(std::uint32_t offset) override {
    return change_(*inner_, offset, inner_->read32(offset));
  }
  void write32(std::uint32_t offset, std::uint32_t value) override {
    if (offset == reg::kRingTail && value == lost_doorbell) return;
    inner_->write32(offset, value);
  }
  void read(PhysAddr src, std::span<std::byte> dst) override { inner_->read(src, dst); }
  void write(PhysAddr dst, std::span<const std::byte> src) override { inner_->write(dst, src); }
  bool wait_irq(std::chrono::nanoseconds timeout) override {
    return change_(*inner_, kLine, inner_->wait_irq(timeout) ? 1 : 0) != 0;
  }
  void reset() override { inner_->reset(); }
  std::shared_ptr<driver::SparseRam> ram() override { return inner_->ram(); }

  std::uint32_t lost_doorbell = ~std::uint32_t{0};

 private:
  std::unique_ptr<driver::Backend> inner_;
  Change change_;
};

std::uint32_t keep(driver::Backend&, std::uint32_t, std::uint32_t value) { return value; }

class RingPlayerTest : public ::testing::Test {
 protected:
  /// rtl/fault/programs/NAME.exec: errors has three packets that fail, then one that does not.
  void record_program(const std::string& name) {
    const abi::ExecFile program = abi::load_exec_file(
        TANDEM_SOURCE_DIR "/rtl/fault/programs/" + name + ".exec", region_names(config_));
    driver::Driver driver(driver::open_backend("cmodel:", config_), config_,
                          {.on_fault = driver::DriverOptions::OnFault::kHold});
    driver.start();
    runtime::TraceWriter writer(file_.path(), "cmodel:tiny", config_);
    ExecRunner runner(program, driver, &writer);
    runner.run();
    writer.finish();
    EXPECT_TRUE(runner.failures().empty());
    packets_ = runner.packets();
  }

  std::optional<RingDifference> play(const Changed::Change& change, bool together = false,
                                     std::uint32_t lost_doorbell = ~std::uint32_t{0}) {
    runtime::Device a = runtime::Device::open("cmodel:tiny");
    auto backend = std::make_unique<Changed>(config_, change);
    Changed* changed = backend.get();
    runtime::Device b = runtime::Device::open(std::move(backend), config_);
    changed->lost_doorbell = lost_doorbell;
    RingPlayer player(runtime::TraceReader(file_.path()), a, b,
                      {.together = together, .deadline = std::chrono::milliseconds(300)});
    const auto found = player.run();
    played_ = player.packets();
    return found;
  }

  const driver::DeviceConfig config_ = runtime::load_config("tiny");
  tests::ScratchFile file_{"ring.trace"};
  std::uint64_t packets_ = 0;
  std::uint64_t played_ = 0;
};

TEST_F(RingPlayerTest, EqualDevicesPlayEverythingAlsoBehindErrors) {
  for (const char* program : {"errors", "gathers", "order", "ring"}) {
    record_program(program);
    for (const bool together : {false, true}) {
      EXPECT_FALSE(play(keep, together)) << program;
      EXPECT_EQ(played_, packets_) << program;
    }
  }
  // Recorded by a host that reset its device behind an error.
  const tests::SmallTrace trace = tests::record_small_trace(file_.path());
  EXPECT_FALSE(play(keep));
  EXPECT_EQ(played_, trace.packets - 1) << "one was abandoned";
}

TEST_F(RingPlayerTest, NamesACounterThatWrapsWithItsPacket) {
  record_program("ring");
  const auto wraps = [](driver::Backend&, std::uint32_t offset, std::uint32_t value) {
    return offset == reg::kPacketsLo ? value % 16 : value;
  };
  const auto found = play(wraps);
  ASSERT_TRUE(found && found->reg);
  EXPECT_EQ(found->packet.number, 16u);
  EXPECT_EQ(found->next, 17u);
  EXPECT_EQ(found->reg->name, "PACKETS");
  EXPECT_EQ(found->reg->a, 16u);
  EXPECT_EQ(found->reg->b, 0u);
  // In flight together the registers count where nothing is in flight: at the end.
  const auto together = play(wraps, true);
  ASSERT_TRUE(together && together->reg);
  EXPECT_EQ(together->packet.number, packets_);
  EXPECT_EQ(together->first, 1u);
}

TEST_F(RingPlayerTest, SeesRegistersBehindTheReset) {
  record_program("ring");
  const auto found = play([](driver::Backend&, std::uint32_t offset, std::uint32_t value) {
    return offset == reg::kPacketsLo ? value + 5 : value;
  });
  ASSERT_TRUE(found && found->reg);
  EXPECT_TRUE(found->at_reset);
  EXPECT_EQ(found->reg->b, 5u);
}

TEST_F(RingPlayerTest, SeesInterruptsThatIgnoreTheirMask) {
  record_program("order");
  const auto found = play([](driver::Backend& device, std::uint32_t offset, std::uint32_t value) {
    return offset == Changed::kLine ? device.read32(reg::kIrqStatus) : value;
  });
  ASSERT_TRUE(found && found->reg);
  EXPECT_EQ(found->reg->name, "irq");
  EXPECT_EQ(found->reg->where, "IRQ_MASK 2");
  EXPECT_EQ(found->packet.index, 1u) << "every second packet asks for an interrupt";
}

TEST_F(RingPlayerTest, SeesInterruptsThatAreLostInPacketsThatFail) {
  record_program("errors");
  const auto found = play([](driver::Backend&, std::uint32_t offset, std::uint32_t value) {
    const bool both = offset == reg::kIrqStatus && value == 3;
    return both ? reg::kIrqStatusError : value;
  });
  ASSERT_TRUE(found && found->reg);
  EXPECT_EQ(found->reg->name, "IRQ_STATUS");
  EXPECT_EQ(found->packet.number, 2u);
  EXPECT_EQ(found->reg->a, 3u);
  EXPECT_EQ(found->reg->b, 2u);
}

TEST_F(RingPlayerTest, SeesTheLastErrorInThePlaceOfTheFirst) {
  record_program("errors");
  const auto found = play([](driver::Backend& device, std::uint32_t offset, std::uint32_t value) {
    return offset == reg::kErrorSeqLo && value != 0 ? device.read32(reg::kPacketsLo) : value;
  });
  ASSERT_TRUE(found && found->reg);
  EXPECT_EQ(found->reg->name, "ERROR_SEQ");
  EXPECT_EQ(found->packet.number, 2u);
}

TEST_F(RingPlayerTest, SeesEnginesThatStayBusy) {
  record_program("gathers");
  const auto found = play([](driver::Backend& device, std::uint32_t offset, std::uint32_t value) {
    const bool failed = offset == reg::kStatus && device.read32(reg::kErrorCode) != 0;
    return failed ? value | 4U << reg::kStatusBusyLsb : value;
  });
  ASSERT_TRUE(found && found->reg);
  EXPECT_EQ(found->reg->name, "STATUS");
  ASSERT_TRUE(found->packet.recorded);
  EXPECT_EQ(found->packet.recorded->error, abi::Fault::kBadIndex);
}

TEST_F(RingPlayerTest, TellsHangsWithTheirDeadline) {
  record_program("ring");
  const auto found = play(keep, false, 7);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->hung);
  EXPECT_FALSE(found->reg);
  EXPECT_EQ(found->packet.number, 7u);
  EXPECT_THAT(found->b.failure, HasSubstr("no completion for 0.3 s: 6 of 7"));
}

}  // namespace
}  // namespace tandem::debug

// SPDX-License-Identifier: Apache-2.0
// What the command processor promises an engine; packets and registers themselves are conformance
// tests.
#include "tandem/driver/command_processor.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cfenv>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/errors.hpp"
#include "support/raw_device.hpp"
#include "tandem/base/log.hpp"
#include "tandem/driver/in_process_backend.hpp"

namespace tandem::driver {
namespace {

namespace reg = abi::reg;
using abi::Fault;
using tests::RawDevice;
namespace map = tests::map;

/// Takes COPY, VECTOR and one user opcode, does what a test tells it, and notes what it saw.
class FakeEngine final : public Engine {
 public:
  static constexpr std::uint8_t kUserOpcode = 0x81;

  std::optional<abi::Engine> engine_for(std::uint8_t opcode) const override {
    if (opcode == static_cast<std::uint8_t>(abi::Opcode::kCopy)) return abi::Engine::kDma;
    if (opcode == static_cast<std::uint8_t>(abi::Opcode::kVector)) return abi::Engine::kVector;
    if (opcode == kUserOpcode) return abi::Engine::kMatrix;
    return std::nullopt;
  }

  void execute(const abi::Packet& packet, const abi::OperandList& operands,
               const ExecutionContext& context, ExecutionResult& result) override {
    rounding = std::fegetround();
    executed.push_back(packet.seq);
    num_operands = operands.count;
    for (const abi::Operand& operand : operands.view()) {
      EXPECT_NE(context.ram.pointer(operand.base, operand.hull_end() - operand.base), nullptr);
    }
    loaded_words = context.ucode.loaded_words;
    generation = context.ucode.generation;
    if (action) action(context, result);
  }
  void reset() override { ++resets; }
  bool observes() const override { return observing; }
  void before(const abi::Packet& packet, const abi::OperandList&) override {
    seen.push_back(packet.seq);
  }
  void after(const abi::Packet&, const abi::OperandList&, const ExecutionResult& result) override {
    errors.push_back(result.error);
  }

  std::function<void(const ExecutionContext&, ExecutionResult&)> action;
  bool observing = false;
  std::vector<std::uint64_t> executed;
  std::vector<std::uint64_t> seen;
  std::vector<Fault> errors;
  int num_operands = -1;
  std::uint32_t loaded_words = 0;
  std::uint64_t generation = 0;
  int rounding = -1;
  std::atomic<int> resets{0};
};

class Backend final : public InProcessBackend {
 public:
  using InProcessBackend::InProcessBackend;
  using InProcessBackend::processor;
};

class CommandProcessorTest : public testing::Test {
 protected:
  void open(bool observing = false) {
    auto engine = std::make_unique<FakeEngine>();
    engine->observing = observing;
    engine_ = engine.get();
    backend_ = std::make_unique<Backend>("fake", tests::test_config(), std::move(engine));
    device_ = std::make_unique<RawDevice>(*backend_);
    device_->start();
  }

  static abi::CopyPacket copy() {
    abi::CopyPacket packet;
    packet.extent0 = packet.extent1 = packet.extent2 = packet.extent3 = 1;
    packet.elem_bytes = 4;
    packet.src_addr = map::kData;
    packet.dst_addr = map::kData + 0x100;
    return packet;
  }

  FakeEngine* engine_ = nullptr;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<RawDevice> device_;
};

TEST_F(CommandProcessorTest, EngineGetsOperandsAndItsResultIsReported) {
  open();
  engine_->action = [](const ExecutionContext&, ExecutionResult& result) {
    result.checksum = 0x1234;
    result.bytes_read = 7;
    result.bytes_written = std::uint64_t{9} << 32;
  };
  const abi::Completion record = device_->run(copy());
  EXPECT_EQ(record.seq, 1u);
  EXPECT_EQ(record.error, Fault::kNone);
  EXPECT_EQ(record.engine, abi::Engine::kDma);
  EXPECT_EQ(record.checksum, 0x1234u);
  EXPECT_EQ(engine_->num_operands, 2);
  const std::uint32_t dma = reg::kEngineBase + 2 * reg::kEngineStride;
  EXPECT_EQ(device_->r64(dma + reg::kEngineReadLo), 7u);
  EXPECT_EQ(device_->r64(dma + reg::kEngineWriteLo), std::uint64_t{9} << 32);
  EXPECT_EQ(device_->r64(reg::kEngineBase + reg::kEngineReadLo), 0u);
}

TEST_F(CommandProcessorTest, FaultOfTheEngineZeroesTheChecksum) {
  open();
  engine_->action = [](const ExecutionContext&, ExecutionResult& result) {
    result.error = Fault::kBadIndex;
    result.fault_addr = 0x77;
    result.checksum = 0x1234;
  };
  const abi::Completion record = device_->run(copy());
  EXPECT_EQ(record.error, Fault::kBadIndex);
  EXPECT_EQ(record.fault_addr, 0x77u);
  EXPECT_EQ(record.checksum, 0u);
}

TEST_F(CommandProcessorTest, ExceptionOfTheEngineBecomesABusError) {
  open();
  std::string line;
  log::set_sink([&](log::Level, std::string_view text) { line = text; });
  engine_->action = [](const ExecutionContext&, ExecutionResult&) {
    throw std::runtime_error("boom");
  };
  const abi::Completion record = device_->run(copy());
  log::set_sink({});
  EXPECT_EQ(record.error, Fault::kBusError);
  EXPECT_EQ(record.fault_addr, map::kData);
  EXPECT_NE(line.find("boom"), std::string::npos) << line;
  EXPECT_NE(line.find("seq 1"), std::string::npos) << line;
}

TEST_F(CommandProcessorTest, BadPacketsDoNotReachTheEngine) {
  open();
  abi::CopyPacket packet = copy();
  packet.dst_addr = map::kRom;
  EXPECT_EQ(device_->run(packet).error, Fault::kReadOnly);
  packet = copy();
  packet.extent2 = 0;
  EXPECT_EQ(device_->run(packet).error, Fault::kBadShape);
  EXPECT_EQ(device_->run(abi::FillPacket{}).error, Fault::kUnknownOpcode) << "not taken";
  EXPECT_TRUE(engine_->executed.empty());
}

TEST_F(CommandProcessorTest, UserOpcodesShareTheHeaderAndHaveAnOpaqueBody) {
  open();
  abi::Packet packet{};
  packet.opcode = static_cast<abi::Opcode>(FakeEngine::kUserOpcode);
  packet.wait_mask = abi::kWaitAll;
  std::memset(packet.rsvd_16, 0xa5, sizeof packet.rsvd_16);
  EXPECT_EQ(device_->run(packet).engine, abi::Engine::kMatrix);
  EXPECT_EQ(engine_->num_operands, 0);
  packet.rsvd_3[1] = 1;
  const abi::Completion record = device_->run(packet);
  EXPECT_EQ(record.error, Fault::kBadField);
  EXPECT_EQ(record.fault_addr, 4u);
  packet.opcode = static_cast<abi::Opcode>(FakeEngine::kUserOpcode + 1);
  EXPECT_EQ(device_->run(packet).error, Fault::kUnknownOpcode);
}

TEST_F(CommandProcessorTest, ResetCancelsAPacketInExecution) {
  open();
  std::atomic<bool> started{false};
  engine_->action = [&](const ExecutionContext& context, ExecutionResult&) {
    started = true;
    while (!context.cancelled) std::this_thread::yield();
  };
  device_->send(copy());
  device_->wait_until([&] { return started.load(); }, "execution");
  EXPECT_EQ(device_->r(reg::kStatus) >> reg::kStatusBusyLsb, 4u) << "the DMA engine is busy";
  backend_->reset();
  EXPECT_EQ(engine_->resets, 2);
  EXPECT_EQ(device_->r(reg::kCplTail), 0u);
  EXPECT_EQ(device_->r(reg::kStatus), 0u);
  engine_->action = nullptr;
  device_->start();
  EXPECT_EQ(device_->run(copy()).error, Fault::kNone);
}

TEST_F(CommandProcessorTest, WorkerHasTheDefaultFloatingPointEnvironment) {
  const int before = std::fegetround();
  std::fesetround(FE_UPWARD);
  open();
  device_->run(copy());
  std::fesetround(before);
  EXPECT_EQ(engine_->rounding, FE_TONEAREST);
}

TEST_F(CommandProcessorTest, ObserverSeesEveryPacket) {
  open(/*observing=*/true);
  device_->run(abi::NopPacket{});
  abi::CopyPacket bad = copy();
  bad.elem_bytes = 3;
  device_->run(bad);
  device_->run(copy());
  EXPECT_EQ(engine_->seen, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(engine_->errors, (std::vector<Fault>{Fault::kNone, Fault::kBadField, Fault::kNone}));
}

TEST_F(CommandProcessorTest, PendingPacketsAreListedOldestFirst) {
  open(/*observing=*/true);
  std::atomic<bool> release{false};
  std::atomic<bool> started{false};
  engine_->action = [&](const ExecutionContext&, ExecutionResult&) {
    started = true;
    while (!release) std::this_thread::yield();
  };
  device_->post(copy());
  device_->post(abi::NopPacket{});
  device_->send(abi::FencePacket{});
  device_->wait_until([&] { return started.load(); }, "execution");
  std::vector<std::uint64_t> seqs;
  for (const abi::Packet& packet : backend_->processor().pending()) seqs.push_back(packet.seq);
  EXPECT_EQ(seqs, (std::vector<std::uint64_t>{1, 2, 3}));
  release = true;
  device_->wait_records(3);
  EXPECT_TRUE(backend_->processor().pending().empty());
}

TEST_F(CommandProcessorTest, UcodeGenerationTellsProgramsApart) {
  open();
  device_->run(copy());
  const std::uint64_t before = engine_->generation;
  device_->load_program(std::vector<std::uint64_t>{1, 2, 3});
  device_->run(copy());
  EXPECT_EQ(engine_->loaded_words, 3u);
  EXPECT_GT(engine_->generation, before);
  const std::uint64_t loaded = engine_->generation;
  device_->start();
  device_->run(copy());
  EXPECT_EQ(engine_->loaded_words, 0u);
  EXPECT_GT(engine_->generation, loaded);
}

TEST_F(CommandProcessorTest, RegionWithoutMemoryIsABusError) {
  open();
  device_->reset();
  device_->configure();
  const std::uint32_t at = reg::kRegionBase + 9 * reg::kRegionStride;
  device_->w64(at + reg::kRegionBaseLo, map::kHole);
  device_->w64(at + reg::kRegionSizeLo, 0x1000);
  device_->w(at + reg::kRegionAttr, reg::kRegionAttrValid);
  device_->enable();
  abi::CopyPacket packet = copy();
  packet.src_addr = map::kHole + 0x10;
  const abi::Completion record = device_->run(packet);
  EXPECT_EQ(record.error, Fault::kBusError);
  EXPECT_EQ(record.fault_addr, map::kHole + 0x10);
}

TEST_F(CommandProcessorTest, ConfigurationNameMustFitItsRegisters) {
  DeviceConfig config = tests::test_config();
  config.name = "seventeen-letters";
  tests::expect_error(ErrorCode::kInvalidArgument, {"seventeen-letters", "17", "1 to 16"}, [&] {
    InProcessBackend backend("x", config, std::make_unique<FakeEngine>());
  });
}

}  // namespace
}  // namespace tandem::driver

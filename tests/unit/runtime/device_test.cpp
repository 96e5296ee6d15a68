// SPDX-License-Identifier: Apache-2.0
// Device and queue: copies, events, op names, programs, faults.
#include "tandem/runtime/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support/errors.hpp"
#include "tandem/runtime/trace.hpp"
#include "toy_device.hpp"

namespace tandem::runtime {
namespace {

using namespace tandem::runtime::testing;
using ::testing::HasSubstr;
using tests::expect_error;
using Note = driver::Annotation::Kind;

TEST(Device, CopiesThroughPackets) {
  Toy toy;
  Device& device = toy.device;
  const Buffer a = device.malloc("activations", 5000, "a");
  const Buffer b = device.malloc("activations", 5000, "b");
  const auto data = pattern(5000, 1);
  device.copy_in(a.addr(), data);
  device.queue().submit_packet(copy_bytes(a.addr(), b.addr(), 5000));
  EXPECT_EQ(read_bytes(device, b.addr(), 5000), data);
  const TransferCounters counters = device.counters();
  EXPECT_EQ(counters.packets, 1u);
  EXPECT_EQ(counters.bytes_in, 5000u);
  EXPECT_EQ(counters.bytes_out, 5000u);
}

TEST(Device, ShowsItsRegions) {
  Toy toy;
  const Buffer a = toy.device.malloc("kv", 100, "a");
  const auto regions = toy.device.regions();
  ASSERT_EQ(regions.size(), 5u);
  // 1024 slots of 256 + 64 bytes.
  EXPECT_EQ(regions[0].base.value, 0x8000'0000u + 1024 * 320);
  EXPECT_EQ(regions[0].size, (2u << 20) - 1024 * 320);
  EXPECT_EQ(regions[4].name, "kv");
  EXPECT_EQ(regions[4].allocations, 1u);
  EXPECT_EQ(regions[4].used, 192u);
  EXPECT_EQ(regions[4].largest_hole, (1u << 20) - 192);
  EXPECT_EQ(toy.device.backend_name(), "toy:toy");
  EXPECT_EQ(toy.device.config().name, "toy");
}

TEST(DeviceBad, UnknownRegion) {
  Toy toy;
  expect_error(ErrorCode::kNotFound,
               {"configuration 'toy' has no region 'weight' to allocate from; it has commands, "
                "ucode, weights, activations, kv"},
               [&] { toy.device.malloc("weight", 64, "w"); });
}

TEST(Device, WindowIsTheMemory) {
  Toy toy;
  const Buffer a = toy.device.malloc("activations", 256, "a");
  const auto window = toy.device.window(a.addr(), 256);
  ASSERT_EQ(window.size(), 256u);
  window[7] = std::byte{42};
  EXPECT_EQ(read_bytes(toy.device, a.addr(), 8)[7], std::byte{42});
  Toy closed({.has_window = false});
  EXPECT_TRUE(closed.device.window(a.addr(), 256).empty());
}

TEST(Device, TellsTheBackendNames) {
  Toy toy;
  const std::size_t before = toy.log->notes.size();
  Buffer a = toy.device.malloc("activations", 100, "scores");
  toy.device.name_tensor(a.addr(), 40, "layers.0.q");
  toy.device.queue().begin_op("softmax");
  toy.device.queue().submit_packet(abi::NopPacket{});
  toy.device.queue().submit_packet(abi::NopPacket{});
  toy.device.queue().end_op();
  toy.device.queue().finish();
  const PhysAddr addr = a.addr();
  a = Buffer();
  ASSERT_EQ(toy.log->notes.size(), before + 4);
  const auto* note = &toy.log->notes[before];
  EXPECT_EQ(note[0].kind, Note::kAllocate);
  EXPECT_EQ(note[0].name, "scores");
  EXPECT_EQ(note[0].num_bytes, 100u);
  EXPECT_EQ(note[1].kind, Note::kTensor);
  EXPECT_EQ(note[1].num_bytes, 40u);
  EXPECT_EQ(note[2].kind, Note::kPacket);
  EXPECT_EQ(note[2].name, "softmax");
  EXPECT_EQ(note[2].first_seq, 1u);
  EXPECT_EQ(note[3].kind, Note::kFree);
  EXPECT_EQ(note[3].addr, addr);
}

TEST(Device, DescribesAddresses) {
  Toy toy;
  Device& device = toy.device;
  Buffer a = device.malloc("activations", 100, "scores");
  device.name_tensor(a.addr() + 16, 40, "layers.0.q");
  EXPECT_EQ(device.describe(a.addr() + 20),
            "0x200000014 is byte 20 of allocation 'scores' (100 bytes, region 'activations'), byte "
            "4 of tensor 'layers.0.q'");
  EXPECT_EQ(device.describe(a.addr() + 100),
            "0x200000064 lies in region 'activations', 0 bytes behind the end of allocation "
            "'scores'");
  EXPECT_EQ(device.describe(PhysAddr(0x3'0010'0005)),
            "0x300100005 lies 5 bytes past the end of region 'kv', in no live allocation");
  EXPECT_EQ(device.describe(PhysAddr(64)), "0x40 lies below every region");
  EXPECT_EQ(device.describe(PhysAddr(0x8000'0000)),
            "0x80000000 lies in the rings at the start of region 'commands'");
  const PhysAddr addr = a.addr();
  a = Buffer();
  EXPECT_EQ(device.describe(addr + 20),
            "0x200000014 lies in region 'activations', in no live allocation");
}

TEST(Queue, EventsCompleteInOrder) {
  Toy toy;
  Queue& queue = toy.device.queue();
  EXPECT_TRUE(queue.is_complete({0}));
  EXPECT_EQ(queue.last().seq, 0u);
  std::vector<Event> events;
  for (int i = 0; i < 5000; ++i) {
    events.push_back(queue.submit_packet(abi::NopPacket{}));
  }
  EXPECT_EQ(events.back().seq, queue.last().seq);
  queue.wait(events[2500]);
  EXPECT_TRUE(queue.is_complete(events[2500]));
  queue.finish();
  EXPECT_TRUE(queue.is_complete(events.back()));
}

TEST(Queue, HookSeesEveryCompletionWithItsOp) {
  Toy toy;
  Queue& queue = toy.device.queue();
  std::vector<std::string> seen;
  queue.set_completion_hook(
      [&](const abi::Packet& packet, const abi::Completion& completion, std::string_view op) {
        EXPECT_EQ(packet.seq, completion.seq);
        seen.push_back(std::to_string(completion.seq) + ":" + std::string(op));
      });
  queue.submit_packet(abi::NopPacket{});
  {
    const OpScope layer(queue, "layer");
    queue.submit_packet(abi::NopPacket{});
    {
      const OpScope softmax(queue, "softmax");
      queue.submit_packet(abi::NopPacket{});
      queue.submit_packet(abi::NopPacket{});
    }
    { const OpScope empty(queue, "empty"); }
    const Event last = queue.submit_packet(abi::NopPacket{});
    EXPECT_EQ(queue.op_name(last), "layer");
  }
  queue.submit_packet(abi::NopPacket{});
  queue.finish();
  EXPECT_THAT(seen, ::testing::ElementsAre("1:", "2:layer", "3:layer/softmax", "4:layer/softmax",
                                           "5:layer", "6:"));
  queue.set_completion_hook({});
  queue.submit_packet(abi::NopPacket{});
  queue.finish();
  EXPECT_EQ(seen.size(), 6u);
}

TEST(Queue, LoadsAProgramOnce) {
  Toy toy;
  Queue& queue = toy.device.queue();
  const Buffer out = toy.device.malloc("activations", 64, "out");
  const auto one = store_program(11);
  const auto two = store_program(22, 5);
  for (int round = 0; round < 3; ++round) {
    const std::uint16_t at = queue.program(one);
    queue.submit_packet(run_program(at, one.size(), out.addr(), 4));
    const std::uint16_t at2 = queue.program(two);
    EXPECT_NE(at, at2);
    queue.submit_packet(run_program(at2, two.size(), out.addr() + 16, 4));
  }
  const auto bytes = read_bytes(toy.device, out.addr(), 32);
  EXPECT_EQ(bytes[0], std::byte{11});
  EXPECT_EQ(bytes[16], std::byte{22});
  EXPECT_EQ(toy.log->loads, 2u);
}

TEST(Queue, DropsProgramsWhenTheMemoryIsFull) {
  Toy toy;  // 64 words
  Queue& queue = toy.device.queue();
  const Buffer out = toy.device.malloc("activations", 4096, "out");
  for (std::uint32_t i = 0; i < 50; ++i) {
    const auto words = store_program(i + 1, 2 + i % 30);
    queue.submit_packet(run_program(queue.program(words), words.size(), out.addr() + i * 4, 1));
  }
  const auto bytes = read_bytes(toy.device, out.addr(), 200);
  for (std::uint32_t i = 0; i < 50; ++i) {
    EXPECT_EQ(bytes[i * 4], static_cast<std::byte>(i + 1));
  }
  const auto whole = store_program(77, 64);
  EXPECT_EQ(queue.program(whole), 0);
}

TEST(QueueBad, ProgramSizes) {
  Toy toy;
  expect_error(ErrorCode::kInvalidArgument,
               {"micro-program of 65 words; expected 1 to 64, the UCODE_WORDS of this device"},
               [&] { toy.device.queue().program(store_program(1, 65)); });
  expect_error(ErrorCode::kInvalidArgument, {"micro-program of 0 words"},
               [&] { toy.device.queue().program({}); });
  const std::vector<std::uint32_t> words(255);
  expect_error(ErrorCode::kInvalidArgument,
               {"lookup table 0 of 255 words; expected table 0 to 1 of 256 words"},
               [&] { toy.device.queue().table(0, words); });
  expect_error(ErrorCode::kInvalidArgument, {"lookup table 2"},
               [&] { toy.device.queue().table(2, std::vector<std::uint32_t>(256)); });
}

TEST(Queue, LoadsATableOnce) {
  Toy toy;
  std::vector<std::uint32_t> words(256, 5);
  toy.device.queue().table(1, words);
  toy.device.queue().table(1, words);
  toy.device.queue().finish();
  EXPECT_EQ(toy.log->loads, 1u);
  words[3] = 6;
  toy.device.queue().table(1, words);
  toy.device.queue().forget_programs();
  toy.device.queue().table(1, words);
  toy.device.queue().finish();
  EXPECT_EQ(toy.log->loads, 3u);
}

TEST(Queue, SurvivesAFault) {
  Toy toy;
  Device& device = toy.device;
  Queue& queue = device.queue();
  const Buffer out = device.malloc("activations", 100, "scores");
  const auto words = store_program(33);
  const std::uint16_t start = queue.program(words);
  queue.table(0, std::vector<std::uint32_t>(256, 1));
  queue.finish();
  const std::uint64_t loads = toy.log->loads;

  queue.begin_op("attention");
  const Event bad = queue.submit_packet(fill_bytes(PhysAddr(0x2'0040'0000), 8, 1));
  queue.end_op();
  const Event behind = queue.submit_packet(fill_bytes(out.addr(), 8, 99));
  expect_error(ErrorCode::kDeviceFault,
               {"FILL seq " + std::to_string(bad.seq), "UNMAPPED", "attention",
                "0x200400000 lies 0 bytes past the end of region 'activations'"},
               [&] { queue.finish(); });
  queue.finish();
  EXPECT_TRUE(queue.is_complete(behind));
  expect_error(ErrorCode::kDeviceFault, {"never ran"}, [&] { queue.wait(behind); });

  // The slot from before the fault is still good.
  queue.submit_packet(run_program(start, words.size(), out.addr(), 2));
  EXPECT_EQ(read_bytes(device, out.addr(), 1)[0], std::byte{33});
  EXPECT_EQ(toy.log->loads, loads + 2);
}

TEST(Queue, FaultInFrontOfACopyOutSurfacesThere) {
  Toy toy;
  const Buffer weights = toy.device.malloc("weights", 128, "w");
  toy.device.queue().submit_packet(fill_bytes(weights.addr() + 3, 8, 1));
  std::vector<std::byte> bytes(8);
  expect_error(
      ErrorCode::kDeviceFault,
      {"READ_ONLY", "0x100000003 is byte 3 of allocation 'w' (128 bytes, region 'weights')"},
      [&] { toy.device.copy_out(weights.addr(), bytes); });
  toy.device.copy_out(weights.addr(), bytes);
}

TEST(Queue, ManyFaultsInARow) {
  Toy toy;
  const Buffer out = toy.device.malloc("activations", 64, "out");
  for (int i = 0; i < 20; ++i) {
    abi::NopPacket bad;
    bad.rsvd_16[i] = 1;
    toy.device.queue().submit_packet(bad);
    expect_error(ErrorCode::kDeviceFault, {"NOP", "BAD_FIELD"},
                 [&] { toy.device.queue().finish(); });
    toy.device.queue().submit_packet(fill_bytes(out.addr(), 4, static_cast<std::uint8_t>(i)));
    EXPECT_EQ(read_bytes(toy.device, out.addr(), 1)[0], static_cast<std::byte>(i));
  }
}

/// A WAIT that holds back what follows, and the thread that lets it go.
class Gate {
 public:
  explicit Gate(Device& device) : device_(device), word_(device.malloc("kv", 64, "gate")) {
    abi::WaitPacket packet;
    packet.addr = word_.addr().value;
    packet.mask = 0xffff'ffff;
    packet.value = 1;
    packet.cycle_limit = 20'000'000'000;
    device.queue().submit_packet(packet);
  }
  void open_later() {
    thread_ = std::jthread([this, addr = word_.addr(), &backend = device_.driver().backend()] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      const std::uint32_t one = 1;
      backend.write(addr, std::as_bytes(std::span(&one, 1)));
    });
  }

 private:
  Device& device_;
  Buffer word_;
  std::jthread thread_;
};

TEST(Device, HostWaitsForPacketsThatUseFreedMemory) {
  Toy toy;
  Device& device = toy.device;
  const Buffer dst = device.malloc("activations", 256, "dst");
  Buffer src = device.malloc("activations", 256, "src");
  const auto data = pattern(256, 1);
  device.copy_in(src.addr(), data);
  Gate gate(device);
  device.queue().submit_packet(copy_bytes(src.addr(), dst.addr(), 256));
  device.queue().flush();
  const PhysAddr old = src.addr();
  src = Buffer();
  const Buffer next = device.malloc("activations", 256, "next");
  ASSERT_EQ(next.addr(), old);
  EXPECT_FALSE(device.queue().is_complete(device.queue().last()));
  gate.open_later();
  device.copy_in(next.addr(), pattern(256, 2));
  EXPECT_TRUE(device.queue().is_complete(device.queue().last()));
  EXPECT_EQ(read_bytes(device, dst.addr(), 256), data);
}

TEST(Device, HostDoesNotWaitForOtherMemory) {
  Toy toy;
  Device& device = toy.device;
  const Buffer dst = device.malloc("activations", 256, "dst");
  std::vector<Buffer> freed;
  for (int i = 0; i < 1000; ++i) {
    freed.push_back(device.malloc("activations", 64, "temporary"));
  }
  Gate gate(device);
  device.queue().flush();
  freed.clear();
  device.copy_in(dst.addr(), pattern(256, 2));
  EXPECT_FALSE(device.queue().is_complete(device.queue().last()));
  gate.open_later();
  device.queue().finish();
}

TEST(Device, CheckModeFreesAfterThePacketsInFlight) {
  Toy toy({}, toy_config(), {.check_mode = true});
  Device& device = toy.device;
  EXPECT_TRUE(device.check_mode());
  Buffer a = device.malloc("activations", 64, "a");
  EXPECT_TRUE(device.window(a.addr(), 64).empty());
  Gate gate(device);
  device.queue().submit_packet(fill_bytes(a.addr(), 64, 1));
  device.queue().flush();
  gate.open_later();
  a = Buffer();
  EXPECT_TRUE(device.queue().is_complete(device.queue().last()));
  EXPECT_EQ(toy.log->notes.back().kind, Note::kFree);
}

TEST(Device, FaultThatComesUpInADestructorSurfacesAfterwards) {
  Toy toy({}, toy_config(), {.check_mode = true});
  Device& device = toy.device;
  Buffer a = device.malloc("activations", 64, "a");
  device.queue().submit_packet(fill_bytes(PhysAddr(64), 64, 1));
  a = Buffer();
  expect_error(ErrorCode::kDeviceFault, {"FILL", "UNMAPPED", "0x40 lies below every region"},
               [&] { device.queue().submit_packet(abi::NopPacket{}); });
  device.queue().submit_packet(abi::NopPacket{});
  device.queue().finish();
}

TEST(Device, CheckModeRestoresAndReplaysWholeAllocations) {
  const ScratchFile snapshot("check.snap");
  const ScratchFile trace("check.trace");
  Toy toy;
  Buffer a = toy.device.malloc("activations", 10'000, "a");
  toy.device.start_recording(trace.path());
  toy.device.queue().submit_packet(copy_bytes(a.addr(), a.addr() + 5000, 100));
  toy.device.stop_recording();
  toy.device.snapshot(snapshot.path());

  Toy checked({}, toy_config(), {.check_mode = true});
  Buffer same = checked.device.malloc("activations", 10'000, "a");
  checked.device.copy_in(same.addr(), pattern(10'000, 3));
  checked.device.restore(snapshot.path());
  const std::vector<std::byte> zeros(10'000);
  EXPECT_EQ(read_bytes(checked.device, same.addr(), 10'000), zeros);
  const std::uint64_t before = checked.device.counters().bytes_in;
  TraceReader reader(trace.path());
  EXPECT_EQ(replay(reader, checked.device).compared, 1u);
  EXPECT_GE(checked.device.counters().bytes_in - before, 10'000u);
}

TEST(Device, OpensByUri) {
  Device device = Device::open("null:tiny");
  EXPECT_EQ(device.config().name, "tiny");
  EXPECT_EQ(device.driver().capabilities().ucode_words, 1024u);
  device.queue().submit_packet(abi::NopPacket{});
  device.queue().finish();
  EXPECT_EQ(Device::open("null:").config().name, "edge");
  EXPECT_EQ(Device::open("null:", {.config = "tiny"}).config().name, "tiny");
  EXPECT_EQ(Device::open("null:tiny", {.config = "tiny"}).config().name, "tiny");
  Device other = std::move(device);
  other.queue().finish();
  EXPECT_EQ(other.take_findings(), "");
}

TEST(DeviceBad, OpenSaysWhatIsWrong) {
  expect_error(ErrorCode::kInvalidArgument,
               {"backend 'null:tiny' names configuration 'tiny', and 'edge' was asked for too"},
               [] { Device::open("null:tiny", {.config = "edge"}); });
  expect_error(ErrorCode::kNotFound, {"configuration 'huge' not found"},
               [] { Device::open("null:huge"); });
  expect_error(ErrorCode::kNotFound, {"nonesuch"}, [] { Device::open("nonesuch:"); });
  expect_error(ErrorCode::kInvalidArgument, {"?"}, [] { Device::open("null:tiny?"); });
}

}  // namespace
}  // namespace tandem::runtime

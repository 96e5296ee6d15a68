// SPDX-License-Identifier: Apache-2.0
// Recording and replay.
#include "tandem/runtime/trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include "support/errors.hpp"
#include "toy_device.hpp"
#include "trace_writer.hpp"

namespace tandem::runtime {
namespace {

using namespace tandem::runtime::testing;
using ::testing::HasSubstr;
using tests::expect_error;

/// Memory from before the recording, host writes between packets, programs from before, a fault.
PhysAddr record_run(Toy& toy, const std::string& path) {
  Device& device = toy.device;
  Queue& queue = device.queue();
  Buffer a = device.malloc("weights", 10'000, "weights");
  Buffer b = device.malloc("activations", 10'000, "result");
  device.name_tensor(a.addr(), 5000, "w.half");
  device.copy_in(a.addr(), pattern(10'000, 1));
  const auto words = store_program(7);
  const std::uint16_t start = queue.program(words);
  queue.begin_op("outer");

  device.start_recording(path);
  queue.submit_packet(copy_bytes(a.addr(), b.addr(), 10'000));
  {
    const OpScope scope(queue, "inner");
    queue.submit_packet(run_program(start, words.size(), b.addr() + 4000, 3));
  }
  queue.finish();
  device.copy_in(a.addr(), pattern(200, 9));
  queue.submit_packet(copy_bytes(a.addr(), b.addr() + 8000, 300));
  queue.submit_packet(fill_bytes(PhysAddr(0x7'0000'0000), 4, 1));
  queue.submit_packet(fill_bytes(b.addr(), 4, 1));
  EXPECT_THROW(queue.finish(), Error);
  Buffer c = device.malloc("kv", 64, "later");
  queue.submit_packet(run_program(start, words.size(), c.addr(), 2));
  queue.submit_packet(copy_bytes(c.addr(), b.addr() + 9000, 8));
  device.stop_recording();
  queue.end_op();
  queue.submit_packet(fill_bytes(b.addr(), 4, 99));
  queue.finish();
  return b.addr();
}

TEST(Trace, HoldsEverythingInOrder) {
  const ScratchFile file("order.trace");
  Toy toy;
  record_run(toy, file.path());
  TraceReader reader(file.path());
  EXPECT_EQ(reader.info().backend, "toy:toy");
  EXPECT_EQ(reader.info().config.name, "toy");
  EXPECT_EQ(reader.info().config.regions.size(), 5u);
  EXPECT_FALSE(reader.info().config.regions[2].writable);
  EXPECT_EQ(reader.info().path, file.path());
  using Kind = TraceRecord::Kind;
  TraceRecord record;
  std::map<Kind, int> count;
  std::vector<std::string> ops;
  std::uint64_t seq = 0;
  std::uint64_t bytes_before_packets = 0;
  while (reader.next(record)) {
    ++count[record.kind];
    if (record.kind == Kind::kOp) {
      ops.push_back(record.text);
    }
    if (record.kind == Kind::kPacket) {
      EXPECT_GT(record.packet.seq, seq);
      seq = record.packet.seq;
    }
    if (record.kind == Kind::kWrite && seq == 0) {
      bytes_before_packets += record.num_bytes;
    }
  }
  EXPECT_THAT(ops, ::testing::ElementsAre("outer", "outer/inner", "outer"));
  // Two loads of the program (start, after the reset) and seven packets.
  EXPECT_EQ(count[Kind::kPacket], 9);
  // The packet behind the fault was abandoned.
  EXPECT_EQ(count[Kind::kCompletion], 8);
  EXPECT_EQ(count[Kind::kReset], 1);
  // Staging, weights and result before; later.
  EXPECT_EQ(count[Kind::kAllocate], 4);
  EXPECT_EQ(count[Kind::kTensor], 1);
  EXPECT_GE(bytes_before_packets, 3u * 4096);
  EXPECT_LT(bytes_before_packets, 6u * 4096);
}

TEST(Trace, ReplaysOnAnEmptyDevice) {
  const ScratchFile file("replay.trace");
  Toy toy;
  const PhysAddr result = record_run(toy, file.path());
  Toy fresh;
  TraceReader reader(file.path());
  const ReplayResult outcome = replay(reader, fresh.device);
  EXPECT_EQ(outcome.packets, 9u);
  EXPECT_EQ(outcome.compared, 8u);
  EXPECT_EQ(outcome.differences, 0u);
  EXPECT_FALSE(outcome.first.has_value());
  // The last packet came after the recording.
  auto expected = read_bytes(toy.device, result, 10'000);
  auto found = read_bytes(fresh.device, result, 10'000);
  EXPECT_EQ(expected[0], std::byte{99});
  std::fill_n(expected.begin(), 4, std::byte{0});
  std::fill_n(found.begin(), 4, std::byte{0});
  EXPECT_EQ(expected, found);
}

TEST(Trace, ReplaysTwiceAndOnAUsedDevice) {
  const ScratchFile file("twice.trace");
  Toy toy;
  record_run(toy, file.path());
  for (int round = 0; round < 2; ++round) {
    TraceReader reader(file.path());
    EXPECT_EQ(replay(reader, toy.device).compared, 8u);
  }
  // Programs that the device had before are loaded again afterwards.
  const Buffer out = toy.device.malloc("kv", 64, "out");
  const auto words = store_program(7);
  toy.device.queue().submit_packet(
      run_program(toy.device.queue().program(words), words.size(), out.addr(), 1));
  EXPECT_EQ(read_bytes(toy.device, out.addr(), 1)[0], std::byte{7});
}

TEST(Trace, ReplayFindsTheFirstDifference) {
  const ScratchFile file("difference.trace");
  Toy toy;
  const PhysAddr result = record_run(toy, file.path());
  Toy wrong({.wrong_byte_at = result.value + 8100});
  TraceReader reader(file.path());
  const ReplayResult outcome = replay(reader, wrong.device);
  EXPECT_EQ(outcome.differences, 1u);
  ASSERT_TRUE(outcome.first.has_value());
  EXPECT_EQ(outcome.first->packet, 1u);
  EXPECT_EQ(outcome.first->op, "outer");
  EXPECT_EQ(outcome.first->packet_bytes.opcode, abi::Opcode::kCopy);
  EXPECT_NE(outcome.first->expected.checksum, outcome.first->found.checksum);
  EXPECT_THAT(outcome.first->text, HasSubstr("packet 1 of outer: COPY "));
  EXPECT_THAT(outcome.first->text, HasSubstr("\n  expected checksum "));
  EXPECT_THAT(outcome.first->text, HasSubstr("\n  found    checksum "));

  TraceReader again(file.path());
  Toy also_wrong({.wrong_byte_at = result.value + 8100});
  EXPECT_EQ(replay(again, also_wrong.device, {.stop_at_difference = false}).differences, 2u);
}

TEST(Trace, ReplayReportsAFaultThatWasNotRecorded) {
  const ScratchFile file("fault.trace");
  Toy toy;
  {
    const Buffer a = toy.device.malloc("activations", 64, "a");
    toy.device.start_recording(file.path());
    toy.device.queue().submit_packet(fill_bytes(a.addr(), 4, 1));
    toy.device.queue().submit_packet(fill_bytes(a.addr(), 4, 2));
    toy.device.stop_recording();
  }
  // The same trace with a packet that cannot run.
  const ScratchFile forged("forged.trace");
  TraceReader reader(file.path());
  TraceWriter writer(forged.path(), reader.info().backend, reader.info().config);
  TraceRecord record;
  while (reader.next(record)) {
    if (record.kind == TraceRecord::Kind::kPacket) {
      auto fill = abi::packet_as<abi::FillPacket>(record.packet);
      fill.dst_addr = fill.value == 1 ? 64 : fill.dst_addr;
      writer.packet(abi::to_packet(fill));
    } else if (record.kind == TraceRecord::Kind::kCompletion) {
      writer.completion(record.completion);
    }
  }
  writer.finish();
  TraceReader forged_reader(forged.path());
  const ReplayResult outcome = replay(forged_reader, toy.device);
  ASSERT_TRUE(outcome.first.has_value());
  EXPECT_EQ(outcome.first->packet, 0u);
  EXPECT_THAT(outcome.first->text, HasSubstr("found    UNMAPPED at 0x40 (FILL seq "));
  TraceReader all(forged.path());
  const ReplayResult both = replay(all, toy.device, {.stop_at_difference = false});
  EXPECT_EQ(both.differences, 2u);
}

TEST(TraceBad, OtherDevices) {
  const ScratchFile file("other.trace");
  Toy toy;
  record_run(toy, file.path());
  const auto refuse = [&](driver::DeviceConfig config, std::string_view message) {
    Toy other({}, config);
    TraceReader reader(file.path());
    expect_error(ErrorCode::kMismatch, {file.path(), message},
                 [&] { replay(reader, other.device); });
  };
  driver::DeviceConfig config = toy_config();
  config.name = "mini";
  refuse(config, "made with configuration 'toy', the device has 'mini'");
  config = toy_config();
  config.regions[2].size *= 2;
  refuse(config,
         "memory map of configuration 'toy': region 2 was 'weights' at 0x100000000 of 0x100000 "
         "bytes, read only, the device has 'weights' at 0x100000000 of 0x200000 bytes, read only");
  config = toy_config();
  config.ucode_words = 128;
  refuse(config, "had 64 micro-program words, the device has 128");
  config = toy_config();
  config.regions.pop_back();
  refuse(config, "region 4 was 'kv' at 0x300000000 of 0x100000 bytes, the device has no region");
}

TEST(TraceBad, RecordingTwiceOrNotAtAll) {
  const ScratchFile file("state.trace");
  Toy toy;
  expect_error(ErrorCode::kInvalidArgument, {"no recording is on"},
               [&] { toy.device.stop_recording(); });
  toy.device.start_recording(file.path());
  EXPECT_TRUE(toy.device.window(PhysAddr(0x2'0000'0000), 64).empty());
  expect_error(ErrorCode::kInvalidArgument, {"a recording is on already"},
               [&] { toy.device.start_recording(file.path() + "2"); });
  toy.device.stop_recording();
  expect_error(ErrorCode::kUnavailable, {"/nonexistent/t: cannot be written"},
               [&] { toy.device.start_recording("/nonexistent/t"); });
  EXPECT_FALSE(toy.device.window(PhysAddr(0x2'0000'0000), 64).empty());
}

TEST(Trace, EndsWithTheDevice) {
  const ScratchFile file("closed.trace");
  {
    Toy toy;
    toy.device.start_recording(file.path());
    toy.device.queue().submit_packet(abi::NopPacket{});
    toy.device.queue().finish();
  }
  Toy fresh;
  TraceReader reader(file.path());
  EXPECT_EQ(replay(reader, fresh.device).compared, 1u);
}

TEST(TraceBad, FullDiskEndsTheRecordingOnly) {
  Toy toy;
  toy.device.start_recording("/dev/full");
  const Buffer a = toy.device.malloc("activations", 2 << 20, "a");
  for (unsigned i = 0; i < 4; ++i) {
    std::vector<std::byte> noise(1 << 20);
    std::mt19937_64 random(i);
    for (auto& byte : noise) {
      byte = static_cast<std::byte>(random());
    }
    toy.device.copy_in(a.addr(), noise);
    toy.device.queue().submit_packet(fill_bytes(a.addr(), 64, 1));
  }
  toy.device.queue().finish();
  expect_error(ErrorCode::kUnavailable, {"/dev/full: write failed"},
               [&] { toy.device.stop_recording(); });
  toy.device.queue().submit_packet(abi::NopPacket{});
  toy.device.queue().finish();
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Writes a trace file around forged records.
class Forger {
 public:
  Forger() : file_("forger.trace") {}
  template <class F>
  std::string message(F&& write) {
    {
      Toy toy;
      TraceWriter head(file_.path(), "toy", toy_config());
      head.finish();
      const std::string text = RecordReader(file_.path(), kTraceKind).header_text();
      RecordWriter writer(file_.path(), kTraceKind, text);
      write(writer);
      writer.finish();
    }
    try {
      Toy toy;
      TraceReader reader(file_.path());
      replay(reader, toy.device);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
      return error.message();
    }
    return "no error";
  }

 private:
  ScratchFile file_;
};

TEST(TraceBad, ForgedRecords) {
  Forger forger;
  const std::uint64_t far = std::uint64_t{1} << 48;
  const std::uint64_t one = 1;
  EXPECT_THAT(forger.message([&](RecordWriter& w) { w.add(4, {}); }),
              HasSubstr("record of type 4 in this block ends before its address"));
  EXPECT_THAT(forger.message([&](RecordWriter& w) {
    w.add(4, {bytes_of(far), bytes_of(one)});
  }),
              HasSubstr("names 8 bytes at 0x1000000000000, beyond the address space"));
  EXPECT_THAT(forger.message([&](RecordWriter& w) {
    w.add(4, {bytes_of(one), bytes_of(one)});
  }),
              HasSubstr("0x1"));
  EXPECT_THAT(forger.message([&](RecordWriter& w) { w.add(77, {}); }),
              HasSubstr("record of type 77 in this block is not known to this program"));
  EXPECT_THAT(forger.message([&](RecordWriter& w) { w.add(6, {bytes_of(one)}); }),
              HasSubstr("ends before its packet"));
  EXPECT_THAT(forger.message([&](RecordWriter& w) {
    const abi::Packet packet{};
    w.add(6, {bytes_of(packet), bytes_of(one)});
  }),
              HasSubstr("has 8 bytes too many"));
  EXPECT_THAT(forger.message([&](RecordWriter& w) {
    const std::string text(5000, 'x');
    w.add(5, {bytes_of(std::string_view(text))});
  }),
              HasSubstr("has a text of 5000 bytes, at most 1024 are allowed"));
  EXPECT_THAT(forger.message([&](RecordWriter& w) {
    const abi::Completion completion{.seq = 3};
    w.add(7, {bytes_of(completion)});
  }),
              HasSubstr("completion of seq 3 without a packet of that number"));
  EXPECT_EQ(forger.message([&](RecordWriter& w) { w.add(8, {}); }), "no error");
}

TEST(TraceBad, ForgedHeaders) {
  const ScratchFile file("header.trace");
  const auto message = [&](const std::string& header) -> std::string {
    {
      RecordWriter writer(file.path(), kTraceKind, header);
      writer.finish();
    }
    try {
      TraceReader reader(file.path());
    } catch (const Error& error) {
      return error.message();
    }
    return "no error";
  };
  EXPECT_THAT(message("nonsense"), HasSubstr(file.path() + ": header: not a JSON object"));
  EXPECT_THAT(message(std::string(60'000, '[')), HasSubstr("not a JSON object"));
  EXPECT_THAT(message("{}"), HasSubstr("key 'backend' is missing"));
  EXPECT_THAT(message("{\"backend\": 3}"), HasSubstr("key 'backend': expected a string"));
  EXPECT_THAT(message("{\"backend\": \"x\", \"config\": []}"), HasSubstr("key 'name' is missing"));
  const std::string sizes =
      "{\"backend\": \"x\", \"config\": {\"name\": \"a\", \"array_rows\": 4, \"array_cols\": 4, "
      "\"vector_lanes\": 4, \"vector_length\": 64, \"axi_data_bits\": 64, \"ucode_words\": ";
  EXPECT_THAT(message(sizes + "-1, \"regions\": []}}"),
              HasSubstr("key 'ucode_words': expected an unsigned number"));
  EXPECT_THAT(message(sizes + "99999999999, \"regions\": []}}"),
              HasSubstr("key 'ucode_words': 99999999999 does not fit 32 bits"));
  EXPECT_THAT(message(sizes + "64, \"regions\": []}}"),
              HasSubstr("key 'regions': expected a list of 1 to 16 regions"));
}

TEST(TraceBad, AnotherAbi) {
  const ScratchFile file("abi.trace");
  {
    TraceWriter writer(file.path(), "toy", toy_config());
    writer.finish();
  }
  std::string bytes = read_file(file.path());
  bytes[16] = static_cast<char>(bytes[16] ^ 1);
  std::ofstream(file.path(), std::ios::binary) << bytes;
  expect_error(ErrorCode::kMismatch, {file.path(), "made with ABI hash", "record it again"},
               [&] { TraceReader reader(file.path()); });
}

}  // namespace
}  // namespace tandem::runtime

// SPDX-License-Identifier: Apache-2.0
// Cases: made from traces, written, read, run, reduced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <span>
#include <string>

#include "small_trace.hpp"
#include "support/errors.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/case_file.hpp"

namespace tandem::debug {
namespace {

using runtime::Device;
using runtime::TraceReader;
using ::testing::HasSubstr;
using tests::expect_error;

class CaseTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    file_ = new tests::ScratchFile("case.trace");
    trace_ = tests::record_small_trace(file_->path());
  }
  static void TearDownTestSuite() { delete file_; }

  static Case make(std::uint64_t number, std::uint64_t packets = 1) {
    Device device = Device::open("cmodel:tiny");
    Player player(TraceReader(file_->path()), device);
    player.play_to(number);
    player.next();
    Case item = record_case(player, packets);
    item.origin.model = "small";
    item.origin.seed = 7;
    return item;
  }
  static std::string faulty(std::uint64_t seq, const std::string& more) {
    return "faulty:tiny?seq=" + std::to_string(seq) + "&" + more;
  }
  static CaseResult run(const Case& item, const std::string& uri) {
    Device device = Device::open(uri);
    return run_case(item, device, std::chrono::seconds(20));
  }
  static OpenDevice opener(const std::string& uri) {
    return [uri](const driver::DeviceConfig& config) { return Device::open_with(uri, config); };
  }
  // Element (1, 3) of the product [5, 7].
  static std::string wrong_product() { return faulty(trace_.product, "bit=342"); }

  static tests::ScratchFile* file_;
  static tests::SmallTrace trace_;
};

tests::ScratchFile* CaseTest::file_ = nullptr;
tests::SmallTrace CaseTest::trace_;

TEST_F(CaseTest, EveryPacketOfATracePasses) {
  for (std::uint64_t number = 1; number <= trace_.packets; ++number) {
    if (number == trace_.refused + 1) continue;  // Abandoned.
    SCOPED_TRACE(number);
    const Case item = make(number);
    EXPECT_EQ(item.failing().packet.seq, number);
    const CaseResult result = run(item, "cmodel:tiny");
    EXPECT_TRUE(result.passed()) << result.text;
#ifdef TANDEM_HAVE_RTL
    const CaseResult rtl = run(item, "rtl:tiny?stalls=3");
    EXPECT_TRUE(rtl.passed()) << rtl.text;
#endif
  }
}

TEST_F(CaseTest, FileHoldsEverything) {
  Case item = make(trace_.sums);
  item.origin.element = {"out0", "[0, 1]", 0x1234, "f32", "3f800000", "40000000"};
  const tests::ScratchFile file("sums.case");
  write_case(item, file.path());
  EXPECT_TRUE(is_case(TraceReader(file.path()).info()));
  const Case found = read_case(file.path());
  EXPECT_EQ(found.origin.model, "small");
  EXPECT_EQ(found.origin.op, item.failing().op);
  EXPECT_EQ(found.origin.number, trace_.sums);
  EXPECT_EQ(found.origin.seed, 7u);
  ASSERT_TRUE(found.origin.element);
  EXPECT_EQ(found.origin.element->b, "40000000");
  EXPECT_EQ(found.origin.element->addr, 0x1234u);
  EXPECT_EQ(found.config.name, "tiny");
  EXPECT_EQ(found.packets.size(), item.packets.size());
  EXPECT_GE(found.packets.size(), 2u);  // With the program's load.
  EXPECT_EQ(found.expected.size(), item.expected.size());
  EXPECT_EQ(found.num_bytes(), item.num_bytes());
  ASSERT_FALSE(found.tensors.empty());
  EXPECT_EQ(found.tensors.front().name, "product");
  EXPECT_TRUE(run(found, "cmodel:tiny").passed());
  // The same file is a trace.
  Device device = Device::open("cmodel:tiny");
  TraceReader reader(file.path());
  EXPECT_EQ(runtime::replay(reader, device).differences, 0u);
}

TEST_F(CaseTest, FailsInTheSameWay) {
  const Case item = make(trace_.product);
  const CaseResult bytes = run(item, wrong_product());
  EXPECT_EQ(bytes.kind, CaseResult::Kind::kBytes);
  EXPECT_EQ(bytes.element->index, "[0, 0, 1, 3]");
  EXPECT_THAT(bytes.text, HasSubstr("packet " + std::to_string(trace_.product) +
                                    " of layer.0/linear: 1 of 35 elements differ, first c[0, 0, "
                                    "1, 3]"));
  EXPECT_EQ(run(item, faulty(trace_.product, "stray=1")).kind, CaseResult::Kind::kStray);
  EXPECT_EQ(run(item, faulty(trace_.product, "only_checksum=1")).kind,
            CaseResult::Kind::kCompletion);
  const CaseResult refused = run(item, faulty(trace_.product, "refuse=1"));
  EXPECT_EQ(refused.kind, CaseResult::Kind::kCompletion);
  EXPECT_THAT(refused.text, HasSubstr("BUS_ERROR"));
  Device hanging = Device::open(faulty(trace_.product, "hang=1"));
  const CaseResult hung = run_case(item, hanging, std::chrono::milliseconds(200));
  EXPECT_EQ(hung.kind, CaseResult::Kind::kHung);
  EXPECT_THAT(hung.text, HasSubstr("did not complete within"));
}

TEST_F(CaseTest, SeveralPackets) {
  const Case item = make(trace_.product, 3);
  EXPECT_TRUE(run(item, "cmodel:tiny").passed());
  // The product is wrong, its sums show it.
  const CaseResult result = run(item, wrong_product());
  EXPECT_EQ(result.kind, CaseResult::Kind::kBytes);
}

// From any packet to the last: with what the host wrote on the way, and across the reset.
TEST_F(CaseTest, WholeRuns) {
  const std::uint64_t abandoned = trace_.refused + 1;
  for (std::uint64_t first = 1; first < trace_.packets; ++first) {
    if (first == abandoned) continue;
    SCOPED_TRACE(first);
    const Case item = make(first, trace_.packets - first + 1);
    EXPECT_EQ(item.failing().packet.seq, trace_.packets);
    const CaseResult result = run(item, "cmodel:tiny");
    EXPECT_TRUE(result.passed()) << result.text;
#ifdef TANDEM_HAVE_RTL
    const CaseResult rtl = run(item, "rtl:tiny");
    EXPECT_TRUE(rtl.passed()) << rtl.text;
#endif
  }
  const Case item = make(trace_.product, trace_.packets - trace_.product + 1);
  std::uint64_t resets = 0;
  std::uint64_t writes = 0;
  for (const CasePacket& packet : item.packets) {
    EXPECT_NE(packet.packet.seq, abandoned);
    resets += packet.reset;
    for (const HostWrite& write : packet.writes) {
      ++writes;
      EXPECT_EQ(write.completed, trace_.refused);
    }
  }
  EXPECT_EQ(resets, 1u);
  EXPECT_GE(writes, 1u);
}

/// Doubles of two words that the host writes to one place, one after the other; as a trace.
void record_steps(const std::string& path) {
  Device device = Device::open("cmodel:tiny");
  const auto memory = device.malloc("activations", 4096, "step");
  const PhysAddr in = memory.addr();
  device.start_recording(path);
  for (std::uint32_t step = 1; step <= 3; ++step) {
    const std::uint32_t value = 100 * step;
    device.copy_in(in, std::as_bytes(std::span(&value, 1)));
    abi::CopyPacket packet;
    packet.extent0 = packet.extent1 = packet.extent2 = packet.extent3 = 1;
    packet.elem_bytes = 4;
    packet.src_addr = in.value;
    packet.dst_addr = in.value + 64 * step;
    packet.src_stride3 = packet.dst_stride3 = 4;
    device.queue().submit_packet(packet);
    device.queue().finish();
  }
  device.stop_recording();
}

TEST_F(CaseTest, HostWritesBetweenPackets) {
  const tests::ScratchFile trace("steps.trace");
  record_steps(trace.path());
  Device device = Device::open("cmodel:tiny");
  Player player(TraceReader(trace.path()), device);
  player.next();
  const Case made = record_case(player, 3);
  EXPECT_EQ(made.packets[1].writes.size(), 1u);
  EXPECT_EQ(made.packets[1].writes[0].completed, 1u);
  const tests::ScratchFile file("steps.case");
  write_case(made, file.path());
  const Case found = read_case(file.path());
  ASSERT_EQ(found.packets.size(), 3u);
  EXPECT_EQ(found.packets[2].writes[0].completed, 2u);
  EXPECT_EQ(found.packets[2].writes[0].piece.bytes, made.packets[2].writes[0].piece.bytes);
  EXPECT_EQ(found.num_bytes(), made.num_bytes());
  for (const Case& item : {made, found}) {
    const CaseResult result = run(item, "cmodel:tiny");
    EXPECT_TRUE(result.passed()) << result.text;
  }
  // Without the writes the last page is another one.
  Case forgetful = found;
  for (CasePacket& packet : forgetful.packets) packet.writes.clear();
  EXPECT_EQ(run(forgetful, "cmodel:tiny").kind, CaseResult::Kind::kBytes);
  // The file as a trace.
  TraceReader reader(file.path());
  Device other = Device::open("cmodel:tiny");
  EXPECT_EQ(runtime::replay(reader, other).differences, 0u);
  // Only the last packet is wrong, so only what it reads stays.
  const ReducedCase reduced = reduce_case(found, opener("cmodel:tiny"), opener(faulty(3, "bit=6")));
  EXPECT_EQ(reduced.item.packets.size(), 1u);
  EXPECT_TRUE(run(reduced.item, "cmodel:tiny").passed());
  write_case(reduced.item, file.path());
  EXPECT_TRUE(run(read_case(file.path()), "cmodel:tiny").passed());
  EXPECT_FALSE(run(read_case(file.path()), faulty(3, "bit=6")).passed());
}

TEST_F(CaseTest, ReducesExtents) {
  const ReducedCase reduced =
      reduce_case(make(trace_.product), opener("cmodel:tiny"), opener(wrong_product()));
  const auto packet = abi::packet_as<abi::MatmulPacket>(reduced.item.failing().packet);
  EXPECT_EQ(packet.m, 2u);
  EXPECT_EQ(packet.n, 4u);
  EXPECT_EQ(packet.k, 1u);
  EXPECT_EQ(reduced.item.origin.element->index, "[0, 0, 1, 3]");
  EXPECT_TRUE(run(reduced.item, "cmodel:tiny").passed());
  EXPECT_FALSE(run(reduced.item, wrong_product()).passed());
  const tests::ScratchFile file("reduced.case");
  write_case(reduced.item, file.path());
  EXPECT_TRUE(run(read_case(file.path()), "cmodel:tiny").passed());
}

TEST_F(CaseTest, ReducesPackets) {
  const Case item = make(trace_.product, 3);
  ASSERT_GE(item.packets.size(), 3u);
  const std::string uri = faulty(item.failing().packet.seq, "bit=6");
  const ReducedCase reduced = reduce_case(item, opener("cmodel:tiny"), opener(uri));
  for (const CasePacket& packet : reduced.item.packets) {
    EXPECT_TRUE(packet.packet.seq == item.failing().packet.seq ||
                packet.packet.opcode == abi::Opcode::kLoadUcode);
  }
}

TEST_F(CaseTest, NothingToReduce) {
  expect_error(ErrorCode::kInvalidArgument, {"the case passes on cmodel:tiny"}, [] {
    reduce_case(make(trace_.product), opener("cmodel:tiny"), opener("cmodel:tiny"));
  });
}

TEST_F(CaseTest, NotACase) {
  expect_error(ErrorCode::kInvalidArgument, {file_->path(), "a trace, but no case"},
               [] { read_case(file_->path()); });
  Device device = Device::open("cmodel:edge");
  expect_error(ErrorCode::kMismatch, {"the case", "'tiny'", "'edge'"},
               [&] { run_case(make(trace_.product), device); });
  Device tiny = Device::open("cmodel:tiny");
  Player player(TraceReader(file_->path()), tiny);
  expect_error(ErrorCode::kInvalidArgument, {"a case begins with a packet"},
               [&] { record_case(player); });
}

// Whatever is wrong with a file ends with one error that names it, or runs.
TEST_F(CaseTest, DamagedFiles) {
  const tests::ScratchFile good("good.case");
  write_case(make(trace_.sums), good.path());
  std::ifstream in(good.path(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const tests::ScratchFile damaged("damaged.case");
  for (std::size_t i = 0; i < 60; ++i) {
    std::string copy = bytes.substr(0, i % 3 == 0 ? bytes.size() - i : bytes.size());
    copy[(i * 97) % copy.size()] ^= static_cast<char>(1 + i);
    std::ofstream(damaged.path(), std::ios::binary) << copy;
    try {
      run(read_case(damaged.path()), "cmodel:tiny");
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
    }
  }
}

/// Writes a case with the records of `write` in it and returns the message of reading it.
template <class Write>
std::string message_of(const Case& item, Write&& write) {
  const tests::ScratchFile file("forged.case");
  {
    runtime::TraceWriter trace(file.path(), "x", item.config, "{}");
    write(trace);
    trace.finish();
  }
  try {
    read_case(file.path());
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(file.path()));
    return error.what();
  }
  return "none";
}

TEST_F(CaseTest, RecordsThatMakeNoCase) {
  const Case item = make(trace_.product);
  const CasePacket& last = item.failing();
  EXPECT_THAT(message_of(item, [](auto&) {}), HasSubstr("has no packet"));
  EXPECT_THAT(message_of(item, [&](auto& trace) { trace.packet(last.packet); }),
              HasSubstr("1 packets without a completion"));
  EXPECT_THAT(message_of(item, [&](auto& trace) { trace.completion(last.completion); }),
              HasSubstr("at the wrong place"));
  EXPECT_THAT(message_of(item,
                         [&](auto& trace) {
                           trace.packet(last.packet);
                           trace.write(PhysAddr(4096), std::vector<std::byte>(1));
                         }),
              HasSubstr("has 1 packets without a completion"));
  EXPECT_THAT(message_of(item,
                         [&](auto& trace) {
                           trace.packet(last.packet);
                           trace.completion(last.completion);
                           trace.write(PhysAddr(4096), std::vector<std::byte>(1));
                         }),
              HasSubstr("behind its last packet"));
  EXPECT_THAT(message_of(item, [&](auto& trace) { trace.reset(); }),
              HasSubstr("resets the device before its first packet"));
  EXPECT_THAT(message_of(item,
                         [&](auto& trace) {
                           trace.packet(last.packet);
                           trace.reset();
                         }),
              HasSubstr("abandons packets"));
}

}  // namespace
}  // namespace tandem::debug

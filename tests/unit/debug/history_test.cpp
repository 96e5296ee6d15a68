// SPDX-License-Identifier: Apache-2.0
// Who wrote and who read a byte.
#include "tandem/debug/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "support/errors.hpp"
#include "unit/debug/small_trace.hpp"
#include "unit/debug/written_trace.hpp"

namespace tandem::debug {
namespace {

using abi::Engine;
using testing::HasSubstr;
using tests::every_second_word;
using tests::expect_error;
using tests::kTraceMemory;
using tests::product;
using tests::ScratchFile;
using tests::WrittenTrace;

constexpr std::uint64_t kC = kTraceMemory + 0x2'0000;

/// 1: product into C; 2: every second word of its first 8; 3: refused fill; 4: abandoned fill.
void write_trace(const std::string& path) {
  WrittenTrace trace(path);
  const std::vector<std::byte> bytes(64, std::byte{1});
  trace.writer().allocate(PhysAddr(kC), 4096, "block");
  trace.writer().tensor(PhysAddr(kC), 128, "sum");
  trace.writer().write(PhysAddr(kC - 32), bytes);
  trace.writer().op("layer.0/linear");
  trace.packet(product(4, 8, 16), Engine::kMatrix, 0, 0);
  trace.writer().op("layer.0/clear");
  trace.packet(every_second_word(kC, 4), Engine::kDma, 0, 0);
  trace.writer().write(PhysAddr(kC + 28), std::span(bytes).first(4));
  trace.packet(every_second_word(kC, 1000), Engine::kDma, 0, 0, abi::Fault::kReadOnly);
  trace.submit(every_second_word(kC, 2));
  trace.writer().reset();
  trace.finish();
}

TEST(History, TellsEveryoneInOrder) {
  const ScratchFile file("history_order.trace");
  write_trace(file.path());
  const History history = history_of(file.path(), {kC, kC + 4});
  EXPECT_EQ(history.region, "activations");
  std::vector<std::string> lines;
  for (const Access& access : history.accesses) lines.push_back(describe(access));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(lines[0], HasSubstr("start of the recording: 64 bytes"));
  EXPECT_EQ(lines[1], "packet 1 MATMUL writes c[0, 0, 0, 0]");
  EXPECT_EQ(lines[2], "packet 2 FILL writes dst[0, 0, 0, 0]");
  EXPECT_EQ(lines[3], "packet 4 FILL writes dst[0, 0, 0, 0] (did not complete)");
  EXPECT_EQ(history.accesses[1].op, "layer.0/linear");
  EXPECT_EQ(history.accesses[1].place, "tensor 'sum' + 0x0");
}

TEST(History, GapsOfStridedOperandsAreNotTouched) {
  const ScratchFile file("history_gap.trace");
  write_trace(file.path());
  const History history = history_of(file.path(), {kC + 12, kC + 16}, 4);
  ASSERT_EQ(history.accesses.size(), 2u);  // The product and the start, not the fill around it.
  EXPECT_EQ(history.accesses.back().element, "c[0, 0, 0, 3]");
}

TEST(History, StopsBeforeAPacket) {
  const ScratchFile file("history_before.trace");
  write_trace(file.path());
  EXPECT_EQ(history_of(file.path(), {kC, kC + 1}, 2).accesses.size(), 2u);
  EXPECT_EQ(history_of(file.path(), {kC, kC + 1}, 1).accesses.size(), 1u);
}

TEST(History, LastWritersOfEveryByte) {
  const ScratchFile file("history_last.trace");
  write_trace(file.path());
  const History history = history_of(file.path(), {kC + 16, kC + 32}, 4);
  const std::vector<LastWriter> writers = last_writers(history);
  ASSERT_EQ(writers.size(), 4u);
  EXPECT_EQ(writers[0].access->seq, 2u);
  EXPECT_EQ(writers[1].access->seq, 1u);
  EXPECT_EQ(writers[2].access->seq, 2u);
  EXPECT_EQ(writers[3].access->by, Access::By::kHost);
  EXPECT_EQ(writers[3].bytes.begin, kC + 28);
  const History nobody =
      history_of(file.path(), {kTraceMemory + 0x80'0000, kTraceMemory + 0x80'0008});
  EXPECT_EQ(last_writers(nobody).size(), 1u);
  EXPECT_EQ(last_writers(nobody)[0].access, nullptr);
}

TEST(History, IndexedOperandsArePerhapsTouched) {
  const ScratchFile file("history_index.trace");
  WrittenTrace trace(file.path());
  trace.packet(every_second_word(kC, 4), Engine::kDma, 0, 0);
  abi::ScatterAddPacket scatter;
  scatter.extent0 = scatter.extent1 = scatter.extent2 = 1;
  scatter.limit = 8;
  scatter.elem_type = abi::Dtype::kF32;
  scatter.index_type = abi::Dtype::kI32;
  scatter.src_addr = kTraceMemory;
  scatter.index_addr = kTraceMemory + 64;
  scatter.dst_addr = kC;
  scatter.dst_index_stride = 4;
  trace.packet(scatter, Engine::kDma, 0, 0);
  trace.finish();
  const History history = history_of(file.path(), {kC + 8, kC + 12});
  const auto writers = last_writers(history);
  ASSERT_EQ(writers.size(), 1u);
  EXPECT_EQ(writers[0].access->seq, 1u);
  ASSERT_EQ(writers[0].maybe.size(), 1u);
  EXPECT_THAT(describe(*writers[0].maybe[0]), HasSubstr("may read and write dst["));
}

TEST(History, RefusesRangesThatNothingHolds) {
  const ScratchFile file("history_bad.trace");
  write_trace(file.path());
  expect_error(ErrorCode::kInvalidArgument, {"0x10 lies in no region", "activations"}, [&] {
    history_of(file.path(), {16, 17});
  });
  expect_error(ErrorCode::kInvalidArgument, {"expected 1 to 65536"}, [&] {
    history_of(file.path(), {kC, kC});
  });
}

}  // namespace
}  // namespace tandem::debug

// SPDX-License-Identifier: Apache-2.0
// Timed packets, their sums, and the timeline.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/errors.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/debug/perf.hpp"
#include "tandem/debug/timeline.hpp"
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

/// Two layers; the second packet overlaps the first, the third follows after a gap.
void write_overlapping(const std::string& path) {
  WrittenTrace trace(path);
  trace.writer().op("layer.0/linear");
  trace.packet(product(4, 8, 16), Engine::kMatrix, 100, 50);
  trace.writer().op("layer.0/clear");
  trace.packet(every_second_word(kTraceMemory + 0x3'0000, 10), Engine::kDma, 120, 60);
  trace.writer().op("layer.1/linear");
  trace.packet(product(4, 8, 16), Engine::kMatrix, 200, 100);
  trace.submit(every_second_word(kTraceMemory, 1));
  trace.finish();
}

const PerfRow& named(const std::vector<PerfRow>& rows, std::string_view name) {
  for (const PerfRow& row : rows) {
    if (row.name == name) return row;
  }
  throw std::runtime_error("no row " + std::string(name));
}

TEST(TimedRun, CountsWorkOfPackets) {
  const PacketWork work = work_of(abi::to_packet(product(4, 8, 16)));
  EXPECT_EQ(work.macs, 4u * 8 * 16);
  EXPECT_EQ(work.bytes_read, (4u * 16 + 16 * 8) * 4);
  EXPECT_EQ(work.bytes_written, 4u * 8 * 4);
  EXPECT_EQ(shape_of(abi::to_packet(product(4, 8, 16))), "4 x 8 x 16");
  EXPECT_EQ(work_of(abi::to_packet(every_second_word(kTraceMemory, 10))).bytes_written, 40u);
}

TEST(TimedRun, SplitsOpsIntoLayers) {
  EXPECT_EQ(run_layer_of("layer.17/sdpa/block"), "layer.17");
  EXPECT_EQ(op_in_layer("layer.17/sdpa/block"), "sdpa/block");
  EXPECT_EQ(run_layer_of("rmsnorm"), "rmsnorm");
  const ScratchFile file("time_layers.trace");
  write_overlapping(file.path());
  const TimedRun run = load_timed_run(file.path());
  EXPECT_EQ(run.layer_spans.size(), 2u);
  EXPECT_EQ(run.op_spans.size(), 3u);
  EXPECT_EQ(run.unfinished, 1u);
  EXPECT_EQ(run.begin(), 100u);
  EXPECT_EQ(run.end(), 300u);
  EXPECT_EQ(load_timed_run(file.path(), {2, 2}).packets.size(), 1u);
}

TEST(TimedRun, CountsOnThroughResets) {
  const ScratchFile file("time_reset.trace");
  WrittenTrace trace(file.path());
  trace.packet(product(1, 1, 1), Engine::kMatrix, 10, 20);
  trace.writer().reset();
  trace.packet(product(1, 1, 1), Engine::kMatrix, 5, 7);
  trace.finish();
  const TimedRun run = load_timed_run(file.path());
  EXPECT_EQ(run.packets[1].start, 35u);
  EXPECT_EQ(run.end(), 42u);
}

TEST(TimedRun, RefusesTracesWithoutTime) {
  const ScratchFile file("time_untimed.trace");
  tests::record_small_trace(file.path());
  expect_error(ErrorCode::kInvalidArgument, {"cmodel:tiny", "counts no cycles", "rtl:tiny"},
               [&] { load_timed_run(file.path()); });
  const ScratchFile empty("time_empty.trace");
  WrittenTrace(empty.path()).finish();
  expect_error(ErrorCode::kInvalidArgument, {"no packet", "completed"},
               [&] { load_timed_run(empty.path()); });
}

TEST(TimedRun, CountsOperationsOfMicroPrograms) {
  const ScratchFile file("time_ucode.trace");
  const auto words = abi::assemble_ucode(
      "phase\n  ld v0, in0\n  fma v1, v0, v0, 1.0\n  fma v2, v1, v0, 1.0\n  st out0, v2\n");
  WrittenTrace trace(file.path());
  trace.writer().write(PhysAddr(kTraceMemory), std::as_bytes(std::span(words)));
  abi::LoadUcodePacket load;
  load.words = static_cast<std::uint32_t>(words.size());
  load.dst_word = 3;
  load.src_addr = kTraceMemory;
  trace.packet(load, Engine::kVector, 10, 20);
  abi::VectorPacket vector;
  vector.cols = 5, vector.rows1 = 3, vector.rows0 = 1;
  vector.ucode_start = 3;
  vector.ucode_words = static_cast<std::uint16_t>(words.size());
  vector.in0_type = vector.out0_type = abi::Dtype::kF32;
  vector.in0_addr = kTraceMemory + 0x1000, vector.out0_addr = kTraceMemory + 0x2000;
  vector.in0_col_stride = vector.out0_col_stride = 4;
  vector.in0_row1_stride = vector.out0_row1_stride = 20;
  trace.packet(vector, Engine::kVector, 40, 10);
  trace.finish();
  const TimedRun run = load_timed_run(file.path());
  EXPECT_EQ(run.packets[1].work.lane_ops, 2u * 15);
  EXPECT_EQ(run.packets[1].shape, "3 x 5");
  const Perf perf = measure(run);
  EXPECT_DOUBLE_EQ(perf.rates(perf.total).lane_use, 30.0 / (30 * perf.config.vector_lanes));
}

TEST(Perf, TimesAddUpWhereEnginesOverlap) {
  const ScratchFile file("perf.trace");
  write_overlapping(file.path());
  const Perf perf = measure(load_timed_run(file.path()));
  EXPECT_EQ(perf.time, 200u);
  EXPECT_EQ(perf.total.cycles, 210u);
  EXPECT_EQ(perf.overlap(), 30u);
  EXPECT_EQ(perf.idle, 20u);
  std::uint64_t sum = perf.idle;
  for (const PerfRow& row : perf.ops) sum += row.time;
  EXPECT_EQ(sum, perf.time);
  // The fill began while the first product ran: only its last 30 cycles are its own.
  EXPECT_EQ(named(perf.ops, "layer.*/clear").time, 30u);
  const PerfRow& linear = named(perf.ops, "layer.*/linear");
  EXPECT_EQ(linear.time, 150u);
  EXPECT_EQ(linear.packets, 2u);
  EXPECT_DOUBLE_EQ(perf.rates(linear).array_use, 2.0 * 512 / (150 * 16));
  EXPECT_DOUBLE_EQ(perf.rates(linear).port_use, 2.0 * 768 / (150 * 16));
  EXPECT_EQ(perf.engines[0].cycles, 150u);
  EXPECT_EQ(perf.engines[2].cycles, 60u);
  EXPECT_EQ(perf.layers.size(), 2u);
  EXPECT_THAT(perf_text(perf, 1), HasSubstr("engines overlap for 30 cycles"));
}

TEST(Perf, PageHasARooflineAndNeedsNothingElse) {
  const ScratchFile file("perf_html.trace");
  write_overlapping(file.path());
  Perf perf = measure(load_timed_run(file.path()));
  perf.ops[0].name = "<b>&";
  const std::string page = perf_html(perf, 1);
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, HasSubstr("array: 16 a cycle"));
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;&amp;"));
  EXPECT_THAT(page, testing::Not(HasSubstr("http")));
  EXPECT_THAT(page, testing::Not(HasSubstr("nan")));
}

TEST(Timeline, SlicesOfATrackDoNotOverlap) {
  const ScratchFile file("timeline.trace");
  write_overlapping(file.path());
  std::ostringstream text;
  write_timeline(load_timed_run(file.path()), text);
  const nlohmann::json timeline = nlohmann::json::parse(text.str());
  std::map<int, std::uint64_t> end_of_track;
  std::map<std::string, int> slices;
  std::vector<std::uint64_t> numbers;
  for (const auto& event : timeline["traceEvents"]) {
    if (event["ph"] != "X") continue;
    std::uint64_t& end = end_of_track[event["tid"].get<int>()];
    EXPECT_GE(event["ts"].get<std::uint64_t>(), end);
    end = event["ts"].get<std::uint64_t>() + event["dur"].get<std::uint64_t>();
    ++slices[event["cat"].get<std::string>()];
    if (event["cat"] == "packets") numbers.push_back(event["args"]["packet"]);
  }
  EXPECT_EQ(slices["layers"], 2);
  EXPECT_EQ(slices["ops"], 3);
  EXPECT_EQ(slices["matrix engine"], 2);
  EXPECT_EQ(slices["DMA engine"], 1);
  EXPECT_THAT(numbers, testing::UnorderedElementsAre(1, 2, 3));
}

/// Holds events against the trace event format: members and types of each phase, tracks and
/// processes that are named once and before they are used, times that a reader keeps in doubles.
class EventRules {
 public:
  void check(const nlohmann::json& event) {
    SCOPED_TRACE(event.dump());
    const auto phase = event.at("ph").get<std::string>();
    if (phase == "M") {
      metadata(event);
    } else if (phase == "X") {
      slice(event);
    } else {
      ASSERT_EQ(phase, "C");
      counter(event);
    }
  }
  std::map<std::string, int> seen;

 private:
  using Track = std::pair<std::uint64_t, std::uint64_t>;

  static void members(const nlohmann::json& event, const std::set<std::string>& expected) {
    std::set<std::string> found;
    for (const auto& [key, value] : event.items()) found.insert(key);
    EXPECT_EQ(found, expected);
    EXPECT_TRUE(event.at("name").is_string() && !event["name"].get<std::string>().empty());
    EXPECT_TRUE(event.at("pid").is_number_unsigned());
    EXPECT_TRUE(event.at("args").is_object());
    for (const char* time : {"ts", "dur"}) {
      if (!event.contains(time)) continue;
      EXPECT_TRUE(event[time].is_number_unsigned());
      EXPECT_LT(event[time].get<std::uint64_t>(), std::uint64_t{1} << 53);
    }
  }
  void metadata(const nlohmann::json& event) {
    members(event, {"ph", "name", "pid", "tid", "args"});
    const auto name = event["name"].get<std::string>();
    ++seen[name];
    const bool sorts = name == "process_sort_index" || name == "thread_sort_index";
    EXPECT_TRUE(sorts || name == "process_name" || name == "thread_name");
    ASSERT_EQ(event["args"].size(), 1u);
    EXPECT_TRUE(sorts ? event["args"].at("sort_index").is_number_integer()
                      : event["args"].at("name").is_string());
    const bool fresh = name == "process_name"
                           ? processes_.insert(event["pid"].get<std::uint64_t>()).second
                       : name == "thread_name" ? ends_.emplace(track(event), 0).second
                                               : true;
    EXPECT_TRUE(fresh);
  }
  void slice(const nlohmann::json& event) {
    members(event, {"ph", "name", "cat", "pid", "tid", "ts", "dur", "args"});
    ++seen["X"];
    EXPECT_TRUE(event["cat"].is_string());
    EXPECT_TRUE(processes_.contains(event["pid"].get<std::uint64_t>()));
    ASSERT_TRUE(ends_.contains(track(event)));
    EXPECT_GE(event["ts"].get<std::uint64_t>(), ends_[track(event)]);
    ends_[track(event)] = event["ts"].get<std::uint64_t>() + event["dur"].get<std::uint64_t>();
  }
  void counter(const nlohmann::json& event) {
    members(event, {"ph", "name", "pid", "ts", "args"});
    ++seen["C"];
    EXPECT_TRUE(processes_.contains(event["pid"].get<std::uint64_t>()));
    for (const auto& [key, value] : event["args"].items()) EXPECT_TRUE(value.is_number()) << key;
    const auto time = event["ts"].get<std::uint64_t>();
    const auto [last, first] = counters_.emplace(event["name"].get<std::string>(), time);
    EXPECT_TRUE(first || last->second < time);
    last->second = time;
  }
  static Track track(const nlohmann::json& event) {
    return {event["pid"].get<std::uint64_t>(), event["tid"].get<std::uint64_t>()};
  }

  std::set<std::uint64_t> processes_;
  std::map<Track, std::uint64_t> ends_;
  std::map<std::string, std::uint64_t> counters_;
};

TEST(Timeline, KeepsTheRulesOfTraceEvents) {
  const ScratchFile file("rules.trace");
  write_overlapping(file.path());
  std::ostringstream text;
  write_timeline(load_timed_run(file.path()), text);
  const nlohmann::json timeline = nlohmann::json::parse(text.str());
  EXPECT_EQ(timeline.size(), 3u);
  EXPECT_EQ(timeline.at("displayTimeUnit"), "ms");
  for (const auto& [key, value] : timeline.at("otherData").items()) {
    EXPECT_TRUE(value.is_string()) << key;
  }
  EventRules rules;
  for (const auto& event : timeline.at("traceEvents")) rules.check(event);
  EXPECT_EQ(rules.seen["process_name"], 2);
  EXPECT_GE(rules.seen["thread_name"], 5);
  EXPECT_GE(rules.seen["X"], 11);
  EXPECT_GE(rules.seen["C"], 4);
}

}  // namespace
}  // namespace tandem::debug

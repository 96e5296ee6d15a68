// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kModel = 1;
constexpr int kDevice = 2;
constexpr int kFirstTrack = 10;  // No track has the number of a process: that is its main thread.
constexpr std::array<const char*, 4> kEngines = {"matrix", "vector", "DMA", "control"};

struct Slice {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::string name;
  Json args;
};

std::string opcode_name(abi::Opcode opcode) {
  const auto value = static_cast<std::uint8_t>(opcode);
  const abi::OpcodeInfo* info = abi::find_opcode(value);
  return info != nullptr ? std::string(info->name) : fmt::format("opcode {:#04x}", value);
}

std::size_t engine_index(abi::Engine engine) {
  return std::min(static_cast<std::size_t>(engine), kEngines.size() - 1);
}

class Writer {
 public:
  Writer(const TimedRun& run, std::ostream& out) : run_(run), out_(out) {}

  void write() {
    out_ << "{\"displayTimeUnit\":\"ms\",\"otherData\":" << text(other_data())
         << ",\"traceEvents\":[\n";
    process(kModel, "model", 1);
    process(kDevice, "device " + run_.backend, 2);
    tracks(kModel, "layers", spans(run_.layer_spans, run_.layers));
    tracks(kModel, "ops", spans(run_.op_spans, run_.ops));
    tracks(kDevice, "packets", packets(nullptr));
    for (std::size_t engine = 0; engine < kEngines.size(); ++engine) {
      tracks(kDevice, std::string(kEngines[engine]) + " engine", packets(&engine));
    }
    counters();
    out_ << "\n]}\n";
  }

 private:
  static std::string text(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  Json other_data() const {
    return {{"trace", run_.path},
            {"backend", run_.backend},
            {"time", "1 us is 1 device cycle"},
            {"packets", std::to_string(run_.packets.size())}};
  }

  void event(const Json& json) {
    out_ << (first_ ? "" : ",\n") << text(json);
    first_ = false;
  }

  void process(int pid, const std::string& name, int order) {
    event({{"ph", "M"},
           {"name", "process_name"},
           {"pid", pid},
           {"tid", pid},
           {"args", {{"name", name}}}});
    event({{"ph", "M"},
           {"name", "process_sort_index"},
           {"pid", pid},
           {"tid", pid},
           {"args", {{"sort_index", order}}}});
  }

  int track(int pid, const std::string& name) {
    const int tid = ++last_tid_;
    event({{"ph", "M"},
           {"name", "thread_name"},
           {"pid", pid},
           {"tid", tid},
           {"args", {{"name", name}}}});
    event({{"ph", "M"},
           {"name", "thread_sort_index"},
           {"pid", pid},
           {"tid", tid},
           {"args", {{"sort_index", tid}}}});
    return tid;
  }

  /// Slices that overlap go to further tracks: on one they would have to nest.
  void tracks(int pid, const std::string& name, std::vector<Slice> slices) {
    std::stable_sort(slices.begin(), slices.end(),
                     [](const Slice& a, const Slice& b) { return a.begin < b.begin; });
    struct Lane {
      int tid;
      std::uint64_t end;
    };
    std::vector<Lane> lanes;
    for (Slice& slice : slices) {
      auto lane = std::find_if(lanes.begin(), lanes.end(),
                               [&](const Lane& l) { return l.end <= slice.begin; });
      if (lane == lanes.end()) {
        const std::string lane_name =
            lanes.empty() ? name : fmt::format("{} ({})", name, lanes.size() + 1);
        lane = lanes.insert(lanes.end(), {track(pid, lane_name), 0});
      }
      lane->end = slice.end;
      event({{"ph", "X"},
             {"name", slice.name},
             {"cat", name},
             {"pid", pid},
             {"tid", lane->tid},
             {"ts", slice.begin},
             {"dur", slice.end - slice.begin},
             {"args", std::move(slice.args)}});
    }
  }

  std::vector<Slice> spans(const std::vector<Span>& spans,
                           const std::vector<std::string>& names) const {
    std::vector<Slice> slices;
    for (const Span& span : spans) {
      if (names[span.name].empty()) continue;
      Slice slice{run_.packets[span.first].start, 0, names[span.name], Json::object()};
      for (std::size_t i = span.first; i <= span.last; ++i) {
        slice.begin = std::min(slice.begin, run_.packets[i].start);
        slice.end = std::max(slice.end, run_.packets[i].end());
      }
      slice.args["first_packet"] = run_.packets[span.first].seq;
      slice.args["last_packet"] = run_.packets[span.last].seq;
      slices.push_back(std::move(slice));
    }
    return slices;
  }

  std::vector<Slice> packets(const std::size_t* engine) const {
    std::vector<Slice> slices;
    for (const TimedPacket& packet : run_.packets) {
      if (engine != nullptr && engine_index(packet.engine) != *engine) continue;
      Json args = {{"packet", packet.seq}, {"op", run_.ops[packet.op]}, {"shape", packet.shape}};
      if (packet.work.macs != 0) args["macs"] = packet.work.macs;
      if (packet.work.lane_ops != 0) args["lane_ops"] = packet.work.lane_ops;
      args["bytes_read"] = packet.work.bytes_read;
      args["bytes_written"] = packet.work.bytes_written;
      if (packet.error != abi::Fault::kNone) args["error"] = abi::to_string(packet.error);
      const std::string name = opcode_name(packet.opcode);
      // The packet track is for numbers, those of the engines for shapes.
      slices.push_back({packet.start, packet.end(),
                        engine == nullptr ? fmt::format("#{} {}", packet.seq, name)
                                          : fmt::format("{} {}", name, packet.shape),
                        std::move(args)});
    }
    return slices;
  }

  /// What all packets that execute use together, at each change.
  void counters() {
    struct Change {
      double array = 0;
      double bytes = 0;
    };
    std::map<std::uint64_t, Change> changes;
    const double slots = double(run_.config.array_rows) * run_.config.array_cols;
    for (const TimedPacket& packet : run_.packets) {
      if (packet.cycles == 0) continue;
      const double cycles = double(packet.cycles);
      const Change use{100.0 * double(packet.work.macs) / (cycles * slots),
                       double(packet.work.bytes_read + packet.work.bytes_written) / cycles};
      Change& begin = changes[packet.start];
      begin.array += use.array;
      begin.bytes += use.bytes;
      Change& end = changes[packet.end()];
      end.array -= use.array;
      end.bytes -= use.bytes;
    }
    Change now;
    // Sums of differences leave rounding errors behind.
    const auto rounded = [](double value) { return std::max(0.0, std::round(value * 100) / 100); };
    for (const auto& [cycle, change] : changes) {
      now.array += change.array;
      now.bytes += change.bytes;
      counter("array use", "percent", cycle, rounded(now.array));
      counter("operand traffic", "bytes per cycle", cycle, rounded(now.bytes));
    }
  }

  void counter(const char* name, const char* unit, std::uint64_t cycle, double value) {
    event(
        {{"ph", "C"}, {"name", name}, {"pid", kDevice}, {"ts", cycle}, {"args", {{unit, value}}}});
  }

  const TimedRun& run_;
  std::ostream& out_;
  bool first_ = true;
  int last_tid_ = kFirstTrack;
};

}  // namespace

void write_timeline(const TimedRun& run, std::ostream& out) { Writer(run, out).write(); }

void write_timeline(const TimedRun& run, const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (file) write_timeline(run, file);
  file.close();
  if (!file) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: the timeline cannot be written there; check the directory and the "
                            "space on the disk",
                            path));
  }
}

}  // namespace tandem::debug

// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/timed_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "programs.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::debug {
namespace {

using runtime::TraceRecord;

/// Numbers texts in the order in which they come.
class Names {
 public:
  explicit Names(std::vector<std::string>& list) : list_(list) {}

  std::uint32_t number(std::string_view name) {
    const auto [entry, added] =
        numbers_.try_emplace(std::string(name), static_cast<std::uint32_t>(list_.size()));
    if (added) list_.emplace_back(name);
    return entry->second;
  }

 private:
  std::vector<std::string>& list_;
  std::map<std::string, std::uint32_t, std::less<>> numbers_;
};

class Loader {
 public:
  Loader(TimedRun& run, SeqRange range, Programs& programs)
      : run_(run), range_(range), programs_(programs) {
    ops_.number("");
  }

  void take(const TraceRecord& record) {
    switch (record.kind) {
      case TraceRecord::Kind::kOp:
        op_ = ops_.number(record.text);
        ++call_;
        break;
      case TraceRecord::Kind::kPacket:
        programs_.packet(record.packet);
        pending_.emplace(record.packet.seq,
                         Pending{record.packet, op_, call_, programs_.lane_ops(record.packet)});
        break;
      case TraceRecord::Kind::kWrite:
        programs_.host_write(record);
        break;
      case TraceRecord::Kind::kCompletion:
        complete(record.completion);
        break;
      case TraceRecord::Kind::kReset:
        run_.unfinished += pending_.size();
        pending_.clear();
        base_ = end_;
        break;
      default:
        break;
    }
  }

  void finish() { run_.unfinished += pending_.size(); }

 private:
  struct Pending {
    abi::Packet packet;
    std::uint32_t op;
    std::uint64_t call;
    std::uint64_t lane_ops;
  };

  void complete(const abi::Completion& completion) {
    const auto found = pending_.find(completion.seq);
    if (found == pending_.end()) return;
    const Pending pending = found->second;
    pending_.erase(found);
    if (!range_.holds(completion.seq)) return;
    if (completion.start_cycle == 0 && completion.cycles == 0) {
      ++run_.untimed;
      return;
    }
    TimedPacket packet{.seq = completion.seq,
                       .start = base_ + completion.start_cycle,
                       .cycles = completion.cycles,
                       .op = pending.op,
                       .opcode = pending.packet.opcode,
                       .engine = completion.engine,
                       .error = completion.error,
                       .work = {},
                       .shape = shape_of(pending.packet)};
    if (packet.error == abi::Fault::kNone) {
      packet.work = work_of(pending.packet);
      packet.work.lane_ops = pending.lane_ops;
    }
    end_ = std::max(end_, packet.end());
    extend(run_.op_spans, pending.op, pending.call != last_call_);
    const std::uint32_t layer = layers_.number(run_layer_of(run_.ops[pending.op]));
    const bool first = run_.layer_spans.empty() || run_.layer_spans.back().name != layer;
    extend(run_.layer_spans, layer, first);
    last_call_ = pending.call;
    run_.packets.push_back(std::move(packet));
  }

  void extend(std::vector<Span>& spans, std::uint32_t name, bool begins) {
    const std::size_t at = run_.packets.size();
    if (begins) {
      spans.push_back({name, at, at});
    } else {
      spans.back().last = at;
    }
  }

  TimedRun& run_;
  const SeqRange range_;
  Programs& programs_;
  Names ops_{run_.ops};
  Names layers_{run_.layers};
  std::map<std::uint64_t, Pending> pending_;
  std::uint32_t op_ = 0;
  std::uint64_t call_ = 1;
  std::uint64_t last_call_ = 0;
  std::uint64_t base_ = 0;  // Cycles before the last reset; the device's counter begins anew.
  std::uint64_t end_ = 0;
};

}  // namespace

std::uint64_t TimedRun::begin() const {
  std::uint64_t first = packets.empty() ? 0 : packets.front().start;
  for (const TimedPacket& packet : packets) first = std::min(first, packet.start);
  return first;
}

std::uint64_t TimedRun::end() const {
  std::uint64_t last = 0;
  for (const TimedPacket& packet : packets) last = std::max(last, packet.end());
  return last;
}

std::string_view run_layer_of(std::string_view op) { return op.substr(0, op.find('/')); }

std::string_view op_in_layer(std::string_view op) {
  const std::size_t slash = op.find('/');
  return slash == std::string_view::npos ? op : op.substr(slash + 1);
}

TimedRun load_timed_run(const std::string& path, SeqRange range) {
  runtime::TraceReader programs_reader(path);
  Programs programs(programs_reader, programs_reader.info().config.ucode_words);
  runtime::TraceReader reader(path);
  TimedRun run;
  run.path = path;
  run.backend = reader.info().backend;
  run.config = reader.info().config;
  Loader loader(run, range, programs);
  TraceRecord record;
  while (reader.next(record)) loader.take(record);
  loader.finish();
  if (!run.packets.empty()) return run;
  if (run.untimed != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: recorded on {}, which counts no cycles: start_cycle and cycles of "
                            "all {} completions are 0; record on a device with time: --backend "
                            "rtl:{}",
                            path, run.backend, run.untimed, run.config.name));
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: no packet of the trace {}completed, so there is nothing to time",
                          path, range.first != 0 ? "in the range of sequence numbers " : ""));
}

}  // namespace tandem::debug

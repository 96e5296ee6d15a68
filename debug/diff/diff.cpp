// SPDX-License-Identifier: Apache-2.0
// The passes of a comparison.
#include "tandem/debug/diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "diff_groups.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

using Figures = PassFigures DiffGroup::*;

std::string opcode_name(const abi::Packet& packet) {
  const abi::OpcodeInfo* info = abi::find_opcode(static_cast<std::uint8_t>(packet.opcode));
  return info != nullptr ? std::string(info->name)
                         : fmt::format("opcode {:#04x}", static_cast<unsigned>(packet.opcode));
}

std::uint64_t written_bytes(const abi::Packet& packet) {
  std::uint64_t total = 0;
  for (const abi::Operand& operand : abi::written_operands(packet)) {
    if (!operand.indexed) total += operand.total_bytes();
  }
  return total;
}

bool has_error(const Outcome& outcome) {
  return !outcome.completion || outcome.completion->error != abi::Fault::kNone;
}

DifferingPacket describe_packet(const TracePacket& packet, const Outcome& a, const Outcome& b) {
  DifferingPacket result;
  result.number = packet.number;
  result.op = packet.op;
  result.opcode = opcode_name(packet.packet);
  result.text = abi::disassemble(packet.packet);
  result.a = describe(packet.packet, a);
  result.b = describe(packet.packet, b);
  result.failed = has_error(a) || has_error(b);
  result.outside = true;
  return result;
}

/// Collects what a comparison finds.
class Collector {
 public:
  explicit Collector(DiffReport& report) : report_(report) { report_.all.name = "all"; }

  /// Counts a packet of the trace, once, whatever becomes of it.
  void count(const TracePacket& packet) {
    for_each_group(packet.op, [&](DiffGroup& group) {
      ++group.packets;
      group.never_completed += packet.recorded ? 0 : 1;
    });
    report_.abandoned += packet.abandoned ? 1 : 0;
  }

  void add(const TracePacket& packet, Figures pass, const DifferingPacket* difference) {
    for_each_group(packet.op, [&](DiffGroup& group) { add_packet(group.*pass, difference); });
    if (difference == nullptr) return;
    auto& list = pass == &DiffGroup::accumulated ? report_.accumulated : report_.isolated;
    if (list.size() < kMaxListedPackets) list.push_back(*difference);
    report_.compared_bytes += difference->difference.bytes;
  }

  void finish() {
    report_.layers = layers_.take(report_.ran_isolated);
    report_.ops = ops_.take(report_.ran_isolated);
    report_.all.kind = classify(report_.all, report_.ran_isolated);
    if (!report_.in_flight) return;
    report_.all.kind = DiffClass::kWrongInFlight;
    for (auto* groups : {&report_.layers, &report_.ops}) {
      for (DiffGroup& group : *groups) {
        const std::string& op = report_.in_flight->op;
        if (group.name == op || group.name == layer_of(op)) group.kind = DiffClass::kWrongInFlight;
      }
    }
  }

 private:
  template <class Call>
  void for_each_group(const std::string& op, Call&& call) {
    call(report_.all);
    call(layers_.at(layer_of(op)));
    call(ops_.at(op.empty() ? "(none)" : std::string_view(op)));
  }

  DiffReport& report_;
  DiffGroups layers_;
  DiffGroups ops_;
};

void name_devices(DiffReport& report, const std::string& a, const std::string& b) {
  report.a = a == b ? a + " (a)" : a;
  report.b = a == b ? b + " (b)" : b;
}

/// Plays a trace on both devices once.
class Pass {
 public:
  Pass(const DiffOptions& options, DiffReport& report, Collector& collector, bool isolated)
      : options_(options),
        report_(report),
        collector_(collector),
        isolated_(isolated),
        figures_(isolated ? &DiffGroup::isolated : &DiffGroup::accumulated) {}

  void run() {
    runtime::TraceReader trace(options_.trace);
    const driver::DeviceConfig config = trace.info().config;
    runtime::Device a = options_.a(config);
    runtime::Device b = options_.b(config);
    name_devices(report_, a.backend_name(), b.backend_name());
    Player player(std::move(trace), a, b, {.isolated = isolated_, .deadline = options_.deadline});
    while (const TracePacket* packet = player.next()) {
      if (!isolated_) collector_.count(*packet);
      if (!compare(player, *packet)) break;
      tell(packet->index + 1);
    }
  }

 private:
  bool compare(Player& player, const TracePacket& packet) {
    const Step& step = player.run();
    if (step.left_out) return true;
    if (!step.a.completion) {
      report_.stopped = fmt::format("packet {} of {}: {} did not complete it: {}", packet.number,
                                    packet.op, report_.a, step.a.failure);
      return false;
    }
    const bool as_recorded = !packet.recorded || same_result(*packet.recorded, *step.a.completion);
    if (!as_recorded && !report_.a_not_as_recorded) report_.a_not_as_recorded = packet.number;
    if (!isolated_) report_.checksum_bytes += written_bytes(packet.packet);
    if (same_result(step.a, step.b)) {
      collector_.add(packet, figures_, nullptr);
      return true;
    }
    const DifferingPacket difference = examine(player, packet, step);
    collector_.add(packet, figures_, &difference);
    return true;
  }

  DifferingPacket examine(Player& player, const TracePacket& packet, const Step& step) {
    DifferingPacket result = describe_packet(packet, step.a, step.b);
    if (result.failed) return result;
    result.difference = compare_written(packet.packet, player.a(), *player.b());
    if (const auto& first = result.difference.first) {
      const auto tensors = player.tensors_in(first->addr, 1);
      if (!tensors.empty()) result.tensor = tensors.back().name;
    }
    result.outside = !is_within(player, packet, result);
    return result;
  }

  bool is_within(Player& player, const TracePacket& packet, DifferingPacket& result) const {
    if (!options_.bounds) return false;
    // A checksum that is wrong over equal bytes is no rounding.
    if (result.difference.differing == 0) return false;
    if (!options_.bounds->are_standard()) {
      return options_.bounds->allow(packet.packet, packet.op, result.difference);
    }
    // Without the same inputs the bounds of the op say nothing; the isolated pass decides.
    if (!isolated_) return true;
    result.bound = check_bounds(packet.packet, memory_of(player.a()), memory_of(*player.b()));
    return result.bound->within();
  }

  void tell(std::uint64_t packets) const {
    if (!options_.on_progress) return;
    options_.on_progress(isolated_ ? "isolated" : "accumulated", packets,
                         (report_.all.*figures_).differing);
  }

  const DiffOptions& options_;
  DiffReport& report_;
  Collector& collector_;
  bool isolated_;
  Figures figures_;
};

/// All packets at the speed of the devices, against the recorded completions.
class InFlightPass {
 public:
  InFlightPass(const DiffOptions& options, DiffReport& report)
      : options_(options), report_(report) {}

  /// The first packet whose completion is not the recorded one; empty if there is none.
  std::optional<std::uint64_t> run() {
    runtime::TraceReader trace(options_.trace);
    const driver::DeviceConfig config = trace.info().config;
    const std::string recorded_on = trace.info().backend;
    runtime::Device b = options_.b(config);
    if (options_.recorded_on_a) {
      name_devices(report_, recorded_on, b.backend_name());
      Player player(std::move(trace), b, {.deadline = options_.deadline});
      return play(player);
    }
    runtime::Device a = options_.a(config);
    name_devices(report_, a.backend_name(), b.backend_name());
    Player player(std::move(trace), a, b, {.deadline = options_.deadline});
    return play(player);
  }

  const std::string& failure() const { return failure_; }

 private:
  std::optional<std::uint64_t> play(Player& player) {
    constexpr std::uint64_t kStep = 1024;
    std::uint64_t packets = 0;
    std::uint64_t target = kStep;
    for (;;) {
      const PlayedRange range = player.play_to(target, true);
      packets += range.packets;
      failure_ = range.failure;
      if (range.first_difference) return range.first_difference;
      const TracePacket* ahead = player.current();
      if (ahead == nullptr) return std::nullopt;
      target = std::max(target, ahead->number) + kStep;
      if (options_.on_progress) options_.on_progress("in flight", packets, 0);
    }
  }

  const DiffOptions& options_;
  DiffReport& report_;
  std::string failure_;
};

/// Counts all packets as equal.
void count_equal(const std::string& path, DiffReport& report, Collector& collector) {
  TracePackets packets{runtime::TraceReader(path)};
  TracePacket packet;
  while (packets.next(packet)) {
    collector.count(packet);
    if (!packet.recorded) continue;
    report.checksum_bytes += written_bytes(packet.packet);
    collector.add(packet, &DiffGroup::accumulated, nullptr);
  }
}

/// What the trace says of a packet that differed in flight only.
DifferingPacket find_packet(const std::string& path, std::uint64_t number,
                            const std::string& failure) {
  TracePackets packets{runtime::TraceReader(path)};
  TracePacket packet;
  while (packets.next(packet) && packet.number != number) {
  }
  return describe_packet(packet, {packet.recorded, {}},
                         {std::nullopt, failure.empty() ? "another result" : failure});
}

/// Whether the packets are the same but for their numbers.
bool same_packet(abi::Packet a, abi::Packet b) {
  a.seq = b.seq = 0;
  // The driver asks for interrupts as it sees fit.
  a.flags = b.flags = 0;
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

DiffReport diff_devices(const DiffOptions& options) {
  DiffReport report;
  report.trace = options.trace;
  report.bounded = options.bounds.has_value();
  Collector collector(report);
  std::optional<std::uint64_t> in_flight;
  std::string failure;
  if (!options.bounds) {
    InFlightPass pass(options, report);
    in_flight = pass.run();
    failure = pass.failure();
    if (!in_flight) {
      count_equal(options.trace, report, collector);
      collector.finish();
      return report;
    }
  }
  Pass(options, report, collector, false).run();
  const bool differs = report.all.accumulated.differing != 0;
  if (options.isolated && differs) {
    report.ran_isolated = true;
    Pass(options, report, collector, true).run();
  }
  if (!differs && in_flight && !report.a_not_as_recorded && report.stopped.empty()) {
    report.in_flight = find_packet(options.trace, *in_flight, failure);
  }
  collector.finish();
  return report;
}

DiffReport diff_traces(const std::string& a, const std::string& b) {
  DiffReport report;
  report.a = a;
  report.b = b;
  report.saved_runs = true;
  Collector collector(report);
  TracePackets packets_a{runtime::TraceReader(a)};
  TracePackets packets_b{runtime::TraceReader(b)};
  TracePacket packet_a;
  TracePacket packet_b;
  for (;;) {
    const bool has_a = packets_a.next(packet_a);
    const bool has_b = packets_b.next(packet_b);
    if (!has_a && !has_b) break;
    if (has_a != has_b) {
      report.stopped = fmt::format("{} ends in front of packet {}", has_a ? b : a,
                                   has_a ? packet_a.number : packet_b.number);
      break;
    }
    if (!same_packet(packet_a.packet, packet_b.packet)) {
      report.stopped = fmt::format(
          "packet {} is not the same in both: '{}' and '{}'; the runs are of different programs "
          "from here on",
          packet_a.number, abi::disassemble(packet_a.packet), abi::disassemble(packet_b.packet));
      break;
    }
    collector.count(packet_a);
    const Outcome outcome_a{packet_a.recorded, {}};
    const Outcome outcome_b{packet_b.recorded, {}};
    if (!packet_a.recorded && !packet_b.recorded) continue;
    if (packet_a.recorded) report.checksum_bytes += written_bytes(packet_a.packet);
    if (same_result(outcome_a, outcome_b)) {
      collector.add(packet_a, &DiffGroup::accumulated, nullptr);
      continue;
    }
    const DifferingPacket difference = describe_packet(packet_a, outcome_a, outcome_b);
    collector.add(packet_a, &DiffGroup::accumulated, &difference);
  }
  collector.finish();
  return report;
}

}  // namespace tandem::debug

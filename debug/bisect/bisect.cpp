// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/bisect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "checkpoint.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/backend_uri.hpp"

namespace tandem::debug {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// A case takes so many packets before the failing one at most: longer ones are runs, not cases.
constexpr std::uint64_t kMaxBefore = 255;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Search {
 public:
  explicit Search(const BisectOptions& options)
      : options_(options),
        config_(runtime::TraceReader(options.trace.string()).info().config),
        folder_(options.out,
                fmt::format("{} of {} bytes, {} against {}", options.trace.filename().string(),
                            fs::file_size(options.trace), options.a, options.b)) {}

  BisectReport run() {
    const auto start = Clock::now();
    find_packet();
    if (!report_.found) find_by_registers();
    report_.search_seconds = seconds_since(start);
    if (!report_.found) return std::move(report_);
    if (!report_.reg) {
      part("case");
      const auto before_case = Clock::now();
      make_case();
      report_.case_seconds = seconds_since(before_case);
    }
    part("wave");
    const auto before_wave = Clock::now();
    find_cycle();
    report_.wave_seconds = seconds_since(before_wave);
    return std::move(report_);
  }

 private:
  void part(const char* name) const {
    if (options_.on_part) options_.on_part(name);
  }

  // Puts a device and its player where the last checkpoint stands.
  void restore(runtime::Device& device) const {
    if (folder_.last()) device.restore(folder_.last()->snapshot.string());
  }
  void seek(Player& player) const {
    if (folder_.last()) player.seek(folder_.last()->position);
  }

  void find_packet() {
    runtime::Device a = options_.open_a(config_);
    runtime::Device b = options_.open_b(config_);
    restore(a);
    restore(b);
    Player player(runtime::TraceReader(options_.trace.string()), a, b,
                  {.deadline = options_.deadline});
    seek(player);
    report_.resumed = folder_.last().has_value();
    if (folder_.last()) report_.packets = folder_.last()->packets;
    auto checkpoint_due = Clock::now() + options_.checkpoint_interval;
    while (const TracePacket* next = player.next()) {
      const TracePacket packet = *next;
      const Step& step = player.run();
      if (step.left_out) continue;
      report_.packets = packet.index + 1;
      if (!same_result(step.a, step.b)) return found(packet, step, std::nullopt);
      if (options_.on_progress) options_.on_progress(report_.packets, packet.op);
      if (Clock::now() < checkpoint_due) continue;
      folder_.write(a, player.position(), report_.packets);
      checkpoint_due = Clock::now() + options_.checkpoint_interval;
    }
  }

  // What a driver hides (registers, interrupts), and what goes wrong only with others in flight.
  bool find_by_registers() {
    for (const bool together : {false, true}) {
      runtime::Device a = options_.open_a(config_);
      runtime::Device b = options_.open_b(config_);
      RingPlayer player(runtime::TraceReader(options_.trace.string()), a, b,
                        {.together = together,
                         .deadline = options_.deadline,
                         .on_progress = options_.on_progress});
      const std::optional<RingDifference> difference = player.run();
      if (!difference) continue;
      report_.packets = std::max(report_.packets, player.packets());
      Step step;
      step.a = difference->a;
      step.b = difference->b;
      found(difference->packet, step, difference->reg);
      report_.hung = difference->hung;
      report_.in_flight = together;
      report_.at_reset = difference->at_reset;
      ring_ = replay_of(*difference, together);
      return true;
    }
    return false;
  }

  // Waves that hold what went wrong.
  static RingReplay replay_of(const RingDifference& difference, bool together) {
    constexpr std::uint64_t kLongest = 32;  // Packets in waves.
    const std::uint64_t number = difference.packet.number;
    RingReplay replay{
        .together = together, .at_reset = difference.at_reset, .first = number, .last = number};
    if (difference.reg) {
      replay.reg = difference.reg->name;
      // Software's own accesses come behind the packet.
      replay.last = difference.next != 0 ? difference.next : number + 1;
    }
    // A packet that never completed may not have been fetched, so waves begin before it.
    const bool lost = !difference.b.completion && !difference.reg;
    if (lost || (difference.reg && together)) {
      replay.first = std::max(difference.first, number > kLongest ? number - kLongest : 1);
    }
    if (lost && replay.first == number && number > 1) --replay.first;
    return replay;
  }

  void found(const TracePacket& packet, const Step& step,
             const std::optional<RegisterDifference>& reg) {
    report_.found = true;
    index_ = packet.index;
    report_.packet = packet.number;
    report_.op = packet.op;
    report_.text = abi::disassemble(packet.packet);
    report_.expected = describe(packet.packet, step.a);
    report_.result = describe(packet.packet, step.b);
    report_.hung = !step.b.completion.has_value() && !reg;
    report_.reg = reg;
  }

  // The failing packet with `before` packets before it, or as many as the trace has.
  Case case_from(std::uint64_t before) const {
    runtime::Device a = options_.open_a(config_);
    const bool from_checkpoint = folder_.last() && folder_.last()->packets + before <= index_;
    if (from_checkpoint) restore(a);
    Player player(runtime::TraceReader(options_.trace.string()), a);
    if (from_checkpoint) seek(player);
    // Numbers may have gaps, so this is at most `before` packets back.
    player.play_to(report_.packet > before ? report_.packet - before : 0);
    const TracePacket* first = player.next();
    Case item = record_case(player, first == nullptr ? 1 : index_ - first->index + 1);
    item.origin.model = options_.model;
    item.origin.a = options_.a;
    item.origin.b = options_.b;
    return item;
  }

  // A packet that fails only behind others (a race, state that is left over) brings them along.
  void make_case() {
    const std::uint64_t most = std::min(index_, kMaxBefore);
    for (std::uint64_t before = 0;; before = std::min(before * 4 + 3, most)) {
      std::optional<Case> item;
      try {
        item = case_from(before);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kInvalidArgument) throw;
        return;  // A case cannot hold what comes before.
      }
      // What the host wrote between the packets is not in a case.
      runtime::Device a = options_.open_a(config_);
      if (!run_case(*item, a, options_.deadline).passed()) return;
      runtime::Device b = options_.open_b(config_);
      const CaseResult result = run_case(*item, b, options_.deadline);
      if (result.passed()) {
        if (before == most) return;
        continue;
      }
      report_.case_packets = before + 1;
      report_.element = result.element;
      if (result.element) item->origin.element = to_case_element(*result.element);
      report_.case_file = options_.out / "first.case";
      write_case(*item, report_.case_file.string());
      return;
    }
  }

  // The device with waves in B: B itself, or the second one of a hybrid.
  std::string wave_uri() const {
    const std::string name = driver::BackendUri::parse(options_.b).name;
    if (name == "rtl") return options_.b;
    const std::size_t second = options_.b.rfind(",rtl:");
    return name == "hybrid" && second != std::string::npos ? options_.b.substr(second + 1) : "";
  }

  void find_cycle() {
    const std::string uri = wave_uri();
    if (uri.empty()) {
      report_.no_wave = fmt::format("{} has no waves", options_.b);
      return;
    }
    // Of a hybrid the RTL alone would have to run everything.
    const bool is_b = driver::BackendUri::parse(options_.b).name == "rtl";
    if (!ring_ || !is_b) {
      WaveOptions wave;
      const bool alone = !report_.case_file.empty();
      if (!alone) wave.packet = report_.packet;
      take_waves(alone ? report_.case_file : options_.trace, uri, wave);
      if (!is_b || (report_.wave && report_.wave->symptom != WaveReport::Symptom::kNone)) return;
      // It does not go wrong again there: how packets meet, or the memory's stalls, decide.
      const std::uint64_t before = report_.packet;
      if (!find_by_registers()) return;
      if (report_.packet != before || report_.reg) {
        report_.case_file.clear();
        report_.case_packets = 0;
        report_.element.reset();
        if (!report_.reg) make_case();
      }
    }
    WaveOptions wave;
    wave.packet = report_.packet;
    wave.ring = ring_;
    take_waves(options_.trace, uri, wave);
  }

  // What was found so far must not be lost for want of waves.
  void take_waves(const fs::path& trace, const std::string& uri, const WaveOptions& wave) {
    try {
      report_.wave = find_first_wrong(trace, uri, options_.out / "wave", wave);
      report_.no_wave.clear();
    } catch (const std::exception& error) {
      report_.no_wave = error.what();
    }
  }

  const BisectOptions& options_;
  driver::DeviceConfig config_;
  CheckpointFolder folder_;
  std::uint64_t index_ = 0;         // Of the failing packet in the trace.
  std::optional<RingReplay> ring_;  // How it goes wrong again, if a case does not show it.
  BisectReport report_;
};

}  // namespace

BisectReport bisect(const BisectOptions& options) { return Search(options).run(); }

}  // namespace tandem::debug

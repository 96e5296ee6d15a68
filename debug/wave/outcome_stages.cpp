// SPDX-License-Identifier: Apache-2.0
// Stages of the completion: the check before, the checksum after; and what waits in a hang.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <utility>

#include "stages.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/numerics/checksum.hpp"

namespace tandem::debug::wave {
namespace {

std::string verdict_text(std::uint64_t error, std::uint64_t fault) {
  const auto code = static_cast<abi::Fault>(error);
  return code == abi::Fault::kNone ? "no error"
                                   : fmt::format("{} at {:#x}", abi::to_string(code), fault);
}

/// Errors that the command processor finds before a packet is issued.
bool is_checked_before(abi::Fault fault) {
  return fault >= abi::Fault::kUnknownOpcode && fault <= abi::Fault::kReadOnly &&
         fault != abi::Fault::kBadUcode;
}

}  // namespace

std::optional<StageFinding> check_verdict(DeviceWaves& waves, const Reference& reference,
                                          const PacketRun& run) {
  if (reference.completion.error == abi::Fault::kBadUcode) return std::nullopt;
  const std::string unit = "u_cmd.u_core.u_issue.";
  enum : std::size_t { kSeq, kState, kVerdict, kLate };
  std::optional<StageFinding> result;
  waves.for_each_cycle(
      {&waves.at(unit + "seq"), &waves.at(unit + "empty_o"), &waves.at(unit + "verdict_q"),
       &waves.at(unit + "late_verdict_q")},
      [&](const WaveScan& scan, std::uint64_t time) {
        if (scan.bit(kState) || scan.bits(kSeq) != reference.packet.number) return true;
        constexpr unsigned kFaultBits = 64;
        const std::size_t which = scan.bits(kVerdict, kFaultBits, 16) != 0 ? kVerdict : kLate;
        const std::uint64_t error = scan.bits(which, kFaultBits, 16);
        const std::uint64_t fault = scan.bits(which, 0, kFaultBits);
        const bool wanted = is_checked_before(reference.completion.error);
        const std::uint64_t right =
            wanted ? static_cast<std::uint64_t>(reference.completion.error) : 0;
        const std::uint64_t right_fault = wanted ? reference.completion.fault_addr : 0;
        if (error == right && (error == 0 || fault == right_fault)) return false;
        const WaveSignal& signal =
            waves.at(unit + (which == kVerdict ? "verdict_q" : "late_verdict_q"));
        result = StageFinding{{.at = run.moment(time),
                               .stage = "check",
                               .place = "what the check of the packet found",
                               .signal = signal.path + signal.range,
                               .expected = verdict_text(right, right_fault),
                               .found = verdict_text(error, fault)},
                              std::nullopt,
                              std::nullopt};
        return false;
      });
  return result;
}

std::optional<StageFinding> check_checksum(DeviceWaves& waves, const Reference& reference,
                                           const PacketRun& run) {
  if (!run.dispatch) return std::nullopt;
  const unsigned writer = writer_of(reference.packet.packet.opcode);
  const WaveSignal* sums = waves.find("u_mem.checksum_o");
  if (sums == nullptr) return std::nullopt;
  enum : std::size_t { kSums, kTaken, kSource, kAddr, kData, kStrb };
  const std::string unit = "u_mem.u_write.";
  std::uint64_t expected = 0;
  std::deque<std::uint64_t> coming;  // Sums of beats that the adder has not shown yet.
  std::optional<StageFinding> result;
  waves.for_each_cycle(
      {sums, &waves.at(unit + "taken_q"), &waves.at(unit + "taken_source_q"),
       &waves.at(unit + "taken_addr_q"), &waves.at("m_axi_wdata"), &waves.at("m_axi_wstrb")},
      [&](const WaveScan& scan, std::uint64_t time) {
        const std::uint64_t found = scan.bits(kSums, writer * 64, 64);
        if (time > *run.dispatch && found != expected) {
          if (coming.empty() || found != coming.front()) {
            const std::uint64_t right = coming.empty() ? expected : coming.front();
            result = StageFinding{
                {.at = run.moment(time),
                 .stage = "checksum",
                 .place = fmt::format("running sum of writer {}", writer),
                 .signal = sums->path + fmt::format("[{}:{}]", writer * 64 + 63, writer * 64),
                 .expected = fmt::format("{:016x}", right),
                 .found = fmt::format("{:016x}", found)},
                std::nullopt,
                std::nullopt};
            return false;
          }
          expected = found;
          coming.pop_front();
        }
        if (time > *run.dispatch && scan.bit(kTaken) && scan.bits(kSource, writer, 1) != 0) {
          std::uint64_t sum = coming.empty() ? expected : coming.back();
          const auto data = scan.words(kData);
          const auto strobes = scan.words(kStrb);
          for (unsigned i = 0; i < data.size() * 4; ++i) {
            if ((strobes[i / 32] >> i % 32 & 1) == 0) continue;
            sum += numerics::checksum_byte(scan.bits(kAddr) + i,
                                           static_cast<std::uint8_t>(data[i / 4] >> (8 * (i % 4))));
          }
          coming.push_back(sum);
        }
        return true;
      },
      *run.dispatch, run.done.value_or(run.end) + 1);
  return result;
}

std::optional<StageFinding> check_result(DeviceWaves& waves, const Reference& reference,
                                         const PacketRun& run) {
  const unsigned writer = writer_of(reference.packet.packet.opcode);
  if (!run.done || writer == 0) return std::nullopt;
  const unsigned engine = writer - 1;
  const std::string unit = "u_cmd.u_core.u_retire.";
  const WaveSignal& errors = waves.at(unit + "done_error_i");
  const WaveSignal& faults = waves.at(unit + "done_fault_i");
  const WaveSignal& sums = waves.at(unit + "done_checksum_i");
  enum : std::size_t { kErrors, kFaults, kSums };
  const abi::Completion& right = reference.completion;
  std::optional<StageFinding> result;
  const auto fail = [&](const WaveSignal& signal, unsigned width, std::string expected,
                        std::string found) {
    result = StageFinding{{.at = run.moment(*run.done),
                           .stage = "engine result",
                           .place = "what the engine says of the packet",
                           .signal = fmt::format("{}[{}:{}]", signal.path,
                                                 engine * width + width - 1, engine * width),
                           .expected = std::move(expected),
                           .found = std::move(found)},
                          std::nullopt,
                          std::nullopt};
  };
  waves.for_each_cycle(
      {&errors, &faults, &sums},
      [&](const WaveScan& scan, std::uint64_t time) {
        if (time < *run.done) return true;
        const std::uint64_t error = scan.bits(kErrors, engine * 16, 16);
        const std::uint64_t fault = scan.bits(kFaults, engine * 64, 64);
        const std::uint64_t sum = scan.bits(kSums, engine * 64, 64);
        if (error != static_cast<std::uint64_t>(right.error) ||
            (error != 0 && fault != right.fault_addr)) {
          fail(error != static_cast<std::uint64_t>(right.error) ? errors : faults,
               error != static_cast<std::uint64_t>(right.error) ? 16 : 64,
               verdict_text(static_cast<std::uint64_t>(right.error), right.fault_addr),
               verdict_text(error, fault));
        } else if (error == 0 && sum != right.checksum) {
          fail(sums, 64, fmt::format("{:016x}", right.checksum), fmt::format("{:016x}", sum));
        }
        return false;
      },
      *run.done);
  return result;
}

std::optional<StageFinding> check_wait(DeviceWaves& waves, const Reference& reference,
                                       const PacketRun& run) {
  if (reference.packet.packet.opcode != abi::Opcode::kWait || !run.dispatch) return std::nullopt;
  const auto packet = abi::packet_as<abi::WaitPacket>(reference.packet.packet);
  const std::string unit = "u_cmd.u_core.u_issue.";
  const WaveSignal& matches = waves.at(unit + "poll_matches");
  std::optional<StageFinding> result;
  waves.for_each_cycle(
      {&waves.at(unit + "poll_o"), &waves.at(unit + "poll_done_i"), &waves.at(unit + "poll_word_i"),
       &matches},
      [&](const WaveScan& scan, std::uint64_t time) {
        enum : std::size_t { kPoll, kDone, kWord, kMatches };
        if (!scan.bit(kPoll) || !scan.bit(kDone)) return true;
        const bool right = (scan.bits(kWord) & packet.mask) == packet.value;
        if (scan.bit(kMatches) == right) return true;
        result = StageFinding{{.at = run.moment(time),
                               .stage = "comparison of WAIT",
                               .place = fmt::format("word {:08x}", scan.bits(kWord)),
                               .signal = matches.path,
                               .expected = right ? "equal" : "not equal",
                               .found = right ? "not equal" : "equal"},
                              std::nullopt,
                              std::nullopt};
        return false;
      },
      *run.dispatch, run.record.value_or(run.end));
  return result;
}

std::vector<WaveWait> waiting_handshakes(DeviceWaves& waves, const PacketRun& run) {
  struct Pair {
    const WaveSignal* valid;
    const WaveSignal* ready;
    std::optional<std::uint64_t> since;
  };
  std::vector<Pair> pairs;
  std::map<std::pair<std::uint32_t, std::uint32_t>, bool> seen;
  for (const WaveSignal& valid : waves.file().signals()) {
    const std::size_t at = valid.path.rfind("valid");
    if (at == std::string::npos || valid.path.find('.', at) != std::string::npos) continue;
    std::string name = valid.path;
    name.replace(at, 5, "ready");
    const bool output = name.ends_with("_o");
    if (output || name.ends_with("_i")) name.back() = output ? 'i' : 'o';
    const WaveSignal* ready = waves.file().find(name);
    if (ready == nullptr || ready->width != valid.width) continue;
    if (std::exchange(seen[{valid.handle, ready->handle}], true)) continue;
    pairs.push_back({&valid, ready, std::nullopt});
  }
  std::vector<const WaveSignal*> signals;
  for (const Pair& pair : pairs) {
    signals.push_back(pair.valid);
    signals.push_back(pair.ready);
  }
  waves.for_each_cycle(std::move(signals), [&](const WaveScan& scan, std::uint64_t time) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const bool waits = (scan.words(2 * i)[0] & ~scan.words(2 * i + 1)[0]) != 0;
      if (!waits) pairs[i].since.reset();
      if (waits && !pairs[i].since) pairs[i].since = time;
    }
    return true;
  });
  std::erase_if(pairs, [](const Pair& pair) { return !pair.since; });
  std::ranges::stable_sort(pairs, {}, [](const Pair& pair) { return *pair.since; });
  std::vector<WaveWait> waits;
  for (const Pair& pair : pairs) {
    waits.push_back({pair.valid->path, pair.ready->path, run.moment(*pair.since)});
  }
  return waits;
}

namespace {

/// Name of a value of an enumeration.
std::string value_name(const DeviceWaves& waves, const WaveSignal& signal, std::uint64_t value) {
  for (const auto& [digits, name] :
       waves.file().enums()[static_cast<std::size_t>(signal.enum_id)].values) {
    if (std::stoull(digits, nullptr, 2) == value) return name;
  }
  return fmt::format("{}", value);
}

}  // namespace

std::vector<std::string> changed_states(DeviceWaves& waves) {
  const auto is_state = [](const WaveSignal& signal) {
    return signal.enum_id >= 0 &&
           (signal.path.ends_with(".state") || signal.path.ends_with("state_q"));
  };
  const auto is_busy = [](const WaveSignal& signal) {
    return signal.path.ends_with(".idle_o") || signal.path.ends_with(".busy_o");
  };
  // What is taken and not given back: credits, places in queues, requests without their answers.
  const auto is_held = [](const WaveSignal& signal) {
    constexpr std::array kNames = {".used_q",    ".open_q",      ".pending_q", ".reserved_q",
                                   ".credits_q", ".chunks_held", ".tiles_held"};
    return std::ranges::any_of(kNames,
                               [&](const char* name) { return signal.path.ends_with(name); });
  };
  std::vector<const WaveSignal*> signals;
  for (const WaveSignal& signal : waves.file().signals()) {
    if (is_state(signal) || is_busy(signal) || is_held(signal)) signals.push_back(&signal);
  }
  std::vector<std::uint64_t> first, last;
  waves.for_each_cycle(signals, [&](const WaveScan& scan, std::uint64_t) {
    last.clear();
    for (std::size_t i = 0; i < signals.size(); ++i) last.push_back(scan.bits(i));
    if (first.empty()) first = last;
    return true;
  });
  std::vector<std::string> changed;
  for (std::size_t i = 0; i < last.size(); ++i) {
    const std::string& path = signals[i]->path;
    if (first[i] == last[i] || path.find(".u_axil.") != std::string::npos) continue;
    const bool idle = path.ends_with(".idle_o") ? last[i] != 0 : last[i] == 0;
    if (is_busy(*signals[i]) && idle) continue;
    if (is_held(*signals[i]) && last[i] == 0 && !path.ends_with(".credits_q")) continue;
    changed.push_back(fmt::format("{}: {}", path.substr(waves.root().size()),
                                  is_state(*signals[i]) ? value_name(waves, *signals[i], last[i])
                                                        : fmt::format("{}", last[i])));
  }
  return changed;
}

}  // namespace tandem::debug::wave

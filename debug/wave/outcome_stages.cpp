// SPDX-License-Identifier: Apache-2.0
// Stages of the completion: the check before, the checksum after; and what waits in a hang.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "stages.hpp"
#include "tandem/abi/metadata.hpp"
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

std::vector<std::string> changed_states(DeviceWaves& waves) {
  std::vector<const WaveSignal*> signals;
  for (const WaveSignal& signal : waves.file().signals()) {
    const bool state = signal.path.ends_with(".state") || signal.path.ends_with("state_q");
    if (state && signal.enum_id >= 0) signals.push_back(&signal);
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
    if (first[i] == last[i]) continue;
    const WaveEnum& names = waves.file().enums()[static_cast<std::size_t>(signals[i]->enum_id)];
    for (const auto& [digits, name] : names.values) {
      if (std::stoull(digits, nullptr, 2) != last[i]) continue;
      changed.push_back(fmt::format("{}: {}", signals[i]->path.substr(waves.root().size()), name));
    }
  }
  return changed;
}

}  // namespace tandem::debug::wave

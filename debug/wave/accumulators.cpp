// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "stages.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::debug::wave {
namespace {

/// Cycles from a step to the accumulator that holds its result.
constexpr std::uint64_t kFloatCycles = 4;
constexpr std::uint64_t kIntegerCycles = 2;
constexpr std::uint64_t kTimePerCycle = 2;

/// One element's accumulator from the start of its tile to its end.
struct Track {
  MatmulElement element;
  ArrayPlace place;
  const WaveSignal* signal = nullptr;
  std::vector<std::uint32_t> chain;  ///< Initial value, then after each step.
  std::uint64_t latency = kFloatCycles * kTimePerCycle;
  bool open = false;
  bool cleared = false;              ///< In the cycle before, by the tile before.
  std::uint32_t value = 0;           ///< In the cycle before.
  std::vector<std::uint64_t> steps;  ///< Their times.
  std::optional<std::uint64_t> wrong_time;
  std::uint64_t k = 0;  ///< Steps whose result should be there.
  std::uint32_t found = 0;

  void fail(std::uint64_t time, std::uint64_t steps_done, std::uint32_t wrong) {
    wrong_time = time;
    k = steps_done;
    found = wrong;
  }
  std::uint32_t expected() const { return chain[std::min<std::uint64_t>(k, chain.size() - 1)]; }
  /// Steps whose results are there at `time`.
  std::uint64_t done(std::uint64_t time) const {
    return static_cast<std::uint64_t>(
        std::ranges::upper_bound(steps, time, {}, [&](auto step) { return step + latency; }) -
        steps.begin());
  }
};

Track make_track(DeviceWaves& waves, const Reference& reference, const abi::MatmulPacket& packet,
                 const MatmulElement& element) {
  Track track;
  track.element = element;
  track.place = array_place(packet, reference.config, element);
  track.signal =
      waves.find(fmt::format("u_matrix.u_core.u_array.gen_row[{}].acc[{}]", track.place.row,
                             track.place.accumulator(reference.config.array_cols)));
  track.chain = accumulator_chain(packet, *reference.before, element);
  if (packet.a_type == abi::Dtype::kI8) track.latency = kIntegerCycles * kTimePerCycle;
  return track;
}

/// The tile before gives its accumulator to the results; a cycle later it must be clear.
void look_at_clear(Track& track, std::uint32_t value, bool swap, std::uint64_t time) {
  if (track.cleared && value != 0 && !track.wrong_time) track.fail(time, 0, value);
  track.cleared = swap;
}

void start(Track& track, std::uint32_t value, std::uint64_t time) {
  track.open = true;
  track.value = value;
  if (value != 0) track.fail(time, 0, value);  // The tile before has not cleared it.
}

/// The accumulator's value in a cycle, and whether a step for it enters the array.
void look(Track& track, std::uint32_t value, bool step, std::uint64_t time) {
  if (!track.open || track.wrong_time) return;
  const std::uint64_t done = track.done(time);
  const std::uint32_t expected = track.chain[std::min<std::uint64_t>(done, track.chain.size() - 1)];
  if (value != track.value) {
    track.value = value;
    const bool cleared = value == 0 && done + 1 >= track.chain.size();
    if (cleared) track.open = false;
    if (!cleared && value != expected) track.fail(time, done, value);
  }
  if (step && track.open && !track.wrong_time) {
    // Whatever came before is there now, or has not come.
    if (value != expected) {
      track.fail(done == 0 ? time : track.steps[done - 1] + track.latency, done, value);
    }
    track.steps.push_back(time);
  }
}

}  // namespace

std::optional<StageFinding> check_accumulators(DeviceWaves& waves, const Reference& reference,
                                               const PacketRun& run,
                                               std::span<const MatmulElement> elements) {
  const auto packet = abi::packet_as<abi::MatmulPacket>(reference.packet.packet);
  const std::string array = "u_matrix.u_core.u_array.";
  const std::string sequencer = "u_matrix.u_core.u_sequencer.";
  enum : std::size_t { kTileValid, kTileReady, kStep, kSlot, kRows, kSwap, kSwapSlot, kFirst };
  std::vector<const WaveSignal*> signals{
      &waves.at(sequencer + "tile_valid_i"), &waves.at(sequencer + "tile_ready_o"),
      &waves.at(array + "step_valid_i"),     &waves.at(array + "step_slot_i"),
      &waves.at(array + "step_rows_i"),      &waves.at(array + "swap_valid_i"),
      &waves.at(array + "swap_slot_i")};
  std::vector<Track> tracks;
  for (const MatmulElement& element : elements) {
    Track track = make_track(waves, reference, packet, element);
    if (track.signal == nullptr) continue;
    signals.push_back(track.signal);
    tracks.push_back(std::move(track));
  }
  if (tracks.empty() || !run.dispatch) return std::nullopt;
  std::uint64_t tile = 0;
  const Track* wrong = nullptr;
  waves.for_each_cycle(
      std::move(signals),
      [&](const WaveScan& scan, std::uint64_t time) {
        for (std::size_t i = 0; i < tracks.size(); ++i) {
          Track& track = tracks[i];
          const bool step = scan.bit(kStep) && scan.bits(kSlot) == track.place.slot &&
                            scan.bits(kRows, track.place.row, 1) != 0;
          const bool swap = track.place.tile == tile && scan.bit(kSwap) &&
                            scan.bits(kSwapSlot) == track.place.slot;
          look_at_clear(track, scan.words(kFirst + i)[0], swap, time);
          look(track, scan.words(kFirst + i)[0], step, time);
          if (track.wrong_time && (wrong == nullptr || *track.wrong_time < *wrong->wrong_time)) {
            wrong = &track;
          }
        }
        if (wrong != nullptr) return false;
        if (!scan.bit(kTileValid) || !scan.bit(kTileReady)) return true;
        for (std::size_t i = 0; i < tracks.size(); ++i) {
          Track& track = tracks[i];
          if (track.place.tile == tile) start(track, scan.words(kFirst + i)[0], time);
          if (track.place.tile + 1 == tile) track.open = false;
        }
        ++tile;
        return true;
      },
      *run.dispatch);
  if (wrong == nullptr) return std::nullopt;
  const MatmulElement& e = wrong->element;
  StageFinding result;
  result.finding = {
      .at = run.moment(*wrong->wrong_time),
      .stage = "accumulator",
      .place = fmt::format(
          "C[{}, {}, {}, {}] in array row {}, slot {}, column {}: {}", e.batch0, e.batch1, e.m, e.n,
          wrong->place.row, wrong->place.slot, wrong->place.column,
          wrong->k == 0 ? "before the first step" : fmt::format("after step k = {}", wrong->k - 1)),
      .signal = wrong->signal->path + wrong->signal->range,
      .expected = fmt::format("{:08x}", wrong->expected()),
      .found = fmt::format("{:08x}", wrong->found)};
  result.addr = packet.c_addr + e.batch0 * packet.c_batch0_stride +
                e.batch1 * packet.c_batch1_stride + e.m * packet.c_row_stride +
                e.n * (abi::dtype_bits(packet.c_type) / 8);
  return result;
}

}  // namespace tandem::debug::wave

// SPDX-License-Identifier: Apache-2.0
#include "packet_run.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "tandem/abi/metadata.hpp"

namespace tandem::debug::wave {
namespace {

// AXI ids, as npu_pkg has them.
constexpr unsigned kCommandId = 0;

/// Position of each signal in the scan.
enum Index : std::size_t {
  kCycle,
  kPush,
  kSeq,
  kDone,
  kAwValid,
  kAwReady,
  kAwId,
  kAwAddr,
  kWValid,
  kWReady,
  kWData,
  kWStrb,
  kWLast,
  kBValid,
  kBReady,
  kBId,
  kArValid,
  kArReady,
  kArId,
  kRValid,
  kRReady,
  kRId,
  kRLast,
  kQuiet,
  kTaken,
  kTakenSource,
  kTakenAddr,
};
constexpr std::array kNames = {
    "u_cmd.u_core.cycle_i",
    "u_cmd.u_core.u_issue.push_o",
    "u_cmd.u_core.u_issue.seq",
    "u_cmd.u_core.u_retire.done_valid_i",
    "m_axi_awvalid",
    "m_axi_awready",
    "m_axi_awid",
    "m_axi_awaddr",
    "m_axi_wvalid",
    "m_axi_wready",
    "m_axi_wdata",
    "m_axi_wstrb",
    "m_axi_wlast",
    "m_axi_bvalid",
    "m_axi_bready",
    "m_axi_bid",
    "m_axi_arvalid",
    "m_axi_arready",
    "m_axi_arid",
    "m_axi_rvalid",
    "m_axi_rready",
    "m_axi_rid",
    "m_axi_rlast",
    "u_mem.u_write.quiet_o",
    "u_mem.u_write.taken_q",
    "u_mem.u_write.taken_source_q",
    "u_mem.u_write.taken_addr_q",
};

struct Burst {
  unsigned id = 0;
  std::uint64_t addr = 0;
};
struct Beat {
  std::uint64_t time = 0;
  std::vector<std::uint8_t> data;
  std::vector<char> written;
  bool last = false;
};

class Follower {
 public:
  Follower(DeviceWaves& waves, Reference& reference)
      : waves_(waves), reference_(reference), packet_(reference.packet.packet) {
    beat_bytes_ = waves.at(kNames[kWStrb]).width;
    id_ = writer_of(packet_.opcode);
    const abi::OpcodeInfo* info = abi::find_opcode(static_cast<std::uint8_t>(packet_.opcode));
    engine_ = info == nullptr ? abi::Engine::kControl : info->engine;
    make_record();
  }

  PacketRun run() {
    run_.begin = waves_.file().first_time();
    run_.end = waves_.file().last_time();
    run_.fetch = run_.begin;  // With its first read the recording starts.
    run_.reads_open[kCommandId] = 1;
    std::vector<const WaveSignal*> signals;
    for (const char* name : kNames) signals.push_back(&waves_.at(name));
    waves_.for_each_cycle(std::move(signals), [&](const WaveScan& scan, std::uint64_t time) {
      cycle(scan, time);
      return true;
    });
    add_missing();
    std::ranges::stable_sort(run_.wrong, {}, &WrongByte::time);
    return std::move(run_);
  }

 private:
  void make_record() {
    abi::Completion record = reference_.completion;
    record.seq = reference_.packet.number;
    std::memcpy(record_.data(), &record, sizeof record);
  }

  void cycle(const WaveScan& scan, std::uint64_t time) {
    if (!offset_known_) {
      run_.cycle_offset =
          static_cast<std::int64_t>(scan.bits(kCycle)) - static_cast<std::int64_t>(time / 2);
      offset_known_ = true;
      // Beats of bursts that were accepted before cannot be paired with their addresses.
      paired_ = scan.bit(kQuiet);
    }
    if (scan.bit(kPush) && scan.bits(kSeq) == reference_.packet.number && !run_.dispatch) {
      run_.dispatch = time;
    }
    const auto engine = static_cast<unsigned>(engine_);
    if (run_.dispatch && !run_.done && engine < 3 && scan.bits(kDone, engine, 1) != 0) {
      run_.done = time;
    }
    addresses(scan, time);
    const bool transfer = scan.bit(kWValid) && scan.bit(kWReady);
    if (transfer) run_.last_transfer = time;
    if (paired_ && transfer) {
      beats_.push_back(take_beat(scan, time));
      match_beats();
    } else if (paired_) {
      match_beats();
    } else if (scan.bit(kTaken)) {
      look_at(
          {static_cast<unsigned>(std::countr_zero(scan.bits(kTakenSource))), scan.bits(kTakenAddr)},
          take_beat(scan, time));
    }
    responses(scan, time);
  }

  void addresses(const WaveScan& scan, std::uint64_t time) {
    if (scan.bit(kArValid) && scan.bit(kArReady)) {
      const auto id = static_cast<unsigned>(scan.bits(kArId));
      ++run_.reads_open[id];
      run_.last_transfer = time;
    }
    if (scan.bit(kAwValid) && scan.bit(kAwReady)) {
      const auto id = static_cast<unsigned>(scan.bits(kAwId));
      ++run_.writes_open[id];
      bursts_.push_back({id, scan.bits(kAwAddr)});
      run_.last_transfer = time;
    }
  }

  void responses(const WaveScan& scan, std::uint64_t time) {
    if (scan.bit(kBValid) && scan.bit(kBReady)) {
      close(run_.writes_open, static_cast<unsigned>(scan.bits(kBId)));
      run_.last_transfer = time;
    }
    if (scan.bit(kRValid) && scan.bit(kRReady)) {
      if (scan.bit(kRLast)) close(run_.reads_open, static_cast<unsigned>(scan.bits(kRId)));
      run_.last_transfer = time;
    }
  }
  /// Answers to what was asked before the waves began do not count.
  static void close(std::map<unsigned, unsigned>& open, unsigned id) {
    if (open[id] > 0) --open[id];
  }

  Beat take_beat(const WaveScan& scan, std::uint64_t time) const {
    Beat beat{.time = time, .data = {}, .written = {}, .last = scan.bit(kWLast)};
    const auto words = scan.words(kWData);
    const auto strobes = scan.words(kWStrb);
    for (unsigned i = 0; i < beat_bytes_; ++i) {
      beat.data.push_back(static_cast<std::uint8_t>(words[i / 4] >> (8 * (i % 4))));
      beat.written.push_back((strobes[i / 32] >> i % 32 & 1) != 0);
    }
    return beat;
  }

  void match_beats() {
    while (!beats_.empty() && !bursts_.empty()) {
      const Beat& beat = beats_.front();
      look_at(bursts_.front(), beat);
      bursts_.front().addr += beat_bytes_;
      if (beat.last) bursts_.pop_front();
      beats_.pop_front();
    }
  }

  void look_at(const Burst& burst, const Beat& beat) {
    if (!run_.dispatch) return;  // Of earlier packets.
    if (burst.id == kCommandId && is_record(burst, beat)) {
      look_at_record(burst, beat);
      return;
    }
    if (burst.id != id_ || run_.record) return;
    written_[burst.addr / beat_bytes_] = beat.time;
    for (unsigned i = 0; i < beat_bytes_; ++i) {
      if (beat.written[i] == 0 || reference_.is_unspecified(burst.addr + i)) continue;
      WrongByte wrong{.time = beat.time, .addr = burst.addr + i, .found = beat.data[i], .lane = i};
      wrong.verdict = reference_.writes.write(wrong.addr, wrong.found, wrong.expected);
      if (wrong.verdict != ExpectedWrites::Verdict::kRight) note(wrong);
    }
  }

  /// What the command processor writes besides the word of a SIGNAL are records, in whole beats.
  bool is_record(const Burst& burst, const Beat& beat) const {
    if (id_ != kCommandId) return true;
    for (unsigned i = 0; i < beat_bytes_; ++i) {
      if (beat.written[i] == 0 || reference_.writes.holds(burst.addr + i)) return false;
    }
    return true;
  }

  void look_at_record(const Burst& burst, const Beat& beat) {
    constexpr unsigned kRecord = sizeof(abi::Completion);
    const unsigned first = burst.addr % kRecord;
    if (first == 0) {
      std::uint64_t seq = 0;
      std::memcpy(&seq, beat.data.data(), sizeof seq);
      // A packet that was issued before and ends now has a lower number.
      ours_ = seq >= reference_.packet.number;
    }
    if (!ours_ || (run_.record && first == 0)) return;
    run_.record = beat.time;
    for (unsigned i = 0; i < beat_bytes_ && first + i < kRecord; ++i) {
      const unsigned at = first + i;
      // Time is not compared.
      if (at >= offsetof(abi::Completion, cycles) && at < offsetof(abi::Completion, rsvd_48)) {
        continue;
      }
      const std::uint8_t found = beat.written[i] != 0 ? beat.data[i] : 0;
      if (found == record_[at]) continue;
      note({.time = beat.time,
            .addr = burst.addr + i,
            .found = found,
            .expected = record_[at],
            .verdict = ExpectedWrites::Verdict::kWrong,
            .lane = i,
            .record = true});
    }
  }

  void note(const WrongByte& wrong) {
    if (!wrong.record) ++run_.num_wrong;
    if (run_.wrong.size() < PacketRun::kMaxWrong) run_.wrong.push_back(wrong);
  }

  void add_missing() {
    if (!run_.record) return;  // It did not get that far.
    const std::uint64_t time = run_.done.value_or(*run_.record);
    for (const std::uint64_t addr : reference_.writes.missing(PacketRun::kMaxWrong)) {
      // The beat that should have held it, if there was one.
      const auto beat = written_.find(addr / beat_bytes_);
      WrongByte wrong{.time = beat == written_.end() ? time : beat->second,
                      .addr = addr,
                      .lane = static_cast<unsigned>(addr % beat_bytes_),
                      .unwritten = true};
      reference_.writes.expected_at(addr, wrong.expected);
      wrong.found = load_before(addr);
      note(wrong);
    }
  }
  std::uint8_t load_before(std::uint64_t addr) const {
    const std::byte* host = reference_.before->pointer(addr, 1);
    return host == nullptr ? 0 : static_cast<std::uint8_t>(*host);
  }

  DeviceWaves& waves_;
  Reference& reference_;
  const abi::Packet& packet_;
  abi::Engine engine_ = abi::Engine::kControl;
  unsigned id_ = 0;
  unsigned beat_bytes_ = 0;
  PacketRun run_;
  bool offset_known_ = false;
  bool paired_ = true;  ///< Beats get their addresses from m_axi_aw.
  bool ours_ = false;
  std::deque<Burst> bursts_;
  std::deque<Beat> beats_;
  std::unordered_map<std::uint64_t, std::uint64_t> written_;  ///< Time of each beat of memory.
  std::array<std::uint8_t, sizeof(abi::Completion)> record_{};
};

}  // namespace

unsigned writer_of(abi::Opcode opcode) {
  const abi::OpcodeInfo* info = abi::find_opcode(static_cast<std::uint8_t>(opcode));
  if (info == nullptr || info->engine == abi::Engine::kControl) return kCommandId;
  return static_cast<unsigned>(info->engine) + 1;
}

PacketRun follow_packet(DeviceWaves& waves, Reference& reference) {
  return Follower(waves, reference).run();
}

}  // namespace tandem::debug::wave

// SPDX-License-Identifier: Apache-2.0
// The memory behind the AXI4 master port of a Verilated module, and the checker of that port.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tandem/driver/sparse_ram.hpp"
#include "tandem/rtlmodel/axi_bursts.hpp"
#include "tandem/rtlmodel/axi_settings.hpp"

namespace tandem::rtlmodel {

/// Serves the pins m_axi_* of `Top`, whatever their data width, from simulated RAM; addresses
/// without RAM answer DECERR. A master that breaks AXI4 or the device's own rules (whole beats,
/// aligned, INCR, inside 4 KiB) ends the simulation with kInternal, naming cycle, values and rule.
///
/// A cycle is: sample(); clk_i = 1; eval(); drive(); clk_i = 0; eval(). Master outputs must not
/// depend on m_axi inputs of the same cycle.
///
/// Thread-safety: as `Top`.
template <class Top>
class AxiMemory {
 public:
  /// `top` and `ram` outlive this object.
  AxiMemory(Top& top, driver::SparseRam& ram, AxiSettings settings)
      : top_(top),
        ram_(ram),
        settings_(std::move(settings)),
        random_(settings_.seed),
        stall_ar_(settings_.stall_percent, settings_.seed * 8 + 1),
        stall_r_(settings_.stall_percent, settings_.seed * 8 + 2),
        stall_aw_(settings_.stall_percent, settings_.seed * 8 + 3),
        stall_w_(settings_.stall_percent, settings_.seed * 8 + 4),
        stall_b_(settings_.stall_percent, settings_.seed * 8 + 5),
        read_pace_(settings_.beats_per_cycle),
        write_pace_(settings_.beats_per_cycle) {
    settings_.check();
    reset();
  }

  static constexpr unsigned kBeatBytes = sizeof(std::declval<Top&>().m_axi_rdata);

  /// Forgets everything in flight, for the time while the module is in reset.
  void reset() {
    reads_.clear();
    writes_.clear();
    responses_.clear();
    reads_of_.fill(0);
    writes_of_.fill(0);
    stalled_ = {};
    active_ = false;
    taken_r_ = taken_b_ = false;
    top_.m_axi_arready = top_.m_axi_awready = settings_.stall_percent == 0;
    top_.m_axi_wready = top_.m_axi_rvalid = top_.m_axi_bvalid = 0;
  }

  /// Takes the handshakes of the rising edge that comes.
  void sample() {
    ++cycle_;
    if (!active_ && !(top_.m_axi_arvalid | top_.m_axi_awvalid | top_.m_axi_wvalid)) return;
    sample_read_address();
    sample_read_data();
    sample_write_address();
    if (top_.m_axi_wvalid | stalled_.w) sample_write_data();
    sample_response();
    active_ = !reads_.empty() || !writes_.empty() || !responses_.empty() ||
              (stalled_.ar | stalled_.aw | stalled_.w);
  }

  /// Sets the inputs of the module after its rising edge.
  void drive() {
    // Stalls stand while nothing is asked for: what a run meets does not depend on how long the
    // device was idle before.
    if (!active_ && !(top_.m_axi_arvalid | top_.m_axi_awvalid | top_.m_axi_wvalid)) {
      top_.m_axi_rvalid = top_.m_axi_bvalid = top_.m_axi_wready = 0;
      taken_r_ = taken_b_ = false;
      return;
    }
    // Valid falls behind the edge that takes the handshake.
    if (taken_r_) top_.m_axi_rvalid = 0;
    if (taken_b_) top_.m_axi_bvalid = 0;
    taken_r_ = taken_b_ = false;
    drive_read_data();
    drive_response();
    const unsigned limit = settings_.outstanding_per_id;
    top_.m_axi_arready = !stall_ar_.next() && reads_of_[top_.m_axi_arid % kAxiIds] < limit;
    // Nobody looks at the ready signals of writes while none is offered or open.
    if (settings_.stall_percent == 0 && writes_.empty() &&
        !(top_.m_axi_awvalid | top_.m_axi_wvalid)) {
      return;
    }
    top_.m_axi_awready = !stall_aw_.next() && writes_of_[top_.m_axi_awid % kAxiIds] < limit;
    // Data never goes before its address.
    const bool addressed = !writes_.empty() || (top_.m_axi_awvalid && top_.m_axi_awready);
    top_.m_axi_wready = !stall_w_.next() && addressed && write_pace_.ready(cycle_ + 1);
  }

  /// Nothing is in flight and no handshake waits.
  bool idle() const { return !active_; }
  std::uint64_t cycle() const { return cycle_; }
  const AxiCounts& counts() const { return counts_; }
  const AxiSettings& settings() const { return settings_; }
  /// Faults may change between packets.
  void set_faults(std::vector<AxiFault> faults) { settings_.faults = std::move(faults); }

  /// Null: nobody. Outlives this object.
  void set_observer(AxiObserver* observer) { observer_ = observer; }

  /// Handshakes that wait and transactions in flight, one on a line; for a watchdog.
  std::string describe() const {
    std::string text;
    const auto waits = [&](bool valid, bool ready, const char* channel) {
      if (valid && !ready) text += std::string("  ") + channel + " waits for ready\n";
    };
    waits(top_.m_axi_arvalid, top_.m_axi_arready, "m_axi_ar");
    waits(top_.m_axi_awvalid, top_.m_axi_awready, "m_axi_aw");
    waits(top_.m_axi_wvalid, top_.m_axi_wready, "m_axi_w");
    waits(top_.m_axi_rvalid, top_.m_axi_rready, "m_axi_r");
    waits(top_.m_axi_bvalid, top_.m_axi_bready, "m_axi_b");
    text += describe_bursts(reads_, "read");
    text += describe_bursts(writes_, "write (data)");
    text += describe_bursts(responses_, "write (response)");
    return text;
  }

 private:
  static constexpr std::uint64_t kBoundary = 4096;
  static constexpr std::size_t kCacheLineBytes = 64;
  static constexpr unsigned kSize = std::countr_zero(kBeatBytes);  // AxSIZE of a whole beat
  static constexpr unsigned kBurstIncr = 1;
  static constexpr std::uint64_t kAllBytes = ~std::uint64_t{0} >> (64 - kBeatBytes);

  /// What a channel showed while it waited for ready.
  struct Address {
    std::uint64_t addr = 0;
    unsigned id = 0;
    unsigned len = 0;
    bool operator==(const Address&) const = default;
  };
  struct Stalled {
    bool ar = false, aw = false, w = false;
  };

  [[noreturn]] void violation(const std::string& what, const char* rule) const {
    throw_axi_violation(cycle_, what, rule);
  }
  static std::string show(const char* channel, const Address& a) {
    return describe_address(channel, a.id, a.addr, a.len);
  }

  /// Checks an address channel; true if its handshake takes place.
  bool check_address(const char* channel, bool valid, bool ready, const Address& now, unsigned size,
                     unsigned burst, bool& stalled, Address& held) {
    if (stalled && !valid) {
      violation(show(channel, held) + ": valid went away before ready",
                "AXI4 A3.2.1: valid stays until the handshake");
    }
    if (stalled && now != held) {
      violation(show(channel, held) + " became " + show(channel, now) + " before ready",
                "AXI4 A3.2.1: the payload is stable until the handshake");
    }
    stalled = valid && !ready;
    if (stalled) held = now;
    if (!valid || !ready) return false;
    if (burst != kBurstIncr) {
      violation(show(channel, now) + ": burst type " + std::to_string(burst),
                "the device uses INCR (1) only");
    }
    if (size != kSize) {
      violation(show(channel, now) + ": size " + std::to_string(size),
                "the device transfers whole beats only");
    }
    if (now.addr % kBeatBytes != 0) {
      violation(show(channel, now) + ": not aligned to a beat",
                "the device transfers whole beats only");
    }
    const std::uint64_t last = now.addr + (now.len + 1) * kBeatBytes - 1;
    if (now.addr / kBoundary != last / kBoundary) {
      violation(show(channel, now) + ": crosses a 4 KiB boundary", "AXI4 A3.4.1");
    }
    if (now.id >= kAxiIds) violation(show(channel, now) + ": id", "ids have 4 bits");
    return true;
  }

  AxiBurst accept(const Address& a) const {
    return {.addr = a.addr,
            .host = ram_.pointer(a.addr, (a.len + 1) * kBeatBytes),
            .ready_cycle = cycle_ + settings_.latency,
            .id = static_cast<std::uint8_t>(a.id),
            .len = static_cast<std::uint8_t>(a.len)};
  }

  /// The beats go out one a cycle, which the host's memory is too slow for if each is asked for when
  /// it is due.
  static void fetch_ahead(const AxiBurst& burst) {
    if (burst.host == nullptr) return;
    for (std::size_t at = 0; at < (burst.len + 1u) * kBeatBytes; at += kCacheLineBytes) {
      __builtin_prefetch(burst.host + at);
    }
  }

  AxiResponse response_of(const AxiBurst& burst) const {
    if (burst.host == nullptr) return AxiResponse::kDecerr;
    const std::uint64_t begin = burst.addr + burst.beat * kBeatBytes;
    for (const AxiFault& fault : settings_.faults) {
      if (begin < fault.end && begin + kBeatBytes > fault.begin) return fault.response;
    }
    return AxiResponse::kOkay;
  }

  void sample_read_address() {
    if (!(top_.m_axi_arvalid | stalled_.ar)) return;
    const Address now{top_.m_axi_araddr, top_.m_axi_arid, top_.m_axi_arlen};
    if (!check_address("AR", top_.m_axi_arvalid, top_.m_axi_arready, now, top_.m_axi_arsize,
                       top_.m_axi_arburst, stalled_.ar, held_ar_)) {
      return;
    }
    reads_.push(accept(now));
    fetch_ahead(reads_.at(reads_.size() - 1));
    if (observer_ != nullptr) observer_->read_begins(reads_.at(reads_.size() - 1));
    ++reads_of_[now.id];
    ++counts_.read_bursts;
  }

  void sample_read_data() {
    if (!(top_.m_axi_rvalid & top_.m_axi_rready)) return;
    taken_r_ = true;
    ++counts_.read_beats;
    AxiBurst& burst = reads_.at(shown_read_);
    if (burst.beat++ < burst.len) return;
    --reads_of_[burst.id];
    shown_read_ == 0 ? reads_.pop() : reads_.remove(shown_read_);
  }

  void drive_read_data() {
    if (top_.m_axi_rvalid || reads_.empty()) return;
    if (stall_r_.next() || !read_pace_.ready(cycle_ + 1)) return;
    unsigned chosen = 0;
    if (settings_.reorder) {
      chosen = choose(reads_);
    } else if (reads_.front().ready_cycle > cycle_ + 1) {
      return;
    }
    if (chosen == kNone) return;
    shown_read_ = chosen;
    read_pace_.take(cycle_ + 1);
    const AxiBurst& burst = reads_.at(chosen);
    const AxiResponse response = response_of(burst);
    top_.m_axi_rvalid = 1;
    top_.m_axi_rid = burst.id;
    top_.m_axi_rlast = burst.beat == burst.len;
    top_.m_axi_rresp = static_cast<std::uint8_t>(response);
    if (response == AxiResponse::kOkay) {
      std::memcpy(&top_.m_axi_rdata, burst.host + burst.beat * kBeatBytes, kBeatBytes);
    } else {
      std::memset(&top_.m_axi_rdata, kPoison, kBeatBytes);
    }
  }

  void sample_write_address() {
    if (!(top_.m_axi_awvalid | stalled_.aw)) return;
    const Address now{top_.m_axi_awaddr, top_.m_axi_awid, top_.m_axi_awlen};
    if (!check_address("AW", top_.m_axi_awvalid, top_.m_axi_awready, now, top_.m_axi_awsize,
                       top_.m_axi_awburst, stalled_.aw, held_aw_)) {
      return;
    }
    writes_.push(accept(now));
    ++writes_of_[now.id];
    ++counts_.write_bursts;
  }

  void sample_write_data() {
    const bool valid = top_.m_axi_wvalid;
    if (stalled_.w) check_held_data(valid);
    stalled_.w = valid && !top_.m_axi_wready;
    if (stalled_.w) {
      std::memcpy(held_w_.data(), &top_.m_axi_wdata, kBeatBytes);
      held_strobe_ = top_.m_axi_wstrb;
      held_last_ = top_.m_axi_wlast;
    }
    if (!valid || !top_.m_axi_wready) return;
    ++counts_.write_beats;
    write_pace_.take(cycle_);
    AxiBurst& burst = writes_.front();
    const bool last = burst.beat == burst.len;
    if (last != bool(top_.m_axi_wlast)) {
      violation(show("W of", {burst.addr, burst.id, burst.len}) + ": beat " +
                    std::to_string(burst.beat) + " has WLAST " + std::to_string(!last),
                "AXI4 A3.4.1: WLAST with the last beat and no other");
    }
    const AxiResponse response = response_of(burst);
    if (response == AxiResponse::kOkay) {
      store(burst.host + burst.beat * kBeatBytes, top_.m_axi_wstrb);
    }
    burst.response = std::max(burst.response, static_cast<std::uint8_t>(response));
    ++burst.beat;
    if (!last) return;
    burst.ready_cycle = cycle_ + settings_.latency;
    if (observer_ != nullptr) observer_->write_ends(burst);
    responses_.push(burst);
    writes_.pop();
  }

  void check_held_data(bool valid) const {
    if (!valid) {
      violation("W: valid went away before ready", "AXI4 A3.2.1: valid stays until the handshake");
    }
    if (held_strobe_ != top_.m_axi_wstrb || held_last_ != top_.m_axi_wlast ||
        std::memcmp(held_w_.data(), &top_.m_axi_wdata, kBeatBytes) != 0) {
      violation("W: data, strobes or WLAST changed before ready",
                "AXI4 A3.2.1: the payload is stable until the handshake");
    }
  }

  void store(std::byte* to, std::uint64_t strobes) const {
    const auto* from = reinterpret_cast<const std::byte*>(&top_.m_axi_wdata);
    if (strobes == kAllBytes) {
      std::memcpy(to, from, kBeatBytes);
      return;
    }
    while (strobes != 0) {  // Runs of written bytes.
      const unsigned first = std::countr_zero(strobes);
      const unsigned bytes = std::countr_one(strobes >> first);
      std::memcpy(to + first, from + first, bytes);
      strobes &= ~(((bytes == 64 ? 0 : std::uint64_t{1} << bytes) - 1) << first);
    }
  }

  void sample_response() {
    if (!(top_.m_axi_bvalid & top_.m_axi_bready)) return;
    taken_b_ = true;
    ++counts_.responses;
    --writes_of_[responses_.at(shown_response_).id];
    shown_response_ == 0 ? responses_.pop() : responses_.remove(shown_response_);
  }

  void drive_response() {
    if (top_.m_axi_bvalid || responses_.empty() || stall_b_.next()) return;
    unsigned chosen = 0;
    if (settings_.reorder) {
      chosen = choose(responses_);
    } else if (responses_.front().ready_cycle > cycle_ + 1) {
      return;
    }
    if (chosen == kNone) return;
    shown_response_ = chosen;
    top_.m_axi_bvalid = 1;
    top_.m_axi_bid = responses_.at(chosen).id;
    top_.m_axi_bresp = responses_.at(chosen).response;
  }

  /// A random one of the oldest bursts of each id that are due, or kNone.
  unsigned choose(const AxiBurstQueue& queue) {
    std::array<unsigned, kAxiIds> due;
    unsigned count = 0;
    unsigned seen = 0;
    for (unsigned i = 0; i < queue.size(); ++i) {
      const AxiBurst& burst = queue.at(i);
      if ((seen >> burst.id & 1) == 0 && burst.ready_cycle <= cycle_ + 1) due[count++] = i;
      seen |= 1u << burst.id;
    }
    return count == 0 ? kNone : due[random_.below(count)];
  }

  static constexpr unsigned kNone = ~0u;
  static constexpr int kPoison = 0xa5;  // Data of a faulting beat.

  Top& top_;
  driver::SparseRam& ram_;
  AxiSettings settings_;
  AxiRandom random_;
  AxiStalls stall_ar_, stall_r_, stall_aw_, stall_w_, stall_b_;
  AxiPace read_pace_, write_pace_;
  std::uint64_t cycle_ = 0;
  bool active_ = false;
  bool taken_r_ = false, taken_b_ = false;  // Handshakes of the last edge.
  AxiBurstQueue reads_;                     // Accepted, last beat not transferred.
  AxiBurstQueue writes_;                    // Accepted, last data beat not transferred.
  AxiBurstQueue responses_;                 // All data there, response not taken.
  std::array<unsigned, kAxiIds> reads_of_{}, writes_of_{};
  unsigned shown_read_ = 0;      // Place in reads_ of the beat on the R channel.
  unsigned shown_response_ = 0;  // Place in responses_ of what is on the B channel.
  Stalled stalled_;
  Address held_ar_, held_aw_;
  std::array<std::byte, kBeatBytes> held_w_{};
  std::uint64_t held_strobe_ = 0;
  bool held_last_ = false;
  AxiCounts counts_;
  AxiObserver* observer_ = nullptr;
};

}  // namespace tandem::rtlmodel

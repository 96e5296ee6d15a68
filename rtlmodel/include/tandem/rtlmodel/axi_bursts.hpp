// SPDX-License-Identifier: Apache-2.0
// Bursts in flight and the sources of random stalls: the parts of the AXI memory without pins.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tandem::rtlmodel {

inline constexpr unsigned kAxiIds = 16;
inline constexpr unsigned kMaxOutstanding = 64;

struct AxiBurst {
  std::uint64_t addr = 0;
  std::byte* host = nullptr;      ///< Of `addr`; null where no memory is.
  std::uint64_t ready_cycle = 0;  ///< First cycle in which the response may go out.
  std::uint8_t id = 0;
  std::uint8_t len = 0;       ///< Beats minus 1.
  std::uint8_t beat = 0;      ///< Beats transferred.
  std::uint8_t response = 0;  ///< Of a write: the worst so far.
};

/// Is told what a master does, in order, at the rising edges.
class AxiObserver {
 public:
  virtual ~AxiObserver() = default;
  /// A read burst was accepted.
  virtual void read_begins(const AxiBurst& burst) = 0;
  /// All data of a write burst are in memory.
  virtual void write_ends(const AxiBurst& burst) = 0;
};

/// Bursts in the order of acceptance, in a ring that holds all that can be outstanding.
class AxiBurstQueue {
 public:
  bool empty() const { return head_ == tail_; }
  unsigned size() const { return tail_ - head_; }
  AxiBurst& at(unsigned i) { return ring_[(head_ + i) % kCapacity]; }
  const AxiBurst& at(unsigned i) const { return ring_[(head_ + i) % kCapacity]; }
  AxiBurst& front() { return at(0); }
  void push(const AxiBurst& burst) { ring_[tail_++ % kCapacity] = burst; }
  void pop() { ++head_; }
  /// Removes burst `i`; the order of the others stays.
  void remove(unsigned i) {
    for (; i > 0; --i) at(i) = at(i - 1);
    ++head_;
  }
  void clear() { head_ = tail_ = 0; }

 private:
  static constexpr unsigned kCapacity = kAxiIds * kMaxOutstanding;
  std::array<AxiBurst, kCapacity> ring_{};
  unsigned head_ = 0;  // Both count modulo 2^32.
  unsigned tail_ = 0;
};

/// xorshift64*: fast, and the same everywhere.
class AxiRandom {
 public:
  explicit AxiRandom(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 0x1234567) {
    if (state_ == 0) state_ = 1;
  }
  /// Uniform in [0, bound), bound at most 2^32.
  std::uint32_t below(std::uint32_t bound) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<std::uint32_t>(((state_ * 0x2545f4914f6cdd1d >> 32) * bound) >> 32);
  }

 private:
  std::uint64_t state_;
};

/// Decides each cycle whether a channel is held back: runs of 1 to 8 cycles, now and then of up to
/// 64, in the share asked for.
class AxiStalls {
 public:
  AxiStalls(std::uint32_t percent, std::uint64_t seed) : random_(seed), percent_(percent) {}
  bool next() {
    if (percent_ == 0) return false;
    if (left_ == 0) {
      stalled_ = random_.below(100) < percent_;
      left_ = 1 + random_.below(random_.below(16) == 0 ? 64 : 8);
    }
    --left_;
    return stalled_;
  }

 private:
  AxiRandom random_;
  std::uint32_t percent_;
  std::uint32_t left_ = 0;
  bool stalled_ = false;
};

/// Spaces beats: one is due when `ready` says so, `take` marks it.
class AxiPace {
 public:
  explicit AxiPace(double beats_per_cycle)
      : interval_(static_cast<std::uint64_t>(kOne / beats_per_cycle)) {}
  bool ready(std::uint64_t cycle) const { return cycle * kOne >= next_; }
  void take(std::uint64_t cycle) {
    // Half a beat of slack, so that rounding does not cost whole cycles.
    const std::uint64_t now = cycle * kOne;
    next_ = (next_ + kOne > now ? next_ : now) + interval_;
  }

 private:
  static constexpr std::uint64_t kOne = 1 << 16;
  std::uint64_t interval_;
  std::uint64_t next_ = 0;
};

/// Counts since construction.
struct AxiCounts {
  std::uint64_t read_bursts = 0;
  std::uint64_t read_beats = 0;
  std::uint64_t write_bursts = 0;
  std::uint64_t write_beats = 0;
  std::uint64_t responses = 0;  ///< Of writes.
  /// Grows with every handshake: what a watchdog looks at.
  std::uint64_t handshakes() const {
    return read_bursts + read_beats + write_bursts + write_beats + responses;
  }
};

/// Throws kInternal: "AXI protocol violation in cycle N: `what`. Rule: `rule`".
[[noreturn]] void throw_axi_violation(std::uint64_t cycle, const std::string& what,
                                      const char* rule);
/// "AR id 1, address 0x80000000, length 3".
std::string describe_address(const char* channel, unsigned id, std::uint64_t addr, unsigned len);
/// "id 1: 4 beats at 0x80000000, 2 transferred" for the oldest eight, one on a line.
std::string describe_bursts(const AxiBurstQueue& queue, const char* kind);

}  // namespace tandem::rtlmodel

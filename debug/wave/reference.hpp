// SPDX-License-Identifier: Apache-2.0
// What the packet should do: its surroundings and its results, from the trace and the cmodel.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/debug/case_file.hpp"
#include "tandem/debug/player.hpp"
#include "tandem/driver/sparse_ram.hpp"
#include "vector_steps.hpp"

namespace tandem::debug::wave {

/// Bytes that the packet must leave in memory, and each value on the way there.
class ExpectedWrites {
 public:
  enum class Verdict : std::uint8_t {
    kRight,
    kWrong,  ///< Another value.
    kStray,  ///< A byte that the packet must not write.
    kAgain,  ///< A byte that was written already.
  };

  void add(std::uint64_t addr, std::vector<std::uint8_t> bytes);
  /// Words that are written several times, with every value (SCATTER_ADD).
  void add_sequence(std::uint64_t addr, std::uint32_t value) { sequences_[addr].push_back(value); }
  void finish();

  /// A byte is written. `expected`: what it should be, where there is such a value.
  Verdict write(std::uint64_t addr, std::uint8_t byte, std::uint8_t& expected);
  /// Addresses that were not written as often as they should; at most `limit`.
  std::vector<std::uint64_t> missing(std::size_t limit) const;
  /// The final value; false for a byte that the packet must not write.
  bool expected_at(std::uint64_t addr, std::uint8_t& byte) const;
  bool holds(std::uint64_t addr) const { return find(addr) != kNone; }

 private:
  struct Range {
    std::uint64_t addr = 0;
    std::vector<std::uint8_t> bytes;
    std::vector<char> written;
    std::uint64_t end() const { return addr + bytes.size(); }
  };
  static constexpr std::size_t kNone = ~std::size_t{0};
  /// Index of the range that holds the byte, or kNone.
  std::size_t find(std::uint64_t addr) const;

  std::vector<Range> ranges_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> sequences_;
  std::unordered_map<std::uint64_t, std::array<std::uint32_t, 4>> progress_;
  mutable std::size_t last_ = 0;
};

struct Reference {
  driver::DeviceConfig config;
  TracePacket packet;
  abi::Completion completion;                 ///< Expected.
  std::shared_ptr<driver::SparseRam> before;  ///< Memory when the packet starts.
  std::vector<std::uint64_t> program;         ///< Loaded micro-program words.
  Tables tables;
  ExpectedWrites writes;
  std::optional<Case> item;  ///< Where the trace is a case.
  /// Destinations whose contents are unspecified because of how the packet ends.
  std::vector<abi::Operand> unspecified;

  bool is_unspecified(std::uint64_t addr) const;
};

/// Throws as find_first_wrong.
Reference make_reference(const std::string& trace, std::optional<std::uint64_t> number);

}  // namespace tandem::debug::wave

// SPDX-License-Identifier: Apache-2.0
// The bytes of an operand in ascending order, and whether two operands share any.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "tandem/abi/footprint.hpp"

namespace tandem::cmodel {

/// More runs than this are not looked at one by one.
inline constexpr std::uint64_t kMaxRuns = std::uint64_t{1} << 20;

/// [begin, end).
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// An operand as a set of bytes: loops over extents with distinct non-zero strides, widest stride
/// first, folded into as few and as long runs as strides alone allow.
class Layout {
 public:
  explicit Layout(const abi::Operand& operand);

  Range hull() const { return {base_, base_ + span_}; }
  std::uint64_t num_runs() const { return num_runs_; }
  /// Every run ends before the next one begins.
  bool ascending() const { return ascending_; }
  /// Same bytes, read from the strides; false does not mean that bytes differ.
  bool same_bytes(const Layout& other) const;

  /// Calls `visit(begin, num_bytes)` for every run until it returns false. Only if `num_runs()` is
  /// at most kMaxRuns.
  template <class Visit>
  void for_each_run(Visit&& visit) const {
    std::array<std::uint64_t, abi::Operand::kMaxDims> index{};
    std::uint64_t addr = base_;
    for (;;) {
      if (!visit(addr, run_)) return;
      int d = num_dims_ - 1;
      for (; d >= 0; --d) {
        const auto& dim = dims_[std::size_t(d)];
        if (++index[std::size_t(d)] < dim.extent) {
          addr += dim.stride;
          break;
        }
        addr -= (dim.extent - 1) * dim.stride;
        index[std::size_t(d)] = 0;
      }
      if (d < 0) return;
    }
  }

  /// Runs in ascending order.
  std::vector<Range> sorted_runs() const;

 private:
  std::uint64_t base_ = 0;
  std::uint64_t run_ = 0;
  std::uint64_t span_ = 0;
  std::uint64_t num_runs_ = 1;
  bool ascending_ = true;
  int num_dims_ = 0;
  std::array<abi::Operand::Dim, abi::Operand::kMaxDims> dims_{};
};

/// What an examination found. `kTooMany`: more runs than are looked at.
enum class Answer : std::uint8_t { kNo, kYes, kTooMany };

struct Shared {
  Answer answer = Answer::kNo;
  std::uint64_t addr = 0;  ///< kYes: the first byte.
};

/// Whether two operands share bytes.
Shared shared_bytes(const Layout& a, const Layout& b);
/// Whether two positions of an operand share bytes.
Shared repeated_bytes(const abi::Operand& operand);

}  // namespace tandem::cmodel

// SPDX-License-Identifier: Apache-2.0
// Ops of packets and tensors of addresses, as annotations tell them.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tandem/driver/backend.hpp"

namespace tandem::lockstep {

/// Thread-safety: none.
class Names {
 public:
  void note(const driver::Annotation& note);
  /// Op of a packet; empty if nobody said.
  std::string op(std::uint64_t seq) const;
  /// "tensor 'q' + 0x40", "allocation 'weights' + 0x0"; empty if nobody said.
  std::string place(std::uint64_t addr) const;
  /// Packets before `seq` will not be asked for any more.
  void forget_before(std::uint64_t seq);

 private:
  struct Range {
    std::uint64_t num_bytes = 0;
    std::string name;
  };
  using Ranges = std::map<std::uint64_t, Range>;
  struct Op {
    std::uint64_t last_seq = 0;
    std::string name;
  };

  static const Ranges::value_type* find(const Ranges& ranges, std::uint64_t addr);

  Ranges tensors_;
  Ranges allocations_;
  std::map<std::uint64_t, Op> ops_;  // By first packet.
};

}  // namespace tandem::lockstep

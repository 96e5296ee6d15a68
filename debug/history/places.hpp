// SPDX-License-Identifier: Apache-2.0
// What addresses are at a point of a trace.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tandem/runtime/trace.hpp"

namespace tandem::debug {

/// Tensors and allocations as the records of a trace tell them.
class Places {
 public:
  void take(const runtime::TraceRecord& record);
  /// "tensor 'q' + 0x40", "allocation 'w' + 0x0"; empty if nobody said.
  std::string at(std::uint64_t addr) const;

 private:
  struct Range {
    std::uint64_t num_bytes = 0;
    std::string name;
  };
  using Ranges = std::map<std::uint64_t, Range>;

  static std::string text(const Ranges& ranges, const char* kind, std::uint64_t addr);

  Ranges tensors_;
  Ranges allocations_;
};

}  // namespace tandem::debug

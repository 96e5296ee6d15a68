// SPDX-License-Identifier: Apache-2.0
// Micro-programs of a trace, for counting what they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::debug {

/// Follows host writes and LOAD_UCODE packets of a trace. Programs that packets have written
/// themselves are not seen; their operations count as none.
class Programs {
 public:
  /// Looks through the trace for the memory that programs are loaded from, which is all that it
  /// keeps then.
  Programs(runtime::TraceReader& trace, std::uint32_t ucode_words);

  void host_write(const runtime::TraceRecord& record);
  void packet(const abi::Packet& packet);

  /// Operations on elements that the VECTOR packet makes on vector lanes: arithmetic and
  /// reductions, not loads, stores and operations on row scalars.
  std::uint64_t lane_ops(const abi::Packet& packet) const;

 private:
  std::map<std::uint64_t, std::vector<std::byte>> sources_;  // By address; disjoint.
  std::vector<std::uint64_t> words_;
};

}  // namespace tandem::debug

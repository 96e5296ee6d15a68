// SPDX-License-Identifier: Apache-2.0
// The packets of a trace with their ops and completions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tandem/abi/isa.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::debug {

/// A packet of a trace.
struct TracePacket {
  std::uint64_t number = 0;  ///< Its sequence number when it was recorded.
  std::uint64_t index = 0;   ///< Packets of the trace before it.
  std::string op;            ///< "layer.3/attention/softmax"; empty: none.
  abi::Packet packet;        ///< As recorded.
  /// Its completion in the trace; empty if it never came.
  std::optional<abi::Completion> recorded;
  /// It never completed and stands behind one that failed: the recorded device never ran it.
  bool abandoned = false;
};

/// Reads a trace packet by packet. The completion of a packet stands further on in the file; it is
/// looked for there.
class TracePackets {
 public:
  /// Called for every record that is neither packet, completion nor op.
  using OnRecord = std::function<void(const runtime::TraceRecord&)>;

  explicit TracePackets(runtime::TraceReader trace);
  ~TracePackets();
  TracePackets(TracePackets&&) noexcept;
  TracePackets& operator=(TracePackets&&) noexcept;

  const runtime::TraceInfo& info() const;
  /// The next packet; false behind the last. Throws as TraceReader, and kInvalidArgument for
  /// numbers that do not ascend.
  bool next(TracePacket& packet, const OnRecord& on_record = {});
  /// Records read so far.
  std::uint64_t num_records() const;
  /// Number of the last packet whose completion stands before the record that was read last: what
  /// the recording host knew there. 0: none.
  std::uint64_t completed() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::debug

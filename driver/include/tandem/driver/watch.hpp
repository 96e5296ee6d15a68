// SPDX-License-Identifier: Apache-2.0
// Byte ranges that stop a run at the packet that touches them.
#pragma once

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/touch.hpp"

namespace tandem::driver {

struct WatchRange {
  abi::ByteRange bytes;
  bool reads = true;   ///< Packets that read any of the bytes stop.
  bool writes = true;  ///< Packets that write any of them stop.
};

/// "ADDRESS[+BYTES]" (decimal or 0x hexadecimal, one byte by default), with "r:" or "w:" in front
/// for reads or writes alone. Throws kInvalidArgument.
WatchRange parse_watch_range(std::string_view text);
std::string to_string(const WatchRange& range);

/// What a packet would do to a watched byte.
struct WatchHit {
  WatchRange range;
  abi::Packet packet;
  std::string operand;  ///< E.g. "c".
  std::string element;  ///< E.g. "c[0, 0, 5, 64]", the first that touches the range.
  std::uint64_t addr = 0;
  bool reads = false;
  bool writes = false;
  bool indexed = false;  ///< The packet's index data decides whether the byte is touched at all.
};

/// The first operand of the packet that touches a range, by its exact bytes. Nothing for packets
/// that fail the checks that need no memory: they touch nothing.
std::optional<WatchHit> find_watch_hit(std::span<const WatchRange> ranges,
                                       const abi::Packet& packet);

/// A run was stopped as it was asked to. Thrown where a packet is submitted; it is no Error and is
/// not to be caught on the way up. All packets before it have completed; it was not submitted.
class WatchStop : public std::runtime_error {
 public:
  /// `op` and `place` may be empty.
  WatchStop(WatchHit hit, std::string op, std::string place);

  const WatchHit& hit() const noexcept { return hit_; }
  const std::string& op() const noexcept { return op_; }
  /// A sentence about the address: region, allocation, tensor.
  const std::string& place() const noexcept { return place_; }

 private:
  WatchHit hit_;
  std::string op_;
  std::string place_;
};

}  // namespace tandem::driver

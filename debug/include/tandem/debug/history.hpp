// SPDX-License-Identifier: Apache-2.0
// Who wrote and who read a byte in a recorded run.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/touch.hpp"

namespace tandem::debug {

/// One operand of a packet, or one write of the host, that touches the bytes asked for.
struct Access {
  enum class By : std::uint8_t {
    kPacket,
    kHost,
    kStart,  ///< Memory as the recording found it.
  };
  enum class Outcome : std::uint8_t {
    kDone,
    kFailed,      ///< The packet ended with an error; what it wrote is unspecified.
    kUnfinished,  ///< No completion in the trace: abandoned by a reset, or the trace ends.
  };

  By by = By::kPacket;
  bool reads = false;
  bool writes = false;
  bool indexed = false;   ///< The packet's index data decides whether it touches them.
  std::uint64_t seq = 0;  ///< Of the packet; of others that of the next packet.
  abi::Packet packet;     ///< Undefined unless `by` is kPacket.
  abi::Operand operand;   ///< Likewise.
  std::string op;
  std::string element;     ///< First element that touches them, e.g. "c[0, 0, 5, 64]".
  abi::ByteRange bytes;    ///< Of the host's write.
  std::uint64_t addr = 0;  ///< First byte touched.
  std::string place;       ///< What it was then: "tensor 'q' + 0x40", "allocation 'w' + 0x0".
  Outcome outcome = Outcome::kDone;
  abi::Fault error = abi::Fault::kNone;
};

struct History {
  std::string path;
  std::string backend;
  std::string region;  ///< That holds the first byte; empty: none.
  abi::ByteRange range;
  std::vector<Access> accesses;  ///< In the order of submission.
};

/// Bytes of the largest range that `history_of` takes.
inline constexpr std::uint64_t kMaxHistoryBytes = 65536;

/// Everything that touched a byte of the range before packet `before`, by the exact bytes of
/// strided operands. Packets that a check refused touched nothing and are left out. Throws
/// kInvalidArgument for a range that is empty, too large or in no region; and as TraceReader.
History history_of(const std::string& path, abi::ByteRange range,
                   std::uint64_t before = std::numeric_limits<std::uint64_t>::max());

/// Who wrote a piece of the range last.
struct LastWriter {
  abi::ByteRange bytes;
  /// Null: nobody; the bytes were zero when the recording began.
  const Access* access = nullptr;
  /// Packets behind it that may have written the bytes, as their index data decided; newest first.
  std::vector<const Access*> maybe;
};

/// For every byte of the range, in pieces that adjoin.
std::vector<LastWriter> last_writers(const History& history);

/// "packet 812 MATMUL writes c[0, 0, 5, 64]", without op and place.
std::string describe(const Access& access);

}  // namespace tandem::debug

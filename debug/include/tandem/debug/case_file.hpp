// SPDX-License-Identifier: Apache-2.0
// A failing packet with everything that it needs, in one file that any device replays.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/base/phys_addr.hpp"
#include "tandem/debug/difference.hpp"
#include "tandem/debug/player.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::debug {

/// The first difference as the header of a case tells it.
struct CaseElement {
  std::string operand;
  std::string index;  ///< "[0, 0, 1, 3]"; empty: the byte lies outside the packet's operands.
  std::uint64_t addr = 0;
  std::string type;  ///< "f32" ...; "none" for bytes that are moved.
  std::string a;     ///< Bits of the value in hexadecimal, most significant digit first.
  std::string b;
};

/// What a case came from. Nothing of it changes a replay.
struct CaseOrigin {
  std::string model;
  std::string op;             ///< Of the failing packet.
  std::uint64_t number = 0;   ///< Of the failing packet in the trace.
  std::string a = "cmodel:";  ///< URI of the device that gave the expected bytes.
  std::string b;              ///< URI of the device that was wrong.
  std::optional<CaseElement> element;
  std::uint64_t seed = 0;
};

struct MemoryPiece {
  PhysAddr addr;
  std::vector<std::byte> bytes;
};

/// What the host wrote between two packets.
struct HostWrite {
  MemoryPiece piece;
  /// Number of the last packet that the host had seen complete when it wrote; 0: of none.
  std::uint64_t completed = 0;
};

struct CasePacket {
  abi::Packet packet;  ///< Its `seq` is its number.
  std::string op;
  abi::Completion completion;  ///< On the reference.
  /// What happens behind the packet before it: first the reset, when all of them have ended.
  bool reset = false;
  std::vector<HostWrite> writes;
};

/// A case in memory. The last packet is the one that fails; those before it load micro-programs, or
/// are needed to make it fail. They are submitted together; only host writes wait, for the packets
/// that the recording host had waited for, and resets, for all.
struct Case {
  CaseOrigin origin;
  driver::DeviceConfig config;
  std::vector<TraceTensor> tensors;
  std::vector<MemoryPiece> memory;  ///< What the packets find; everything else is zero.
  std::vector<CasePacket> packets;
  std::vector<MemoryPiece> expected;  ///< What the last packet leaves; ascending addresses.

  const CasePacket& failing() const { return packets.back(); }
  /// Bytes of `memory` and of host writes.
  std::uint64_t num_bytes() const;
};

/// Whether the trace is a case.
bool is_case(const runtime::TraceInfo& trace);

/// Throws as TraceReader, and kInvalidArgument for a trace that is no case, or one of more than
/// 1 GiB of memory or 4096 packets.
Case read_case(const std::string& path);
void write_case(const Case& item, const std::string& path);

/// Makes a case of the packet that `player.next()` has just given and, with `packets` above 1, of
/// those after it; plays them. Memory is A's: pages that packets read or write, before they do;
/// expected are the pages that the last one writes. What the host writes to these pages between the
/// packets, and resets, are in the case; packets that the trace abandoned are not. Throws
/// kInvalidArgument at the end of the trace, or where A fails to complete a packet.
Case record_case(Player& player, std::uint64_t packets = 1);

/// What a device made of a case.
struct CaseResult {
  enum class Kind {
    kPassed,      ///< Completion and bytes are as expected.
    kBytes,       ///< Elements differ; `element` is the first.
    kStray,       ///< A byte outside the packet's operands differs; `element` is the first.
    kCompletion,  ///< Error, fault address or checksum differ, bytes do not.
    kHung,        ///< No completion.
  };
  Kind kind = Kind::kPassed;
  Outcome outcome;  ///< Of the last packet.
  std::optional<ElementDifference> element;
  /// Packet, op, first difference: a few lines; empty if it passed.
  std::string text;

  bool passed() const { return kind == Kind::kPassed; }
};

/// Runs a case on a device of the same configuration (else kMismatch) whose memory is empty.
/// `deadline`: of all packets together; 0: the device's own limit.
CaseResult run_case(const Case& item, runtime::Device& device,
                    std::chrono::nanoseconds deadline = {});

/// The header's element.
CaseElement to_case_element(const ElementDifference& element);

struct ReduceOptions {
  std::chrono::nanoseconds deadline{};  ///< Of one run on one device; 0: the devices' own.
  std::uint64_t max_runs = 1000;        ///< On B.
  /// Told after each run: how many so far, and what the smallest case that fails holds.
  std::function<void(std::uint64_t runs, const Case& smallest)> on_progress;
};

struct ReducedCase {
  Case item;
  CaseResult result;  ///< Of B.
  std::uint64_t runs = 0;
};

/// Drops packets and shrinks extents while the case fails in the same way (bytes, completion or
/// hang) on B; expected bytes come from A. Throws kInvalidArgument if it does not fail on B.
ReducedCase reduce_case(const Case& item, const OpenDevice& a, const OpenDevice& b,
                        const ReduceOptions& options = {});

}  // namespace tandem::debug

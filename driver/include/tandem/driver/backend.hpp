// SPDX-License-Identifier: Apache-2.0
// The seam between the driver and every device: registers, memory, interrupt, reset. No method per
// opcode.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tandem/base/phys_addr.hpp"

namespace tandem::driver {

class SparseRam;

/// A note about what software does, for check mode, traces and waves. Never affects results.
struct Annotation {
  enum class Kind : std::uint8_t {
    kAllocate,  ///< [addr, addr + num_bytes) is now a live allocation called `name`.
    kFree,      ///< The allocation at `addr` ended.
    kTensor,    ///< [addr, addr + num_bytes) holds the tensor `name`.
    kPacket,    ///< Packets [first_seq, last_seq] belong to the op `name`.
  };
  Kind kind = Kind::kPacket;
  std::string name;
  PhysAddr addr;
  std::uint64_t num_bytes = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
};

/// A device. One driver owns one backend.
///
/// Thread-safety: calls may come from several threads; read32/write32 are ordered per calling
/// thread. Bulk memory accesses race with packets in flight exactly as on silicon: software orders
/// them through completions. Failures of the transport throw tandem::Error (kUnavailable for a lost
/// device, kInvalidArgument for an address that no memory answers, naming it); device errors arrive
/// as completions.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Short name with configuration, e.g. "cmodel:edge". Required.
  virtual std::string name() const = 0;

  /// Register access at a byte offset (multiple of 4), ordered. Unknown offsets read 0, writes are
  /// ignored. Required.
  virtual std::uint32_t read32(std::uint32_t offset) = 0;
  virtual void write32(std::uint32_t offset, std::uint32_t value) = 0;

  /// Bulk memory access at physical addresses, any alignment and length. Memory never written reads
  /// as zero on simulated RAM. Required.
  virtual void read(PhysAddr src, std::span<std::byte> dst) = 0;
  virtual void write(PhysAddr dst, std::span<const std::byte> src) = 0;

  /// Waits until the interrupt line is high; returns its level after at most `timeout`. Required.
  virtual bool wait_irq(std::chrono::nanoseconds timeout) = 0;

  /// Hard reset: as COMMAND.RESET, and works when the device is stuck. Memory keeps its contents.
  /// Required.
  virtual void reset() = 0;

  /// Optional, default: ignored.
  virtual void annotate(const Annotation& /*note*/) {}

  /// Optional, default: none. A host window onto device memory for zero-copy transfers, valid as
  /// long as the backend; empty if there is none for the whole range.
  virtual std::span<std::byte> window(PhysAddr /*addr*/, std::uint64_t /*num_bytes*/) { return {}; }

  /// Optional, default: none. The simulated RAM of in-process backends, for snapshots and hybrid
  /// runs.
  virtual std::shared_ptr<SparseRam> ram() { return nullptr; }

  /// Optional, default: empty. Findings of check mode since the last call, one text each.
  virtual std::string take_findings() { return {}; }
};

}  // namespace tandem::driver

// SPDX-License-Identifier: Apache-2.0
// Check mode: what packets and the host do to device memory, held against what software announced.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "findings.hpp"
#include "layout.hpp"
#include "memory_map.hpp"
#include "tandem/abi/footprint.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/driver/backend.hpp"
#include "tandem/driver/command_processor.hpp"
#include "tandem/driver/device_config.hpp"
#include "written_map.hpp"

namespace tandem::cmodel {

/// Reports reads of bytes that nothing has written, accesses outside live allocations, operands of
/// one packet that share bytes, bytes that one packet writes twice, packets that touch the same
/// bytes and that nothing orders, and host accesses to bytes of packets in flight. Changes neither
/// memory nor results.
///
/// Thread-safety: all members may be called from any thread.
class Checker {
 public:
  explicit Checker(const driver::DeviceConfig& config);

  /// What software announces; see driver::Backend::annotate.
  void annotate(const driver::Annotation& note);

  /// The host has announced packets up to ring count `tail` when it had acknowledged the
  /// completions of those below `done` (counts modulo 2^32, from 0 after a reset).
  void announced(std::uint32_t tail, std::uint32_t done);
  void reset();

  /// A packet issues. Called for every packet in ring order, also for those that failed their
  /// checks (empty list).
  void issued(const abi::Packet& packet, const abi::OperandList& operands);
  /// The packet is about to execute in an engine: the checks that need memory or the program.
  void examine(const abi::Packet& packet, const abi::OperandList& operands,
               const driver::SparseRam& ram, const driver::UcodeMemory& ucode);
  /// The packet with these operands ended without an error.
  void completed(const abi::OperandList& operands);

  /// Host accesses of [addr, addr + num_bytes), not of rings; `pending` as
  /// CommandProcessor::pending.
  void host_read(std::uint64_t addr, std::uint64_t num_bytes, std::span<const abi::Packet> pending);
  void host_write(std::uint64_t addr, std::uint64_t num_bytes,
                  std::span<const abi::Packet> pending);

  /// Findings since the last call, one line each; empty if there are none.
  std::string take_findings();

 private:
  /// A packet that no later packet has waited for.
  struct InFlight {
    std::uint32_t count = 0;  ///< Ring count.
    abi::Packet packet;
    abi::OperandList operands;
  };
  /// Packets below ring count `tail` were announced when those below `done` were known completed.
  struct Doorbell {
    std::uint32_t tail = 0;
    std::uint32_t done = 0;
  };

  static constexpr int kEngines = 3;

  void order(const abi::Packet& packet, const abi::OperandList& operands);
  void check_order(const abi::Packet& packet, const abi::Operand& operand, const InFlight& earlier);
  void check_live(const abi::Packet& packet, const abi::Operand& operand);
  void check_written(const abi::Packet& packet, const abi::Operand& operand, const Layout& layout);
  void check_twice(const abi::Packet& packet, const abi::Operand& operand);
  void check_overlap(const abi::Packet& packet, const abi::OperandList& operands,
                     unsigned late_inputs);
  void check_indexed(const abi::Packet& packet, const abi::OperandList& operands,
                     const driver::SparseRam& ram);
  void host_access(std::uint64_t addr, std::uint64_t num_bytes, bool write,
                   std::span<const abi::Packet> pending);

  std::string packet_name(const abi::Packet& packet) const;
  void report(std::string_view kind, const abi::Packet& packet, std::string_view operand,
              std::string_view what);

  std::mutex mutex_;
  MemoryMap map_;
  WrittenMap written_;
  Findings findings_;
  std::array<std::vector<InFlight>, kEngines> in_flight_;
  std::deque<Doorbell> doorbells_;
  std::uint32_t next_count_ = 0;  ///< Ring count of the next packet that issues.
  std::uint32_t known_done_ = 0;
};

}  // namespace tandem::cmodel

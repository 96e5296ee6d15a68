// SPDX-License-Identifier: Apache-2.0
// Which bytes a packet reads and writes, and the checks that need no memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "tandem/abi/isa.hpp"

namespace tandem::abi {

enum class Role : std::uint8_t { kRead, kWrite, kReadWrite };

/// A memory operand: the bytes base + sum(i_d * stride_d) + [0, run_bytes) for all 0 <= i_d <
/// extent_d. Operands of GATHER (source) and SCATTER_ADD (destination) that an index selects cover
/// every index below the limit.
struct Operand {
  struct Dim {
    std::uint64_t extent = 1;
    std::uint64_t stride = 0;  ///< Bytes.
  };
  static constexpr int kMaxDims = 6;

  std::string_view
      name;  ///< "a", "b", "in0", "src" ...: the packet's address field without "_addr".
  Role role = Role::kRead;
  bool indexed = false;          ///< Which of the bytes are touched depends on index data.
  std::uint16_t addr_field = 0;  ///< Byte offset of the address field in the packet.
  std::uint64_t base = 0;
  std::uint64_t run_bytes = 0;  ///< Contiguous bytes at every position.
  int num_dims = 0;
  std::array<Dim, kMaxDims> dims{};  ///< Outermost first.

  /// run_bytes times all extents: every position counts, also where strides repeat bytes. At most
  /// 2^64 - 1.
  std::uint64_t total_bytes() const;
  /// First byte after the last one; the hull is [base, hull_end). Valid only if the packet passed
  /// `check_packet`; 0 if the last byte is 2^64 - 1.
  std::uint64_t hull_end() const;
};

/// Fixed-capacity list of operands in the order in which errors are reported.
struct OperandList {
  std::array<Operand, 8> items{};
  int count = 0;
  std::span<const Operand> view() const { return {items.data(), static_cast<std::size_t>(count)}; }
};

/// Operands of a packet of a known opcode. The packet must have passed `check_packet`.
/// Rings are not included. User opcodes have none.
OperandList operands(const Packet& packet);

/// Result of a check: fault and the fault_addr that the completion reports.
struct CheckResult {
  Fault fault = Fault::kNone;
  std::uint64_t fault_addr = 0;
  explicit operator bool() const { return fault != Fault::kNone; }
};

/// Limits of a device that the checks need.
struct DeviceLimits {
  std::uint32_t ucode_words = 0;         ///< Capacity of the micro-program memory.
  std::uint32_t loaded_ucode_words = 0;  ///< Words loaded since reset.
};

/// The checks that need no memory, in the contract's order: opcode, fields, shape, overflow,
/// alignment.
CheckResult check_packet(const Packet& packet, const DeviceLimits& limits);

/// Structure check of a micro-program against the VECTOR packet that uses it. `program` holds the
/// words from ucode_start on that are loaded; words past ucode_words are ignored, and if it is
/// shorter, the word after it counts as not loaded. fault_addr is the absolute index of the first
/// bad word. `tables_loaded`: bit t for table t.
CheckResult check_ucode(const VectorPacket& packet, std::span<const std::uint64_t> program,
                        unsigned tables_loaded);

/// One region of the device's memory map.
struct Region {
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  bool valid = false;
  bool writable = false;
};

/// The extent check: the first operand whose hull leaves the regions (or touches one that is not
/// writable while the operand is written), with its lowest bad byte.
CheckResult check_extents(std::span<const Operand> operands, std::span<const Region> regions);

/// Calls `visit(addr, num_bytes)` for every contiguous run of an operand, adjacent runs merged
/// where the layout allows.
template <class Visit>
void for_each_run(const Operand& operand, Visit&& visit);

}  // namespace tandem::abi

#include "tandem/abi/footprint_inl.hpp"

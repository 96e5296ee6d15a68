// SPDX-License-Identifier: Apache-2.0
// The device contract as plain loops over one element at a time, to compare with.
#pragma once

#include <cstdint>
#include <span>

#include "test_device.hpp"

namespace tandem::cmodel::test {

/// What a packet does to memory, with its checksum or error.
struct Expected {
  abi::Fault error = abi::Fault::kNone;
  std::uint64_t fault_addr = 0;
  std::uint64_t checksum = 0;
};

/// Element access of the reference; collects the checksum of what it writes.
class ReferenceMemory {
 public:
  explicit ReferenceMemory(Memory& bytes) : bytes_(bytes) {}
  std::uint64_t get(std::uint64_t addr, unsigned num_bytes) const;
  void put(std::uint64_t addr, unsigned num_bytes, std::uint64_t value);
  /// An element as `ld` widens it, and as `st` narrows it.
  std::uint32_t load(abi::Dtype type, std::uint64_t addr) const;
  void store(abi::Dtype type, bool saturate, std::uint64_t addr, std::uint32_t word);
  std::uint64_t checksum() const { return checksum_; }

 private:
  Memory& bytes_;
  std::uint64_t checksum_ = 0;
};

Expected reference_matmul(const abi::MatmulPacket& packet, Memory& memory);
Expected reference_vector(const abi::VectorPacket& packet, const driver::UcodeMemory& ucode,
                          Memory& memory);
Expected reference_copy(const abi::CopyPacket& packet, Memory& memory);
Expected reference_fill(const abi::FillPacket& packet, Memory& memory);
Expected reference_gather(const abi::GatherPacket& packet, Memory& memory);
Expected reference_scatter_add(const abi::ScatterAddPacket& packet, Memory& memory);

}  // namespace tandem::cmodel::test

// SPDX-License-Identifier: Apache-2.0
// What every command implementation gets, and the list of them: one file an opcode.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"
#include "tandem/abi/footprint.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/driver/command_processor.hpp"
#include "tandem/driver/sparse_ram.hpp"
#include "thread_pool.hpp"
#include "vector/program_cache.hpp"

namespace tandem::cmodel {

/// Everything a command may use. The packet has passed all checks of the contract.
struct CommandContext {
  const Kernels& kernels;
  ThreadPool& pool;
  ProgramCache& programs;
  const abi::OperandList& operands;
  const driver::ExecutionContext& device;

  /// Host memory of an operand by name ("a", "src" ...), nullptr if the packet lacks it.
  std::byte* pointer(std::string_view operand) const;
  bool cancelled() const { return device.cancelled.load(std::memory_order_relaxed); }
};

/// Each executes one packet and sets checksum, or error and fault address.
void run_matmul(const abi::MatmulPacket& packet, const CommandContext& context,
                driver::ExecutionResult& result);
void run_vector(const abi::VectorPacket& packet, const CommandContext& context,
                driver::ExecutionResult& result);
void run_copy(const abi::CopyPacket& packet, const CommandContext& context,
              driver::ExecutionResult& result);
void run_fill(const abi::FillPacket& packet, const CommandContext& context,
              driver::ExecutionResult& result);
void run_gather(const abi::GatherPacket& packet, const CommandContext& context,
                driver::ExecutionResult& result);
void run_scatter_add(const abi::ScatterAddPacket& packet, const CommandContext& context,
                     driver::ExecutionResult& result);

}  // namespace tandem::cmodel

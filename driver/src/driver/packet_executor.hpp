// SPDX-License-Identifier: Apache-2.0
// One packet: checks of the contract, control packets, LOAD_UCODE, and the call of the engine.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <vector>

#include "tandem/driver/command_processor.hpp"

namespace tandem::driver {

/// Thread-safety: one thread at a time; `busy` and `cancelled` may be used from others.
class PacketExecutor {
 public:
  PacketExecutor(SparseRam& ram, Engine& engine, std::uint32_t ucode_words);

  /// The memory map that packets see from now on.
  void set_regions(std::vector<abi::Region> regions);
  std::span<const abi::Region> regions() const { return regions_; }

  /// Executes the packet. Returns the engine that took it. The result means nothing once
  /// `cancelled` is set.
  abi::Engine execute(const abi::Packet& packet, ExecutionResult& result);

  /// Engine::run, with exceptions as there.
  void run(std::span<const abi::Packet> packets, bool halt_on_error, const Engine::Ended& ended);

  /// Forgets micro-programs and tables, and tells the engine.
  void reset();

  std::atomic<bool> cancelled{false};  ///< Set by a reset: end early.
  std::atomic<std::uint32_t> busy{0};  ///< Bit n: engine n executes.

 private:
  abi::CheckResult check(const abi::Packet& packet, abi::Engine& engine,
                         abi::OperandList& operands);
  abi::CheckResult check_program(const abi::Packet& packet);
  abi::CheckResult check_backed(const abi::OperandList& operands) const;
  void dispatch(const abi::Packet& packet, abi::Engine engine, const abi::OperandList& operands,
                ExecutionResult& result);
  void before(const abi::Packet& packet, const abi::OperandList& operands, ExecutionResult& result);
  void after(const abi::Packet& packet, const abi::OperandList& operands, ExecutionResult& result);
  /// An observing engine threw: the packet ends with BUS_ERROR unless it has failed already.
  static void fail(const abi::Packet& packet, const abi::OperandList& operands,
                   const std::exception& error, ExecutionResult& result);
  void run_engine(const abi::Packet& packet, const abi::OperandList& operands,
                  ExecutionResult& result);
  void signal(const abi::SignalPacket& packet, ExecutionResult& result);
  void wait(const abi::WaitPacket& packet, ExecutionResult& result);
  void load_ucode(const abi::LoadUcodePacket& packet, ExecutionResult& result);

  SparseRam& ram_;
  Engine& engine_;
  const bool observed_;
  std::array<std::optional<abi::Engine>, 256> engine_of_{};
  std::vector<abi::Region> regions_;
  bool backed_ = true;  ///< Every valid region lies in RAM.
  UcodeMemory ucode_;

  /// Programs that passed their check since the last LOAD_UCODE, by what the check depends on.
  struct CheckedProgram {
    std::uint64_t generation = ~std::uint64_t{0};
    std::array<std::uint8_t, 18> key{};
  };
  std::array<CheckedProgram, 64> checked_{};
};

}  // namespace tandem::driver

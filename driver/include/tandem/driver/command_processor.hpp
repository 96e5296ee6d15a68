// SPDX-License-Identifier: Apache-2.0
// Registers, rings and packet life cycle of an in-process device; a backend adds only the execution
// of packets.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/driver/device_config.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::driver {

/// Micro-program memory and lookup tables as LOAD_UCODE left them.
struct UcodeMemory {
  std::vector<std::uint64_t> words;  ///< UCODE_WORDS words.
  std::uint32_t loaded_words = 0;    ///< Words [0, loaded_words) have been loaded since reset.
  std::array<std::array<std::uint32_t, abi::kTableWords>, 2> tables{};
  unsigned tables_loaded = 0;  ///< Bit t: table t has been loaded since reset.
  std::uint64_t generation =
      0;  ///< Grows with every LOAD_UCODE and reset; a key for decoded programs.
};

/// What an engine reports of one packet. Zero-initialised before every call.
struct ExecutionResult {
  abi::Fault error = abi::Fault::kNone;
  std::uint64_t fault_addr = 0;
  std::uint64_t checksum = 0;         ///< Ignored on error.
  std::uint64_t bytes_read = 0;       ///< Added to the READ counter of the engine.
  std::uint64_t bytes_written = 0;    ///< Added to the WRITE counter of the engine.
  std::uint64_t cycles = 0;           ///< For the record; 0 without time.
  std::uint64_t start_cycle = 0;      ///< Likewise.
  std::optional<abi::Engine> engine;  ///< For the record; only of an engine that `takes_all`.
};

/// What an engine may look at while it executes a packet.
struct ExecutionContext {
  SparseRam& ram;
  const UcodeMemory& ucode;
  std::span<const abi::Region> regions;
  const std::atomic<bool>& cancelled;  ///< True once a reset waits; poll it every few milliseconds.
};

/// Executes packets, the part that differs between in-process backends.
///
/// Thread-safety: all calls come from one thread at a time, the worker of the command processor,
/// except `reset`, which comes from the thread that resets the device while the worker is parked.
class Engine {
 public:
  virtual ~Engine() = default;

  /// The engine that takes an opcode other than NOP, FENCE, SIGNAL, WAIT and LOAD_UCODE, which the
  /// command processor executes; none: packets of the opcode end with UNKNOWN_OPCODE. Asked once
  /// per opcode at construction.
  virtual std::optional<abi::Engine> engine_for(std::uint8_t opcode) const = 0;

  /// Executes a packet that passed all checks of the contract (section 5); every operand's hull
  /// lies in RAM, so `context.ram.pointer(operand.base, hull)` is never null. `operands` is
  /// abi::operands(packet). Reports faults found during execution through `result`; returns early,
  /// result ignored, once `context.cancelled` is set. An exception ends the packet with BUS_ERROR
  /// and is logged.
  virtual void execute(const abi::Packet& packet, const abi::OperandList& operands,
                       const ExecutionContext& context, ExecutionResult& result) = 0;

  /// If true, the engine is a whole device: every packet goes unchecked through `take` and `run`,
  /// those of the command processor too, and never through `execute`, `before` and `after`.
  virtual bool takes_all() const { return false; }
  /// How many of these packets, from the first on, `run` is to get at once; at least 1. All that
  /// are running end before it is asked again.
  virtual std::size_t take(std::span<const abi::Packet> /*packets*/) { return 1; }
  /// Runs packets, which may overlap as their wait masks allow, and calls `ended` for each in order
  /// with what belongs into its record. With `halt_on_error` nothing starts behind a packet that
  /// fails; its result and those of packets that had started are told once nothing runs any more,
  /// and those of the rest never. `context.ucode` is empty. Returns early once `context.cancelled`
  /// is set. An exception ends the packet that is next in order with BUS_ERROR and is logged.
  using Ended = std::function<void(const ExecutionResult&)>;
  virtual void run(std::span<const abi::Packet> /*packets*/, const ExecutionContext& /*context*/,
                   bool /*halt_on_error*/, const Ended& /*ended*/) {}

  /// Whether this device has a vector engine, that is, takes LOAD_UCODE.
  virtual bool has_ucode() const {
    return engine_for(std::uint8_t(abi::Opcode::kVector)).has_value();
  }

  /// The device was reset: forget everything but the contents of RAM.
  virtual void reset() {}

  /// If true, `before` and `after` are called for every packet, those of the command processor and
  /// those that fail their checks included (then with an empty operand list). For check mode,
  /// traces and memory that has to be fetched. An exception ends the packet with BUS_ERROR.
  virtual bool observes() const { return false; }
  /// The packet is about to execute.
  virtual void before(const abi::Packet& /*packet*/, const abi::OperandList& /*operands*/) {}
  /// The packet ended; its completion is not written yet.
  virtual void after(const abi::Packet& /*packet*/, const abi::OperandList& /*operands*/,
                     const ExecutionResult& /*result*/) {}
};

/// Register file, command ring, checks, WAIT, SIGNAL, LOAD_UCODE, single step, break, halt,
/// completions, interrupt, error capture and counters of an untimed device over simulated RAM.
/// Packets execute in ring order on a worker thread, so submission, WAIT and reset behave as on
/// hardware. The floating-point environment of the worker is the default one, whatever the creating
/// thread has set.
///
/// Thread-safety: all members may be called from any thread.
class CommandProcessor {
 public:
  /// `engine` must outlive this object. Throws kInvalidArgument for a configuration that no
  /// register can hold.
  CommandProcessor(const DeviceConfig& config, std::shared_ptr<SparseRam> ram, Engine& engine);
  /// Abandons pending packets, as reset does.
  ~CommandProcessor();
  CommandProcessor(const CommandProcessor&) = delete;
  CommandProcessor& operator=(const CommandProcessor&) = delete;

  /// As Backend::read32 and write32. COMMAND.RESET returns when the device is reset.
  std::uint32_t read32(std::uint32_t offset);
  void write32(std::uint32_t offset, std::uint32_t value);
  /// As Backend::wait_irq.
  bool wait_irq(std::chrono::nanoseconds timeout);
  /// As COMMAND.RESET.
  void reset();

  /// Packets that software has announced and that have not completed, oldest first.
  std::vector<abi::Packet> pending() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::driver

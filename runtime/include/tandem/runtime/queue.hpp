// SPDX-License-Identifier: Apache-2.0
// Asynchronous submission of packets.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::runtime {

/// A point in a queue: everything up to and including packet `seq`. seq 0 is always complete.
struct Event {
  std::uint64_t seq = 0;
};

/// The command queue of a Device. Packets execute as their wait masks order them (default: one
/// after the other).
///
/// An error completion surfaces as tandem::Error (kDeviceFault) from the next call that submits or
/// waits, with packet, op and field or address in the message. The device has then been reset:
/// memory is kept, packets behind the failed one are abandoned, and the queue is usable again; the
/// programs and tables that it had loaded are loaded again by themselves.
/// Thread-safety: one thread at a time.
class Queue {
 public:
  virtual ~Queue() = default;

  /// Assigns the sequence number and hands the packet over; returns at once unless the ring is
  /// full.
  virtual Event submit(const abi::Packet& packet) = 0;

  /// Typed convenience for the generated packet structs.
  template <class P>
  Event submit_packet(const P& packet) {
    return submit(abi::to_packet(packet));
  }

  /// First word of a micro-program in the device's program memory; loads it (LOAD_UCODE) if it is
  /// not there. The slot stays valid until the next call of `program`. Throws kInvalidArgument for
  /// a program that is empty or larger than the device's memory.
  virtual std::uint16_t program(std::span<const std::uint64_t> words) = 0;
  /// Loads lookup table `table` (0 or 1) unless it holds these abi::kTableWords words already.
  virtual void table(unsigned table, std::span<const std::uint32_t> words) = 0;
  /// Forgets which programs and tables are loaded: for callers who submit LOAD_UCODE themselves.
  virtual void forget_programs() = 0;

  /// Rings the doorbell for everything submitted.
  virtual void flush() = 0;
  /// Waits for an event (flushing first). Throws kDeadlineExceeded or kDeviceFault, the latter also
  /// for a packet that a reset abandoned.
  virtual void wait(Event event) = 0;
  /// Waits until nothing is in flight.
  virtual void finish() = 0;
  virtual Event last() const = 0;
  /// True once the packet has completed or was abandoned; never waits.
  virtual bool is_complete(Event event) = 0;

  /// Packets submitted from here on belong to the op `name` until the matching end; nests, names
  /// join by '/'.
  virtual void begin_op(std::string_view name) = 0;
  virtual void end_op() = 0;
  /// Name of the op of a packet that has not completed; empty if it has none.
  virtual std::string_view op_name(Event event) const = 0;

  /// Called for every completion in sequence order, with its packet and op name, while the caller
  /// waits or submits. It must not call the queue.
  using CompletionHook =
      std::function<void(const abi::Packet&, const abi::Completion&, std::string_view op)>;
  virtual void set_completion_hook(CompletionHook hook) = 0;
};

/// begin_op/end_op as a scope.
class OpScope {
 public:
  OpScope(Queue& queue, std::string_view name) : queue_(queue) { queue_.begin_op(name); }
  ~OpScope() { queue_.end_op(); }
  OpScope(const OpScope&) = delete;
  OpScope& operator=(const OpScope&) = delete;

 private:
  Queue& queue_;
};

}  // namespace tandem::runtime

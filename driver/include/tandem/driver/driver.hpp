// SPDX-License-Identifier: Apache-2.0
// The driver: hands command packets to a device and collects their completions.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/driver/backend.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::driver {

struct DriverOptions {
  enum class Waiting : std::uint8_t {
    kInterrupt,  ///< Sleep on the interrupt after a short poll.
    kPoll,       ///< Never use the interrupt.
  };
  enum class OnFault : std::uint8_t {
    kReset,  ///< Reset and start the device again before the error is thrown.
    kHold,   ///< Leave the device halted for inspection; `resume` or `restart` continue.
  };

  /// Slots of the command ring and of the completion ring: a power of two, 2 to 65536. At most so
  /// many packets are submitted and not completed.
  std::uint32_t ring_entries = 1024;
  /// `submit` rings the doorbell by itself after so many packets.
  std::uint32_t doorbell_batch = 32;
  /// Region that holds the rings, from its first byte on.
  std::string ring_region = "commands";
  Waiting waiting = Waiting::kInterrupt;
  OnFault on_fault = OnFault::kReset;
  /// Longest time without any completion; 0: progress_timeout().
  std::chrono::nanoseconds timeout{0};
};

/// What the identity block says.
struct Capabilities {
  std::uint32_t abi_version = 0;
  std::uint64_t abi_hash = 0;
  std::uint32_t array_rows = 0;
  std::uint32_t array_cols = 0;
  std::uint32_t vector_lanes = 0;
  std::uint32_t vector_length = 0;
  std::uint32_t ucode_words = 0;
  std::uint32_t axi_data_bits = 0;
  bool timed = false;
  std::string config_name;
};

/// Owns a device and its rings. Sequence numbers count from 1 and go on through resets; seq 0 is
/// always complete.
///
/// A packet that ends with an error surfaces as tandem::Error (kDeviceFault) from the next call
/// that submits, polls or waits: packet, op, field or address are in the message. By default the
/// device has then been reset and started again: memory is kept, packets submitted behind the
/// failed one are abandoned, the micro-program memory is empty
/// (`epoch` grew). A wait that sees no completion for the time limit throws kDeadlineExceeded with
/// seq, opcode, STATUS and ring counts; the device is reset likewise.
///
/// Thread-safety: one thread at a time.
class Driver {
 public:
  /// Throws kInvalidArgument for options or a configuration that no device can have.
  Driver(std::unique_ptr<Backend> backend, DeviceConfig config, DriverOptions options = {});
  /// Resets the device if it was started; never throws.
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  /// Checks the identity block, resets the device, writes region table and rings, enables it.
  /// Throws kMismatch for another magic, ABI version or ABI hash, with both values.
  void start();
  bool started() const;

  /// Copies the packet into the ring under the next sequence number, which is also stored in it.
  /// Waits for completions if the ring is full. The doorbell may ring later; `flush`, `wait` and
  /// `poll` ring it.
  std::uint64_t submit(abi::Packet& packet);
  /// Submits all; returns the last sequence number (0 if there is none).
  std::uint64_t submit(std::span<abi::Packet> packets);
  /// Typed convenience for the generated packet structs.
  template <class P>
  std::uint64_t submit_packet(const P& packet) {
    static_assert(sizeof(P) == sizeof(abi::Packet));
    abi::Packet copy = reinterpret_cast<const abi::Packet&>(packet);
    return submit(copy);
  }
  /// Rings the doorbell if anything was submitted since.
  void flush();

  /// Collects completions that are there; returns `completed()`. Never waits.
  std::uint64_t poll();
  /// Waits until packet `seq` has completed; returns at once if it has. `limit` bounds the whole
  /// wait; 0: only the time without progress is bounded. Throws kInvalidArgument for a seq that was
  /// not submitted, kDeviceFault for one that a reset abandoned, kUnavailable if the device stands
  /// in state STEP or BREAK.
  void wait(std::uint64_t seq, std::chrono::nanoseconds limit = {});
  void wait_all() { wait(submitted()); }

  /// Lets the next packet have this sequence number, above all before it; those between count as
  /// complete. Replays number packets as they were recorded. Throws kInvalidArgument for a lower
  /// number or while packets are in flight.
  void set_next_seq(std::uint64_t seq);
  std::uint64_t submitted() const;
  /// All packets up to here have completed or were abandoned.
  std::uint64_t completed() const;
  /// The completion of `seq` while it is among the last 4096 that were collected.
  std::optional<abi::Completion> completion(std::uint64_t seq) const;

  /// Called for every completion in sequence order (failed ones too, abandoned ones not) by the
  /// thread that submits, polls or waits. It must not call the driver.
  using CompletionHook = std::function<void(const abi::Packet&, const abi::Completion&)>;
  void set_completion_hook(CompletionHook hook);
  /// Names the op of a packet for messages.
  using OpNameHook = std::function<std::string(std::uint64_t seq)>;
  void set_op_name_hook(OpNameHook hook);

  /// Resets the device (everything submitted and not completed is abandoned) and starts it again.
  void restart();
  /// Number of resets so far; when it changes, micro-programs are to be loaded again.
  std::uint64_t epoch() const;

  /// Bring-up: they work between packets, see CTRL and COMMAND in the register reference.
  void set_single_step(bool on);
  void set_break(std::optional<std::uint64_t> seq);
  void resume();
  abi::DeviceState state();
  /// Waits until the device halts (ERROR, STEP, BREAK) or is idle; returns the state. Collects
  /// completions.
  abi::DeviceState wait_halted_or_idle();
  /// All registers with a value other than 0, one line each, for messages and tools.
  std::string dump_registers();

  const Capabilities& capabilities() const;
  const DeviceConfig& config() const;
  const DriverOptions& options() const;
  Backend& backend();
  /// Bytes at the start of the ring region that the rings take.
  std::uint64_t ring_bytes() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads the identity block. Throws kMismatch as Driver::start.
Capabilities read_capabilities(Backend& backend);

}  // namespace tandem::driver

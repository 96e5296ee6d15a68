// SPDX-License-Identifier: Apache-2.0
// What the engine needs of a GPU: memory by physical address, launches in order, their outcome.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "kernels/launch.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::gpu {

/// Outcome of the launches of a packet.
struct PacketOutcome {
  DeviceStatus status;
  std::uint64_t cycles = 0;       ///< Time for the completion record; 0 without a clock.
  std::uint64_t start_cycle = 0;  ///< Likewise.
};

/// A GPU with simulated physical memory. Everything runs in the order of the calls.
///
/// A lost device, a failed launch and a passed deadline throw tandem::Error (kUnavailable,
/// kDeadlineExceeded), and so does every later call.
/// Thread-safety: one thread at a time, but read and write, which may come from any thread.
class Gpu {
 public:
  virtual ~Gpu() = default;

  /// "host", or the device's name.
  virtual std::string name() const = 0;
  /// Streaming multiprocessors; the choice of tiles looks at it, results never depend on it.
  virtual unsigned multiprocessors() const = 0;

  /// Makes [addr, addr + num_bytes) of physical memory usable by kernels and returns what they
  /// dereference for `addr`. Bytes never written read as zero. The range lies in the memory map.
  virtual std::uint64_t map(std::uint64_t addr, std::uint64_t num_bytes) = 0;

  /// Physical memory from the host, after all launches so far. Throws kInvalidArgument for an
  /// address outside the memory map, naming it.
  virtual void read(std::uint64_t addr, std::span<std::byte> dst) = 0;
  virtual void write(std::uint64_t addr, std::span<const std::byte> src) = 0;

  /// Memory of the engine's own, outside the physical map: 256-byte aligned, zero, valid until
  /// `release` or the end of the Gpu.
  virtual std::uint64_t allocate(std::size_t num_bytes) = 0;
  virtual void release(std::uint64_t at) = 0;
  /// Copies to it, ordered with the launches; `src` may change once the call returns.
  virtual void upload(std::uint64_t at, std::span<const std::byte> src) = 0;

  /// The DeviceStatus that kernels get as `status`.
  virtual std::uint64_t status() const = 0;

  /// Clears the status; `cancelled` turns true when a reset waits. Valid until `end_packet`.
  virtual void begin_packet(const std::atomic<bool>& cancelled) = 0;
  virtual void launch(Kernel kernel, const LaunchShape& shape, const void* args,
                      std::size_t num_bytes) = 0;
  /// Waits for all launches. Returns early, outcome meaningless, if cancelled is set.
  virtual PacketOutcome end_packet() = 0;

  /// A micro-program compiled for this GPU, as a number for `launch_program`; none: there is no
  /// compiler, the interpreter runs it. May be called for every packet, so answers are kept.
  virtual std::optional<std::uint64_t> load_program(std::span<const std::uint64_t> /*words*/,
                                                    const abi::VectorPacket& /*packet*/) {
    return std::nullopt;
  }
  virtual void launch_program(std::uint64_t /*program*/, const LaunchShape& /*shape*/,
                              const VectorArgs& /*args*/) {}

  /// Native mode: launches a product of its own, and returns true; the engine then only adds the
  /// checksum of C. False: the exact kernel runs.
  virtual bool native_matmul(const abi::MatmulPacket& /*packet*/, const MatmulArgs& /*args*/) {
    return false;
  }
};

}  // namespace tandem::gpu

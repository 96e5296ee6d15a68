// SPDX-License-Identifier: Apache-2.0
// The packets and ops whose cycles have a baseline, and the device that they run on.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tandem/ops/context.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::rtltest {

/// A device whose completions are read. Packets run one after the other on an idle device, so their
/// cycles do not depend on the speed of the host.
class CycleDevice {
 public:
  /// A backend with simulated time, e.g. "rtl:tiny?memory=realistic".
  explicit CycleDevice(const std::string& uri);
  ~CycleDevice();

  ops::Context& context() { return *context_; }
  runtime::Queue& queue() { return device_.queue(); }

  /// New memory, all zero, until `forget_memory`.
  std::uint64_t memory(std::uint64_t num_bytes);
  std::uint64_t memory_with(std::span<const std::byte> bytes);
  /// A new contiguous tensor, all zero.
  ops::Tensor tensor(abi::Dtype dtype, std::initializer_list<std::uint64_t> shape);
  void forget_memory() { buffers_.clear(); }

  /// Cycles of the packet.
  template <class P>
  std::uint64_t run(const P& packet) {
    done_.clear();
    queue().submit_packet(packet);
    queue().finish();
    return sum();
  }
  /// Cycles of the packets of an op whose micro-programs are loaded.
  std::uint64_t run_op(const std::function<void()>& op);
  /// Cycles from the start of the first packet to the end of the last, all known to the device at
  /// once; at most 1000.
  std::uint64_t run_together(const abi::Packet& packet, unsigned count);

 private:
  struct Done {
    abi::Opcode opcode;
    std::uint64_t start, cycles;
  };
  std::uint64_t sum() const;

  runtime::Device device_;
  std::unique_ptr<ops::Context> context_;
  std::vector<runtime::Buffer> buffers_;
  std::vector<Done> done_;
};

struct CycleCase {
  std::string name;
  std::function<std::uint64_t(CycleDevice&)> cycles;
};

std::vector<CycleCase> matmul_cases();
std::vector<CycleCase> vector_cases();
std::vector<CycleCase> dma_cases();
std::vector<CycleCase> command_cases();

}  // namespace tandem::rtltest

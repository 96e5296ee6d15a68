// SPDX-License-Identifier: Apache-2.0
#include "rtl/cycles/cases.hpp"
#include "tandem/base/error.hpp"

namespace tandem::rtltest {
namespace {

runtime::DeviceOptions options() {
  runtime::DeviceOptions options;
  // Nothing starts before everything of a case is in the ring.
  options.driver.doorbell_batch = options.driver.ring_entries;
  return options;
}

}  // namespace

CycleDevice::CycleDevice(const std::string& uri) : device_(runtime::Device::open(uri, options())) {
  if (!device_.driver().capabilities().timed) {
    throw Error(ErrorCode::kInvalidArgument, uri + ": expected a device that counts cycles");
  }
  context_ = std::make_unique<ops::Context>(device_);
  queue().set_completion_hook(
      [this](const abi::Packet& packet, const abi::Completion& done, std::string_view) {
        done_.push_back({packet.opcode, done.start_cycle, done.cycles});
      });
}

CycleDevice::~CycleDevice() { queue().set_completion_hook(nullptr); }

std::uint64_t CycleDevice::memory(std::uint64_t num_bytes) {
  buffers_.push_back(device_.malloc("activations", num_bytes, "cycles"));
  const std::vector<std::byte> zeros(num_bytes);
  device_.copy_in(buffers_.back().addr(), zeros);
  return buffers_.back().addr().value;
}

std::uint64_t CycleDevice::memory_with(std::span<const std::byte> bytes) {
  const std::uint64_t addr = memory(bytes.size());
  device_.copy_in(PhysAddr(addr), bytes);
  return addr;
}

ops::Tensor CycleDevice::tensor(abi::Dtype dtype, std::initializer_list<std::uint64_t> shape) {
  ops::Tensor tensor(PhysAddr(0), dtype, shape);
  tensor.addr = PhysAddr(memory(tensor.numel() * tensor.elem_bytes()));
  return tensor;
}

std::uint64_t CycleDevice::run_op(const std::function<void()>& op) {
  op();
  queue().finish();
  done_.clear();
  op();
  queue().finish();
  return sum();
}

std::uint64_t CycleDevice::run_together(const abi::Packet& packet, unsigned count) {
  done_.clear();
  for (unsigned i = 0; i < count; ++i) queue().submit(packet);
  queue().finish();
  return done_.back().start + done_.back().cycles - done_.front().start;
}

std::uint64_t CycleDevice::sum() const {
  std::uint64_t cycles = 0;
  for (const Done& done : done_) cycles += done.cycles;
  return cycles;
}

}  // namespace tandem::rtltest

// SPDX-License-Identifier: Apache-2.0
#include "tandem/driver/in_process_backend.hpp"

#include <utility>
#include <vector>

namespace tandem::driver {
namespace {

std::shared_ptr<SparseRam> ram_of(const DeviceConfig& config) {
  return config.ram ? config.ram : make_ram(config);
}

}  // namespace

std::shared_ptr<SparseRam> make_ram(const DeviceConfig& config) {
  std::vector<SparseRam::Bank> banks;
  for (const RegionConfig& region : config.regions) {
    banks.push_back({region.base.value, region.size});
  }
  return std::make_shared<SparseRam>(std::move(banks));
}

InProcessBackend::InProcessBackend(std::string name, const DeviceConfig& config,
                                   std::unique_ptr<Engine> engine)
    : name_(std::move(name)),
      ram_(ram_of(config)),
      engine_(std::move(engine)),
      processor_(std::make_unique<CommandProcessor>(config, ram_, *engine_)) {}

InProcessBackend::~InProcessBackend() = default;

std::uint32_t InProcessBackend::read32(std::uint32_t offset) { return processor_->read32(offset); }

void InProcessBackend::write32(std::uint32_t offset, std::uint32_t value) {
  processor_->write32(offset, value);
}

void InProcessBackend::read(PhysAddr src, std::span<std::byte> dst) { ram_->read(src.value, dst); }

void InProcessBackend::write(PhysAddr dst, std::span<const std::byte> src) {
  ram_->write(dst.value, src);
}

bool InProcessBackend::wait_irq(std::chrono::nanoseconds timeout) {
  return processor_->wait_irq(timeout);
}

void InProcessBackend::reset() { processor_->reset(); }

std::span<std::byte> InProcessBackend::window(PhysAddr addr, std::uint64_t num_bytes) {
  std::byte* host = ram_->pointer(addr.value, num_bytes);
  return host == nullptr ? std::span<std::byte>{} : std::span<std::byte>(host, num_bytes);
}

}  // namespace tandem::driver

// SPDX-License-Identifier: Apache-2.0
#include "host_gpu.hpp"

#include <cstring>
#include <utility>

#include "host_kernels.hpp"
#include "tandem/base/error.hpp"

namespace tandem::gpu {

HostGpu::HostGpu(std::shared_ptr<driver::SparseRam> ram, HostOrder order)
    : ram_(std::move(ram)), order_(order) {}

std::uint64_t HostGpu::map(std::uint64_t addr, std::uint64_t num_bytes) {
  std::byte* host = ram_->pointer(addr, num_bytes);
  TANDEM_CHECK(host != nullptr);
  return reinterpret_cast<std::uint64_t>(host);
}

std::uint64_t HostGpu::allocate(std::size_t num_bytes) {
  auto memory = std::make_unique<Wide[]>(num_bytes / sizeof(Wide) + 1);
  const auto at = reinterpret_cast<std::uint64_t>(memory.get());
  allocations_.emplace(at, std::move(memory));
  return at;
}

void HostGpu::upload(std::uint64_t at, std::span<const std::byte> src) {
  std::memcpy(reinterpret_cast<void*>(at), src.data(), src.size());
}

std::uint64_t HostGpu::status() const { return reinterpret_cast<std::uint64_t>(&status_); }

void HostGpu::begin_packet(const std::atomic<bool>& cancelled) {
  status_ = {};
  cancelled_ = &cancelled;
}

void HostGpu::launch(Kernel kernel, const LaunchShape& shape, const void* args,
                     std::size_t /*num_bytes*/) {
  run_on_host(kernel, shape, args, cancelled_, order_);
}

PacketOutcome HostGpu::end_packet() {
  cancelled_ = nullptr;
  return {status_, 0, 0};
}

}  // namespace tandem::gpu

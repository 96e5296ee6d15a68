// SPDX-License-Identifier: Apache-2.0
// A Gpu that is the host: kernels run over simulated memory, from the source that the device gets.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "gpu.hpp"
#include "kernels/host_context.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::gpu {

/// Thread-safety: as Gpu.
class HostGpu final : public Gpu {
 public:
  explicit HostGpu(std::shared_ptr<driver::SparseRam> ram, HostOrder order = {});

  std::string name() const override { return "host"; }
  unsigned multiprocessors() const override { return 1; }
  std::uint64_t map(std::uint64_t addr, std::uint64_t num_bytes) override;
  void read(std::uint64_t addr, std::span<std::byte> dst) override { ram_->read(addr, dst); }
  void write(std::uint64_t addr, std::span<const std::byte> src) override {
    ram_->write(addr, src);
  }
  std::uint64_t allocate(std::size_t num_bytes) override;
  void release(std::uint64_t at) override { allocations_.erase(at); }
  void upload(std::uint64_t at, std::span<const std::byte> src) override;
  std::uint64_t status() const override;
  void begin_packet(const std::atomic<bool>& cancelled) override;
  void launch(Kernel kernel, const LaunchShape& shape, const void* args,
              std::size_t num_bytes) override;
  PacketOutcome end_packet() override;

 private:
  std::shared_ptr<driver::SparseRam> ram_;
  HostOrder order_;
  DeviceStatus status_;
  const std::atomic<bool>* cancelled_ = nullptr;
  std::map<std::uint64_t, std::unique_ptr<Wide[]>> allocations_;
};

}  // namespace tandem::gpu

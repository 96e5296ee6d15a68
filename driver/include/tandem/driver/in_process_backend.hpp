// SPDX-License-Identifier: Apache-2.0
// A whole backend around an Engine: command processor plus simulated RAM.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tandem/driver/backend.hpp"
#include "tandem/driver/command_processor.hpp"
#include "tandem/driver/device_config.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::driver {

/// Memory with a bank for each region of the configuration.
std::shared_ptr<SparseRam> make_ram(const DeviceConfig& config);

/// Backend of an in-process device. RAM has one bank for each region of the configuration. Derive
/// from it to add `annotate` or findings.
///
/// Thread-safety: as Backend.
class InProcessBackend : public Backend {
 public:
  /// Takes the engine. Memory is `config.ram` if there is one.
  InProcessBackend(std::string name, const DeviceConfig& config, std::unique_ptr<Engine> engine);
  ~InProcessBackend() override;

  std::string name() const override { return name_; }
  std::uint32_t read32(std::uint32_t offset) override;
  void write32(std::uint32_t offset, std::uint32_t value) override;
  void read(PhysAddr src, std::span<std::byte> dst) override;
  void write(PhysAddr dst, std::span<const std::byte> src) override;
  bool wait_irq(std::chrono::nanoseconds timeout) override;
  void reset() override;
  std::span<std::byte> window(PhysAddr addr, std::uint64_t num_bytes) override;
  std::shared_ptr<SparseRam> ram() override { return ram_; }

 protected:
  Engine& engine() { return *engine_; }
  CommandProcessor& processor() { return *processor_; }
  const SparseRam& memory() const { return *ram_; }

 private:
  std::string name_;
  std::shared_ptr<SparseRam> ram_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<CommandProcessor> processor_;
};

}  // namespace tandem::driver

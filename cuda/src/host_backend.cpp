// SPDX-License-Identifier: Apache-2.0
#include "host_backend.hpp"

#include "host_gpu.hpp"
#include "tandem/driver/in_process_backend.hpp"

namespace tandem::gpu {

std::unique_ptr<driver::Backend> make_host_backend(driver::DeviceConfig config,
                                                   EngineOptions options, HostOrder order) {
  if (!config.ram) config.ram = driver::make_ram(config);
  auto engine = std::make_unique<CudaEngine>(std::make_unique<HostGpu>(config.ram, order), options);
  return std::make_unique<driver::InProcessBackend>("cuda:host", config, std::move(engine));
}

}  // namespace tandem::gpu

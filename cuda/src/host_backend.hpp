// SPDX-License-Identifier: Apache-2.0
// A whole device whose engine runs the GPU's kernels on the host: `cuda:host`.
#pragma once

#include <memory>

#include "engine.hpp"
#include "kernels/host_context.hpp"
#include "tandem/driver/backend.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::gpu {

/// Memory is `config.ram` if there is one, else a memory of its own.
std::unique_ptr<driver::Backend> make_host_backend(driver::DeviceConfig config,
                                                   EngineOptions options = {},
                                                   HostOrder order = {});

}  // namespace tandem::gpu

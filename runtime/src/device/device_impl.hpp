// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "device_core.hpp"
#include "device_queue.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::runtime {

struct Device::Impl {
  Impl(std::unique_ptr<driver::Backend> backend, driver::DeviceConfig config,
       const driver::DriverOptions& options, bool check_mode)
      : core(std::move(backend), std::move(config), options, check_mode), queue(core) {}

  DeviceCore core;
  DeviceQueue queue;
};

}  // namespace tandem::runtime

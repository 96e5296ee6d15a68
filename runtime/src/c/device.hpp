// SPDX-License-Identifier: Apache-2.0
// What a device handle of the C interface holds.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "tandem/runtime/device.hpp"
#include "tandem/tandem.h"

struct tandem_device {
  explicit tandem_device(tandem::runtime::Device opened) : device(std::move(opened)) {}

  tandem::runtime::Device device;
  std::map<std::uint64_t, tandem::runtime::Buffer> buffers;
  std::string findings;  ///< Taken from the device and not by the caller yet.
  /// State of the op library, made by its first call; ends before the device.
  std::shared_ptr<void> ops;
};

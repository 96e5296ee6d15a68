// SPDX-License-Identifier: Apache-2.0
// The kernels of kernels.cu on the host, from the same source.
#pragma once

#include <atomic>

#include "kernels/host_context.hpp"
#include "kernels/launch.hpp"

namespace tandem::gpu {

/// Runs a launch to its end, or until `cancelled` (may be null) is set. `args` points to the
/// kernel's argument struct, whose addresses are host addresses.
void run_on_host(Kernel kernel, const LaunchShape& shape, const void* args,
                 const std::atomic<bool>* cancelled, HostOrder order = {});

}  // namespace tandem::gpu

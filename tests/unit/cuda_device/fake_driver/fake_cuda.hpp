// SPDX-License-Identifier: Apache-2.0
// The knobs of the fake driver: `tandem_fake_cuda_set` of libtandem_fake_cuda.so.
#pragma once

#include <cstdint>

namespace tandem::tests {

enum class FakeCuda : int {
  kReset,        ///< Everything below to its default, and the counts to 0.
  kDevices,      ///< How many there are; 1.
  kMemoryBytes,  ///< GPU memory; 1 GiB.
  kFailLaunch,   ///< Launches until one is refused with CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES.
  kFailKernel,   ///< Launches until one dies: from then on every call gives
                 ///< CUDA_ERROR_LAUNCH_FAILED.
  kHang,         ///< 1: streams never become ready.
  kFailInit,     ///< Result of cuInit; 0.
  kLaunches,     ///< Count, to read.
  kBackedBytes,  ///< Of physical memory that exists, to read.
  kFunctions,    ///< Functions of loaded programs, to read.
};

}  // namespace tandem::tests

/// Sets a knob; returns its old value.
using FakeCudaSet = std::int64_t (*)(int knob, std::int64_t value);

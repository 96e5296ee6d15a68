// SPDX-License-Identifier: Apache-2.0
// NVIDIA's driver, loaded when the first device is opened: programs start where there is none.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "driver_types.hpp"
#include "dynamic_library.hpp"

namespace tandem::gpu {

/// The functions of libcuda, and what their results mean.
///
/// Thread-safety: all members may be called from any thread.
class DriverApi {
 public:
  /// Loads `library`, or $TANDEM_CUDA_DRIVER, or libcuda.so.1, and initialises it; the same library
  /// is loaded once. Throws kUnavailable: what was looked for, why it is missing, what to do.
  static std::shared_ptr<const DriverApi> load(std::string_view library = {});

#define TANDEM_CU_MEMBER(symbol, parameters) cu::function::symbol* symbol = nullptr;
  TANDEM_CU_FUNCTIONS(TANDEM_CU_MEMBER)
#undef TANDEM_CU_MEMBER

  const std::string& library() const { return library_.name(); }
  int version() const { return version_; }  ///< 13000 is 13.0.
  std::string version_text() const;         ///< "13.0"

  /// "CUDA_ERROR_LAUNCH_FAILED (719): unspecified launch failure"
  std::string describe(cu::Result result) const;
  /// Throws unless `result` is success: kOutOfMemory for memory that the device does not have, else
  /// kUnavailable, both with the call.
  void check(cu::Result result, const char* call) const;

 private:
  explicit DriverApi(DynamicLibrary library);

  DynamicLibrary library_;
  int version_ = 0;
};

/// What `tandem info` tells of a device, without opening it. Throws kUnavailable (no device, or not
/// one of this number: those that exist are listed) and kUnimplemented (too old).
struct DeviceInfo {
  int number = 0;
  cu::Device handle = 0;
  std::string name;
  int major = 0;  ///< Compute capability.
  int minor = 0;
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;
};
DeviceInfo find_device(const DriverApi& api, int number);

}  // namespace tandem::gpu

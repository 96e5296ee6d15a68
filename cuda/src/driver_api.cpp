// SPDX-License-Identifier: Apache-2.0
#include "driver_api.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>

#include "tandem/base/error.hpp"

namespace tandem::gpu {
namespace {

constexpr const char* kDriverVariable = "TANDEM_CUDA_DRIVER";
constexpr const char* kLibrary = "libcuda.so.1";
// cuMemMap and the fatbin need it.
constexpr int kMinMajor = 8;

std::string wanted_library(std::string_view asked) {
  if (!asked.empty()) return std::string(asked);
  const char* variable = std::getenv(kDriverVariable);
  return variable != nullptr && *variable != '\0' ? variable : kLibrary;
}

int attribute(const DriverApi& api, int which, cu::Device device) {
  int value = 0;
  api.check(api.cuDeviceGetAttribute(&value, which, device), "cuDeviceGetAttribute");
  return value;
}

}  // namespace

std::shared_ptr<const DriverApi> DriverApi::load(std::string_view library) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const DriverApi>> loaded;
  const std::string name = wanted_library(library);
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<const DriverApi>& entry = loaded[name];
  if (entry) return entry;
  DynamicLibrary found(std::array{name});
  if (!found.loaded()) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format("no CUDA device: the library of NVIDIA's driver could not be loaded "
                    "({}); it comes with the driver, not with the CUDA toolkit: install the "
                    "driver and see that nvidia-smi lists a GPU, or name the library in {}. "
                    "cuda:host runs the same kernels on the processor",
                    found.problem(), kDriverVariable));
  }
  entry.reset(new DriverApi(std::move(found)));
  return entry;
}

DriverApi::DriverApi(DynamicLibrary library) : library_(std::move(library)) {
  std::string missing;
  const auto find = [&](const char* symbol) {
    void* address = library_.find(symbol);
    if (address == nullptr) missing += missing.empty() ? symbol : fmt::format(", {}", symbol);
    return address;
  };
#define TANDEM_CU_LOAD(symbol, parameters) \
  symbol = reinterpret_cast<cu::function::symbol*>(find(#symbol));
  TANDEM_CU_FUNCTIONS(TANDEM_CU_LOAD)
#undef TANDEM_CU_LOAD
  if (!missing.empty()) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("no CUDA device: {} lacks {}; expected a driver of CUDA 12 or newer: "
                            "update NVIDIA's driver",
                            library_.name(), missing));
  }
  const cu::Result result = cuInit(0);
  if (result != cu::kSuccess) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format("no CUDA device: cuInit of {} failed with {}; see that nvidia-smi lists "
                    "a GPU and that CUDA_VISIBLE_DEVICES does not hide it",
                    library_.name(), describe(result)));
  }
  check(cuDriverGetVersion(&version_), "cuDriverGetVersion");
}

std::string DriverApi::version_text() const {
  return fmt::format("{}.{}", version_ / 1000, version_ % 1000 / 10);
}

std::string DriverApi::describe(cu::Result result) const {
  const char* name = nullptr;
  const char* text = nullptr;
  if (cuGetErrorName(result, &name) != cu::kSuccess || name == nullptr) name = "unknown result";
  if (cuGetErrorString(result, &text) != cu::kSuccess || text == nullptr) text = "no description";
  return fmt::format("{} ({}): {}", name, result, text);
}

void DriverApi::check(cu::Result result, const char* call) const {
  if (result == cu::kSuccess) return;
  throw Error(result == cu::kOutOfMemory ? ErrorCode::kOutOfMemory : ErrorCode::kUnavailable,
              fmt::format("{} of the CUDA driver {} failed with {}", call, version_text(),
                          describe(result)));
}

DeviceInfo find_device(const DriverApi& api, int number) {
  int count = 0;
  const cu::Result result = api.cuDeviceGetCount(&count);
  if (result != cu::kNoDevice) api.check(result, "cuDeviceGetCount");
  if (count == 0) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format("no CUDA device: driver {} ({}) finds no GPU; see that nvidia-smi lists "
                    "one and that CUDA_VISIBLE_DEVICES does not hide it",
                    api.version_text(), api.library()));
  }
  if (number >= count) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("no CUDA device {}: driver {} has {}, numbered from 0", number,
                            api.version_text(),
                            count == 1 ? "one device" : fmt::format("{} devices", count)));
  }
  DeviceInfo info{.number = number};
  api.check(api.cuDeviceGet(&info.handle, number), "cuDeviceGet");
  char name[256] = {};
  api.check(api.cuDeviceGetName(name, sizeof name - 1, info.handle), "cuDeviceGetName");
  info.name = name;
  info.major = attribute(api, cu::kComputeCapabilityMajor, info.handle);
  info.minor = attribute(api, cu::kComputeCapabilityMinor, info.handle);
  info.multiprocessors = attribute(api, cu::kMultiprocessorCount, info.handle);
  api.check(api.cuDeviceTotalMem_v2(&info.memory_bytes, info.handle), "cuDeviceTotalMem");
  if (info.major < kMinMajor || attribute(api, cu::kVirtualMemorySupported, info.handle) == 0) {
    throw Error(
        ErrorCode::kUnimplemented,
        fmt::format("cuda:{}: {} has compute capability {}.{}{}; expected {}.0 or newer "
                    "with virtual memory management",
                    number, info.name, info.major, info.minor,
                    info.major < kMinMajor ? "" : " without virtual memory management", kMinMajor));
  }
  return info;
}

}  // namespace tandem::gpu

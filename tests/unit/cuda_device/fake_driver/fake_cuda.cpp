// SPDX-License-Identifier: Apache-2.0
// libcuda for tests: the driver API on host memory, launches as loops on the host. Memory that is
// reserved but not mapped faults, as on a GPU.
#include "fake_cuda.hpp"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "driver_types.hpp"
#include "host_kernels.hpp"

namespace {

using namespace tandem::gpu;
using tandem::tests::FakeCuda;
using ProgramFn = void (*)(const void*, unsigned, unsigned);

constexpr std::size_t kGranule = std::size_t{2} << 20;
constexpr cu::Result kInvalidValue = 1;
constexpr cu::Result kInvalidContext = 201;
constexpr cu::Result kInvalidImage = 200;
constexpr cu::Result kNotFound = 500;
constexpr cu::Result kLaunchOutOfResources = 701;
constexpr cu::Result kLaunchFailed = 719;

struct State {
  std::mutex mutex;
  std::array<std::int64_t, 16> knobs{};
  bool dead = false;
  std::map<cu::AllocationHandle, std::size_t> handles;
  std::map<cu::DevicePtr, std::size_t> reserved;
  std::map<cu::DevicePtr, std::size_t> mapped;
  std::size_t used = 0;
  std::uint64_t next_handle = 1;

  State() { reset(); }
  void reset() {
    knobs.fill(0);
    knob(FakeCuda::kDevices) = 1;
    knob(FakeCuda::kMemoryBytes) = std::int64_t{1} << 30;
    dead = false;
    used = 0;  // Devices that were lost keep theirs.
  }
  std::int64_t& knob(FakeCuda which) { return knobs[std::size_t(which)]; }
};

State& state() {
  static State* const value = new State;
  return *value;
}

struct Function {
  Kernel kernel = Kernel::kCopy;
  ProgramFn program = nullptr;
};
struct Module {
  void* library = nullptr;
  std::map<std::string, Function> functions;
};
struct Event {
  std::chrono::steady_clock::time_point time;
};

/// Contexts are current a thread.
thread_local bool current = false;

cu::Result alive() {
  if (state().dead) return kLaunchFailed;
  return current ? cu::kSuccess : kInvalidContext;
}

void* pages(std::size_t size, int protection) {
  void* at = ::mmap(nullptr, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : at;
}

/// True if the launch is to be refused or to kill the device.
bool counts_down(FakeCuda which) {
  std::int64_t& left = state().knob(which);
  return left > 0 && --left == 0;
}

}  // namespace

extern "C" {

std::int64_t tandem_fake_cuda_set(int knob, std::int64_t value) {
  const std::lock_guard<std::mutex> lock(state().mutex);
  if (FakeCuda(knob) == FakeCuda::kReset) {
    state().reset();
    return 0;
  }
  if (FakeCuda(knob) == FakeCuda::kBackedBytes) return std::int64_t(state().used);
  return std::exchange(state().knobs[std::size_t(knob)], value);
}

cu::Result cuInit(unsigned) { return cu::Result(state().knob(FakeCuda::kFailInit)); }
cu::Result cuDriverGetVersion(int* version) {
  *version = 13000;
  return cu::kSuccess;
}
cu::Result cuGetErrorName(cu::Result result, const char** name) {
  *name = result == kLaunchFailed           ? "CUDA_ERROR_LAUNCH_FAILED"
          : result == cu::kOutOfMemory      ? "CUDA_ERROR_OUT_OF_MEMORY"
          : result == kLaunchOutOfResources ? "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"
                                            : "CUDA_ERROR_UNKNOWN";
  return cu::kSuccess;
}
cu::Result cuGetErrorString(cu::Result, const char** text) {
  *text = "as the test asked";
  return cu::kSuccess;
}
cu::Result cuDeviceGetCount(int* count) {
  *count = int(state().knob(FakeCuda::kDevices));
  return cu::kSuccess;
}
cu::Result cuDeviceGet(cu::Device* device, int ordinal) {
  *device = ordinal;
  return cu::kSuccess;
}
cu::Result cuDeviceGetName(char* name, int size, cu::Device) {
  std::snprintf(name, std::size_t(size), "fake GPU");
  return cu::kSuccess;
}
cu::Result cuDeviceGetAttribute(int* value, int attribute, cu::Device) {
  *value = attribute == cu::kComputeCapabilityMajor   ? 9
           : attribute == cu::kComputeCapabilityMinor ? 0
           : attribute == cu::kMultiprocessorCount    ? 4
                                                      : 1;
  return cu::kSuccess;
}
cu::Result cuDeviceTotalMem_v2(std::size_t* bytes, cu::Device) {
  *bytes = std::size_t(state().knob(FakeCuda::kMemoryBytes));
  return cu::kSuccess;
}
cu::Result cuDevicePrimaryCtxRetain(cu::Context* context, cu::Device) {
  *context = reinterpret_cast<cu::Context>(&state());
  return cu::kSuccess;
}
cu::Result cuDevicePrimaryCtxRelease_v2(cu::Device) { return cu::kSuccess; }
cu::Result cuCtxSetCurrent(cu::Context) {
  current = true;
  return alive();
}

cu::Result cuMemGetAllocationGranularity(std::size_t* bytes, const cu::AllocationProp*, int) {
  *bytes = kGranule;
  return cu::kSuccess;
}
cu::Result cuMemAddressReserve(cu::DevicePtr* at, std::size_t size, std::size_t, cu::DevicePtr,
                               unsigned long long) {
  if (size % kGranule != 0) return kInvalidValue;
  void* memory = pages(size, PROT_NONE);
  if (memory == nullptr) return cu::kOutOfMemory;
  *at = reinterpret_cast<cu::DevicePtr>(memory);
  const std::lock_guard<std::mutex> lock(state().mutex);
  state().reserved[*at] = size;
  return cu::kSuccess;
}
cu::Result cuMemAddressFree(cu::DevicePtr at, std::size_t size) {
  const std::lock_guard<std::mutex> lock(state().mutex);
  const auto found = state().reserved.find(at);
  if (found == state().reserved.end() || found->second != size) return kInvalidValue;
  state().reserved.erase(found);
  ::munmap(reinterpret_cast<void*>(at), size);
  return cu::kSuccess;
}
cu::Result cuMemCreate(cu::AllocationHandle* handle, std::size_t size, const cu::AllocationProp*,
                       unsigned long long) {
  const std::lock_guard<std::mutex> lock(state().mutex);
  if (alive() != cu::kSuccess) return alive();
  if (state().used + size > std::size_t(state().knob(FakeCuda::kMemoryBytes))) {
    return cu::kOutOfMemory;
  }
  state().used += size;
  *handle = state().next_handle++;
  state().handles[*handle] = size;
  return cu::kSuccess;
}
cu::Result cuMemRelease(cu::AllocationHandle handle) {
  const std::lock_guard<std::mutex> lock(state().mutex);
  return state().handles.erase(handle) == 1 ? cu::kSuccess : kInvalidValue;
}
cu::Result cuMemMap(cu::DevicePtr at, std::size_t size, std::size_t, cu::AllocationHandle handle,
                    unsigned long long) {
  const std::lock_guard<std::mutex> lock(state().mutex);
  if (!state().handles.contains(handle) || state().mapped.contains(at)) return kInvalidValue;
  state().mapped[at] = size;
  return cu::kSuccess;
}
cu::Result cuMemUnmap(cu::DevicePtr at, std::size_t size) {
  const std::lock_guard<std::mutex> lock(state().mutex);
  if (state().mapped.erase(at) != 1) return kInvalidValue;
  state().used -= size;
  ::madvise(reinterpret_cast<void*>(at), size, MADV_DONTNEED);
  ::mprotect(reinterpret_cast<void*>(at), size, PROT_NONE);
  return cu::kSuccess;
}
cu::Result cuMemSetAccess(cu::DevicePtr at, std::size_t size, const cu::AccessDesc*, std::size_t) {
  ::mprotect(reinterpret_cast<void*>(at), size, PROT_READ | PROT_WRITE);
  // What was in it before: memory is not clear by itself.
  std::memset(reinterpret_cast<void*>(at), 0xCD, size);
  return cu::kSuccess;
}
cu::Result cuMemAlloc_v2(cu::DevicePtr* at, std::size_t size) {
  void* memory = ::aligned_alloc(256, (size + 255) / 256 * 256);
  std::memset(memory, 0xCD, size);
  *at = reinterpret_cast<cu::DevicePtr>(memory);
  return cu::kSuccess;
}
cu::Result cuMemFree_v2(cu::DevicePtr at) {
  std::free(reinterpret_cast<void*>(at));
  return cu::kSuccess;
}
cu::Result cuMemHostAlloc(void** at, std::size_t size, unsigned) {
  *at = ::aligned_alloc(64, (size + 63) / 64 * 64);
  return cu::kSuccess;
}
cu::Result cuMemHostGetDevicePointer_v2(cu::DevicePtr* at, void* host, unsigned) {
  *at = reinterpret_cast<cu::DevicePtr>(host);
  return cu::kSuccess;
}
cu::Result cuMemFreeHost(void* at) {
  std::free(at);
  return cu::kSuccess;
}
cu::Result cuMemcpyHtoDAsync_v2(cu::DevicePtr dst, const void* src, std::size_t size, cu::Stream) {
  if (alive() == cu::kSuccess) std::memcpy(reinterpret_cast<void*>(dst), src, size);
  return alive();
}
cu::Result cuMemcpyDtoHAsync_v2(void* dst, cu::DevicePtr src, std::size_t size, cu::Stream) {
  if (alive() == cu::kSuccess) std::memcpy(dst, reinterpret_cast<const void*>(src), size);
  return alive();
}
cu::Result cuMemsetD8Async(cu::DevicePtr dst, unsigned char value, std::size_t size, cu::Stream) {
  if (alive() == cu::kSuccess) std::memset(reinterpret_cast<void*>(dst), value, size);
  return alive();
}

/// An ELF file is a library that the fake NVRTC made of a program; anything else stands for
/// kernels.cu.
cu::Result cuModuleLoadData(cu::Module* module, const void* image) {
  auto loaded = std::make_unique<Module>();
  if (std::memcmp(image, "\177ELF", 4) != 0) {
    for (unsigned i = 0; i < kKernels; ++i) {
      loaded->functions[kernel_name(Kernel(i))].kernel = Kernel(i);
    }
  } else {
    // The fake NVRTC puts the name of the file behind its first page.
    loaded->library = ::dlopen(static_cast<const char*>(image) + 4, RTLD_NOW | RTLD_LOCAL);
    if (loaded->library == nullptr) return kInvalidImage;
  }
  *module = reinterpret_cast<cu::Module>(loaded.release());
  return cu::kSuccess;
}
cu::Result cuModuleUnload(cu::Module module) {
  const auto* loaded = reinterpret_cast<Module*>(module);
  if (loaded->library != nullptr) ::dlclose(loaded->library);
  delete loaded;
  return cu::kSuccess;
}
cu::Result cuModuleGetFunction(cu::Function* function, cu::Module module, const char* name) {
  auto* loaded = reinterpret_cast<Module*>(module);
  if (loaded->library != nullptr) {
    void* entry = ::dlsym(loaded->library, (std::string(name) + "_host").c_str());
    if (entry == nullptr) return kNotFound;
    loaded->functions[name].program = reinterpret_cast<ProgramFn>(entry);
    ++state().knob(FakeCuda::kFunctions);
  }
  const auto found = loaded->functions.find(name);
  if (found == loaded->functions.end()) return kNotFound;
  *function = reinterpret_cast<cu::Function>(&found->second);
  return cu::kSuccess;
}
cu::Result cuFuncSetAttribute(cu::Function, int, int) { return cu::kSuccess; }

cu::Result cuLaunchKernel(cu::Function function, unsigned grid, unsigned, unsigned, unsigned block,
                          unsigned, unsigned, unsigned shared, cu::Stream, void** parameters,
                          void**) {
  if (alive() != cu::kSuccess) return alive();
  ++state().knob(FakeCuda::kLaunches);
  if (counts_down(FakeCuda::kFailLaunch)) return kLaunchOutOfResources;
  if (counts_down(FakeCuda::kFailKernel)) {
    state().dead = true;
    return cu::kSuccess;
  }
  const auto* wanted = reinterpret_cast<const Function*>(function);
  if (wanted->program == nullptr) {
    run_on_host(wanted->kernel, {grid, block, shared}, parameters[0], nullptr);
  } else {
    for (unsigned i = 0; i < grid; ++i) wanted->program(parameters[0], i, grid);
  }
  return cu::kSuccess;
}

cu::Result cuStreamCreate(cu::Stream* stream, unsigned) {
  *stream = reinterpret_cast<cu::Stream>(new int);
  return alive();
}
cu::Result cuStreamDestroy_v2(cu::Stream stream) {
  delete reinterpret_cast<int*>(stream);
  return cu::kSuccess;
}
cu::Result cuStreamQuery(cu::Stream) {
  if (state().knob(FakeCuda::kHang) != 0) return cu::kNotReady;
  return alive();
}
cu::Result cuEventCreate(cu::Event* event, unsigned) {
  *event = reinterpret_cast<cu::Event>(new Event);
  return cu::kSuccess;
}
cu::Result cuEventDestroy_v2(cu::Event event) {
  delete reinterpret_cast<Event*>(event);
  return cu::kSuccess;
}
cu::Result cuEventRecord(cu::Event event, cu::Stream) {
  reinterpret_cast<Event*>(event)->time = std::chrono::steady_clock::now();
  return alive();
}
cu::Result cuEventElapsedTime(float* milliseconds, cu::Event begin, cu::Event end) {
  *milliseconds = std::chrono::duration<float, std::milli>(reinterpret_cast<Event*>(end)->time -
                                                           reinterpret_cast<Event*>(begin)->time)
                      .count();
  return alive();
}

}  // extern "C"

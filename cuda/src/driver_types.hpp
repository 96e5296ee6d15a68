// SPDX-License-Identifier: Apache-2.0
// The part of NVIDIA's driver interface (cuda.h) that the device uses, so that building needs no
// CUDA headers. Where these are found, tests/unit/cuda compares every line with them.
#pragma once

#include <cstddef>

namespace tandem::gpu::cu {

using Result = int;                           ///< CUresult
using Device = int;                           ///< CUdevice
using DevicePtr = unsigned long long;         ///< CUdeviceptr
using AllocationHandle = unsigned long long;  ///< CUmemGenericAllocationHandle
using Context = struct CUctx_st*;
using Module = struct CUmod_st*;
using Function = struct CUfunc_st*;
using Stream = struct CUstream_st*;
using Event = struct CUevent_st*;

inline constexpr Result kSuccess = 0;
inline constexpr Result kOutOfMemory = 2;
inline constexpr Result kNoDevice = 100;
inline constexpr Result kNoBinaryForGpu = 209;
inline constexpr Result kNotReady = 600;

inline constexpr int kMultiprocessorCount = 16;  ///< CUdevice_attribute
inline constexpr int kComputeCapabilityMajor = 75;
inline constexpr int kComputeCapabilityMinor = 76;
inline constexpr int kVirtualMemorySupported = 102;

inline constexpr int kMaxDynamicSharedBytes = 8;   ///< CUfunction_attribute
inline constexpr unsigned kStreamNonBlocking = 1;  ///< CUstream_flags
inline constexpr unsigned kHostAllocPortable = 1;  ///< CU_MEMHOSTALLOC_PORTABLE
inline constexpr unsigned kHostAllocMapped = 2;    ///< CU_MEMHOSTALLOC_DEVICEMAP
inline constexpr int kAllocationPinned = 1;        ///< CUmemAllocationType
inline constexpr int kLocationDevice = 1;          ///< CUmemLocationType
inline constexpr int kAccessReadWrite = 3;         ///< CUmemAccess_flags
inline constexpr int kGranularityRecommended = 1;  ///< CUmemAllocationGranularity_flags

struct Location {  ///< CUmemLocation
  int type = kLocationDevice;
  int id = 0;
};

struct AllocationProp {  ///< CUmemAllocationProp
  int type = kAllocationPinned;
  int handle_types = 0;
  Location location;
  void* win32 = nullptr;
  unsigned char flags[8] = {};
};

struct AccessDesc {  ///< CUmemAccessDesc
  Location location;
  int flags = kAccessReadWrite;
};

/// X(exported symbol, parameters) of every function that is loaded; all return a Result.
#define TANDEM_CU_FUNCTIONS(X)                                                                  \
  X(cuInit, (unsigned))                                                                         \
  X(cuDriverGetVersion, (int*))                                                                 \
  X(cuGetErrorName, (Result, const char**))                                                     \
  X(cuGetErrorString, (Result, const char**))                                                   \
  X(cuDeviceGetCount, (int*))                                                                   \
  X(cuDeviceGet, (Device*, int))                                                                \
  X(cuDeviceGetName, (char*, int, Device))                                                      \
  X(cuDeviceGetAttribute, (int*, int, Device))                                                  \
  X(cuDeviceTotalMem_v2, (std::size_t*, Device))                                                \
  X(cuDevicePrimaryCtxRetain, (Context*, Device))                                               \
  X(cuDevicePrimaryCtxRelease_v2, (Device))                                                     \
  X(cuCtxSetCurrent, (Context))                                                                 \
  X(cuMemGetAllocationGranularity, (std::size_t*, const AllocationProp*, int))                  \
  X(cuMemAddressReserve, (DevicePtr*, std::size_t, std::size_t, DevicePtr, unsigned long long)) \
  X(cuMemAddressFree, (DevicePtr, std::size_t))                                                 \
  X(cuMemCreate, (AllocationHandle*, std::size_t, const AllocationProp*, unsigned long long))   \
  X(cuMemRelease, (AllocationHandle))                                                           \
  X(cuMemMap, (DevicePtr, std::size_t, std::size_t, AllocationHandle, unsigned long long))      \
  X(cuMemUnmap, (DevicePtr, std::size_t))                                                       \
  X(cuMemSetAccess, (DevicePtr, std::size_t, const AccessDesc*, std::size_t))                   \
  X(cuMemAlloc_v2, (DevicePtr*, std::size_t))                                                   \
  X(cuMemFree_v2, (DevicePtr))                                                                  \
  X(cuMemHostAlloc, (void**, std::size_t, unsigned))                                            \
  X(cuMemHostGetDevicePointer_v2, (DevicePtr*, void*, unsigned))                                \
  X(cuMemFreeHost, (void*))                                                                     \
  X(cuMemcpyHtoDAsync_v2, (DevicePtr, const void*, std::size_t, Stream))                        \
  X(cuMemcpyDtoHAsync_v2, (void*, DevicePtr, std::size_t, Stream))                              \
  X(cuMemsetD8Async, (DevicePtr, unsigned char, std::size_t, Stream))                           \
  X(cuModuleLoadData, (Module*, const void*))                                                   \
  X(cuModuleUnload, (Module))                                                                   \
  X(cuModuleGetFunction, (Function*, Module, const char*))                                      \
  X(cuFuncSetAttribute, (Function, int, int))                                                   \
  X(cuLaunchKernel, (Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,      \
                     unsigned, Stream, void**, void**))                                         \
  X(cuStreamCreate, (Stream*, unsigned))                                                        \
  X(cuStreamDestroy_v2, (Stream))                                                               \
  X(cuStreamQuery, (Stream))                                                                    \
  X(cuEventCreate, (Event*, unsigned))                                                          \
  X(cuEventDestroy_v2, (Event))                                                                 \
  X(cuEventRecord, (Event, Stream))                                                             \
  X(cuEventElapsedTime, (float*, Event, Event))

#define TANDEM_CU_TYPE(symbol, parameters) using symbol = Result parameters;
namespace function {
TANDEM_CU_FUNCTIONS(TANDEM_CU_TYPE)
}
#undef TANDEM_CU_TYPE

}  // namespace tandem::gpu::cu

// SPDX-License-Identifier: Apache-2.0
// What driver_types.hpp declares against cuda.h, nvrtc.h and cublasLt.h of the toolkit.
#include "driver_types.hpp"

#include <cublasLt.h>
#include <cuda.h>
#include <gtest/gtest.h>

#include <type_traits>

#ifdef cuEventElapsedTime  // Newer headers name its second version, which older drivers lack.
#undef cuEventElapsedTime
extern "C" CUresult cuEventElapsedTime(float* milliseconds, CUevent begin, CUevent end);
#endif

#include "native_plan.hpp"

namespace tandem::gpu {
namespace {

/// Equal in what a call passes: number, size and kind of parameters.
template <class Ours, class Theirs>
struct SameCall;
template <class R1, class... A, class R2, class... B>
struct SameCall<R1(A...), R2(B...)> {
  template <class X, class Y>
  static constexpr bool same =
      sizeof(X) == sizeof(Y) && std::is_pointer_v<X> == std::is_pointer_v<Y>;
  static constexpr bool value() {
    if constexpr (sizeof...(A) != sizeof...(B)) {
      return false;
    } else {
      return sizeof(R1) == sizeof(R2) && (same<A, B> && ...);
    }
  }
};

#define TANDEM_CHECK_CALL(symbol, parameters) \
  static_assert(SameCall<cu::function::symbol, decltype(::symbol)>::value(), #symbol);
TANDEM_CU_FUNCTIONS(TANDEM_CHECK_CALL)
#undef TANDEM_CHECK_CALL

TEST(DriverTypes, StructsAreThoseOfTheToolkit) {
  EXPECT_EQ(sizeof(cu::AllocationProp), sizeof(CUmemAllocationProp));
  EXPECT_EQ(offsetof(cu::AllocationProp, location), offsetof(CUmemAllocationProp, location));
  EXPECT_EQ(offsetof(cu::AllocationProp, win32),
            offsetof(CUmemAllocationProp, win32HandleMetaData));
  EXPECT_EQ(offsetof(cu::AllocationProp, flags), offsetof(CUmemAllocationProp, allocFlags));
  EXPECT_EQ(sizeof(cu::AccessDesc), sizeof(CUmemAccessDesc));
  EXPECT_EQ(offsetof(cu::AccessDesc, flags), offsetof(CUmemAccessDesc, flags));
}

TEST(DriverTypes, ConstantsAreThoseOfTheToolkit) {
  EXPECT_EQ(cu::kSuccess, CUDA_SUCCESS);
  EXPECT_EQ(cu::kOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(cu::kNoDevice, CUDA_ERROR_NO_DEVICE);
  EXPECT_EQ(cu::kNoBinaryForGpu, CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_EQ(cu::kNotReady, CUDA_ERROR_NOT_READY);
  EXPECT_EQ(cu::kMultiprocessorCount, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  EXPECT_EQ(cu::kComputeCapabilityMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  EXPECT_EQ(cu::kComputeCapabilityMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  EXPECT_EQ(cu::kVirtualMemorySupported, CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED);
  EXPECT_EQ(cu::kStreamNonBlocking, unsigned(CU_STREAM_NON_BLOCKING));
  EXPECT_EQ(cu::kAllocationPinned, CU_MEM_ALLOCATION_TYPE_PINNED);
  EXPECT_EQ(cu::kLocationDevice, CU_MEM_LOCATION_TYPE_DEVICE);
  EXPECT_EQ(cu::kAccessReadWrite, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
  EXPECT_EQ(cu::kGranularityRecommended, CU_MEM_ALLOC_GRANULARITY_RECOMMENDED);
}

TEST(DriverTypes, NumbersOfCublasAreThoseOfTheToolkit) {
  EXPECT_EQ(kCudaF32, CUDA_R_32F);
  EXPECT_EQ(kCudaF16, CUDA_R_16F);
  EXPECT_EQ(kCudaBf16, CUDA_R_16BF);
  EXPECT_EQ(kComputeF32, CUBLAS_COMPUTE_32F);
  EXPECT_EQ(kComputeTf32, CUBLAS_COMPUTE_32F_FAST_TF32);
  EXPECT_EQ(sizeof(cublasLtMatmulAlgo_t), 64u);
  EXPECT_EQ(offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize), 64u);
  EXPECT_EQ(offsetof(cublasLtMatmulHeuristicResult_t, state), 72u);
  EXPECT_EQ(offsetof(cublasLtMatmulHeuristicResult_t, wavesCount), 76u);
  EXPECT_EQ(sizeof(cublasLtMatmulHeuristicResult_t), 96u);
}

}  // namespace
}  // namespace tandem::gpu

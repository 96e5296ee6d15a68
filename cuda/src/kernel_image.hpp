// SPDX-License-Identifier: Apache-2.0
// Machine code of all kernels.
#pragma once

#include <string>

namespace tandem::gpu {

class ProgramCompiler;

/// The fatbin that was built with the plug-in; where the build had no nvcc, kernels.cu compiled by
/// NVRTC. Throws kUnavailable if there is neither, saying why.
std::string kernel_image(ProgramCompiler& compiler);
/// Where it comes from: "sm_80, sm_90, sm_100 and PTX", or empty without nvcc.
const char* built_image_name();

}  // namespace tandem::gpu

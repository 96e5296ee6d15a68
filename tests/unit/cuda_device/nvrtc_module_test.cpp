// SPDX-License-Identifier: Apache-2.0
// All kernels through NVRTC, which needs no GPU: what a build without nvcc does when it opens a
// device.
#include <gtest/gtest.h>

#include "kernel_sources.hpp"
#include "kernels/launch.hpp"
#include "nvrtc.hpp"
#include "support/environment.hpp"

namespace tandem::gpu {
namespace {

TEST(NvrtcModule, HasEveryKernel) {
  const tests::ScopedEnvironment cache("XDG_CACHE_HOME", "relative: nothing is kept");
  const tests::ScopedEnvironment home("HOME", "");
  const auto compiler = ProgramCompiler::create({.arch = 90});
  if (!compiler->available()) GTEST_SKIP() << compiler->problem();
  const std::string image = compiler->compile(kernel_module_source(), "kernels.cu");
  for (unsigned i = 0; i < kKernels; ++i) {
    EXPECT_NE(image.find(kernel_name(Kernel(i))), std::string::npos) << kernel_name(Kernel(i));
  }
}

}  // namespace
}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
#include "kernel_image.hpp"

#include <fmt/format.h>

#include "kernel_sources.hpp"
#include "nvrtc.hpp"
#include "tandem/base/error.hpp"

#ifdef TANDEM_CUDA_FATBIN
// The file that nvcc wrote, as it is.
asm(".pushsection .rodata, \"a\"\n"
    ".balign 16\n"
    ".local tandem_cuda_fatbin\n"
    ".local tandem_cuda_fatbin_end\n"
    "tandem_cuda_fatbin:\n"
    ".incbin \"" TANDEM_CUDA_FATBIN
    "\"\n"
    "tandem_cuda_fatbin_end:\n"
    ".byte 0\n"
    ".popsection\n");
extern "C" const char tandem_cuda_fatbin[];
extern "C" const char tandem_cuda_fatbin_end[];
#endif

namespace tandem::gpu {

std::uint64_t kernel_headers_hash() {
  static const std::uint64_t hash = [] {
    std::string all;
    for (const KernelSource& header : kernel_headers()) {
      all += header.name;
      all += '\0';
      all += header.text;
      all += '\0';
    }
    return text_hash(all);
  }();
  return hash;
}

std::string kernel_image(ProgramCompiler& compiler) {
#ifdef TANDEM_CUDA_FATBIN
  (void)compiler;
  return {tandem_cuda_fatbin, tandem_cuda_fatbin_end};
#else
  if (!compiler.available()) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("cuda: no code for the GPU: this build had no nvcc, and {}",
                            compiler.problem()));
  }
  return compiler.compile(kernel_module_source(), "kernels.cu");
#endif
}

const char* built_image_name() {
#ifdef TANDEM_CUDA_FATBIN
  return TANDEM_CUDA_ARCHS;
#else
  return "";
#endif
}

}  // namespace tandem::gpu

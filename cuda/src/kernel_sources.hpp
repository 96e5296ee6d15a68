// SPDX-License-Identifier: Apache-2.0
// The kernels' headers as text, for compilers that run beside the program.
#pragma once

#include <cstdint>
#include <span>

namespace tandem::gpu {

struct KernelSource {
  const char* name;  ///< As in #include.
  const char* text;
};

/// Every header that kernels include, those of the standard library as far as kernels need them.
std::span<const KernelSource> kernel_headers();
/// kernels.cu.
const char* kernel_module_source();
/// Of all headers: changes whenever one does.
std::uint64_t kernel_headers_hash();

}  // namespace tandem::gpu

// SPDX-License-Identifier: Apache-2.0
// Kernels for any processor.
#include "kernels/isa_portable.hpp"

#define TANDEM_CM_ISA portable
#include "kernels/table_inl.hpp"

namespace tandem::cmodel {

constinit const Kernels kPortableKernels = portable::make_table("portable");

}  // namespace tandem::cmodel

// SPDX-License-Identifier: Apache-2.0
// Faults on purpose in a copy of the cmodel that tests build (tests/cmodel_faults). Here the macro
// leaves the good value.
#pragma once

#ifdef TANDEM_CMODEL_FAULTS
#include "npu_fault_ids.hpp"
namespace tandem::cmodel {
/// The fault that the plug-in has; one for all devices of the process.
inline unsigned selected_fault = ~0u;
}  // namespace tandem::cmodel
#define TANDEM_CMODEL_FAULT(id, good, bad) \
  (::tandem::cmodel::selected_fault == NPU_FAULT_##id ? (bad) : (good))
#else
#define TANDEM_CMODEL_FAULT(id, good, bad) (good)
#endif

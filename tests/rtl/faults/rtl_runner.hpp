// SPDX-License-Identifier: Apache-2.0
// Programs on the Verilated model with faults.
#pragma once

#include <string>

#include "program_runner.hpp"

namespace tandem::rtlmodel {

/// Null: with none of the faults. `options` as in the list.
Outcome run_on_rtl(const abi::ExecFile& program, const driver::DeviceConfig& config,
                   const Fault* fault, const std::string& options);

}  // namespace tandem::rtlmodel

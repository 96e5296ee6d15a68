// SPDX-License-Identifier: Apache-2.0
// Coverage of models that were built with TANDEM_RTL_COVERAGE.
#pragma once

#include <verilated.h>
#if VM_COVERAGE
#include <fmt/format.h>
#include <unistd.h>
#include <verilated_cov.h>

#include <atomic>
#include <cstdlib>
#endif

namespace tandem::rtlmodel {

/// Writes what the models of the context have counted to a new file in $TANDEM_RTL_COVERAGE_DIR, if
/// that is set; to be called before they are destroyed. scripts/coverage-rtl.sh merges the files.
inline void write_coverage([[maybe_unused]] VerilatedContext& context) {
#if VM_COVERAGE
  static std::atomic<unsigned> files{0};
  if (const char* directory = std::getenv("TANDEM_RTL_COVERAGE_DIR")) {
    context.coveragep()->write(fmt::format("{}/{}-{}.dat", directory, ::getpid(), files++).c_str());
  }
#endif
}

}  // namespace tandem::rtlmodel

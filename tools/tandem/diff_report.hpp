// SPDX-License-Identifier: Apache-2.0
// Comparisons of runs on the command line.
#pragma once

#include "tandem/debug/diff.hpp"

namespace tandem::cli {

/// 0 equal, 1 different, 3 nothing or not everything could be compared.
int diff_exit_code(const debug::DiffReport& report);

/// As text or JSON on stdout.
void print_diff(const debug::DiffReport& report, bool json);

}  // namespace tandem::cli

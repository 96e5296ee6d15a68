// SPDX-License-Identifier: Apache-2.0
// The container of packet traces.
#pragma once

#include "record_file.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::runtime {

inline constexpr RecordFileKind kTraceKind = {{'T', 'N', 'D', 'M', 'T', 'R', 'C', '\n'}, "trace"};

}  // namespace tandem::runtime

// SPDX-License-Identifier: Apache-2.0
// What `tandem wave` and `tandem bisect` print of a packet on the RTL.
#pragma once

#include "report.hpp"
#include "tandem/debug/wave.hpp"

namespace tandem::cli {

Json wave_json(const debug::WaveReport& report);

}  // namespace tandem::cli

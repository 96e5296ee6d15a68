// SPDX-License-Identifier: Apache-2.0
// The sound lanes.
#include "lanes.hpp"

#include "Vnpu_num_lanes.h"
#include "verilated_lanes.hpp"

namespace tandem::rtl_sweep {

std::unique_ptr<Lanes> make_lanes() { return std::make_unique<VerilatedLanes<Vnpu_num_lanes>>(); }

}  // namespace tandem::rtl_sweep

// SPDX-License-Identifier: Apache-2.0
// Stands in for mpfr_reference.cpp in a build without MPFR: double arithmetic decides alone.
#include "sweep.hpp"

namespace tandem::numsweep {

ExactReference mpfr_reference() { return nullptr; }

}  // namespace tandem::numsweep

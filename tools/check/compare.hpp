// SPDX-License-Identifier: Apache-2.0
// Comparison of a device's result with a reference, by the tolerance that the case states.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host_array.hpp"

namespace tandem::check {

/// How far a result may lie from its reference. Two exact devices are never compared with one.
struct Tolerance {
  enum class Kind {
    kBits,    ///< Equal bits; any NaN equals any NaN.
    kUlp,     ///< |got - ref| <= ulp * ulp_fp32(ref) + abs.
    kAbs,     ///< |got - ref| <= abs.
    kScaled,  ///< |got - ref| <= rel * scale, elementwise.
  };
  Kind kind = Kind::kBits;
  double ulp = 0;
  double abs = 0;
  double rel = 0;
  const HostArray* scale = nullptr;        ///< kScaled: same shape as the reference.
  std::vector<std::uint64_t> nan_allowed;  ///< Positions where NaN is right as well.
};

struct Comparison {
  bool equal = true;   ///< Every element within the tolerance.
  std::string detail;  ///< The worst element with both values and the allowed distance.
};

/// Compares element by element. Shapes must agree (a mismatch is a failed comparison).
/// References wider than fp32 are rounded to fp32 first where they overflow it.
Comparison compare(const HostArray& got, const HostArray& want, const Tolerance& tolerance);

/// Unit in the last place of fp32 at `value`: 2^(e - 23), at least 2^-149.
double ulp_fp32(double value);

}  // namespace tandem::check

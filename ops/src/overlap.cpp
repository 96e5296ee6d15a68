// SPDX-License-Identifier: Apache-2.0
#include "overlap.hpp"

#include <algorithm>
#include <numeric>

namespace tandem::ops {
namespace {

/// Bytes from the first to behind the last of the positions along dims with a stride below `limit`.
std::uint64_t span_below(const Footprint& x, std::uint64_t limit) {
  std::uint64_t bytes = x.elem_bytes;
  for (int i = 0; i < x.num_dims; ++i) {
    const Footprint::Dim& dim = x.dims[static_cast<std::size_t>(i)];
    if (dim.stride < limit) bytes += (dim.extent - 1) * dim.stride;
  }
  return bytes;
}

/// Greatest common divisor of the strides from `limit` on.
std::uint64_t period_from(const Footprint& x, std::uint64_t limit, std::uint64_t period) {
  for (int i = 0; i < x.num_dims; ++i) {
    const Footprint::Dim& dim = x.dims[static_cast<std::size_t>(i)];
    if (dim.stride >= limit) period = std::gcd(period, dim.stride);
  }
  return period;
}

/// Dims from `limit` on repeat with a period; what lies below fits into gaps of the other
/// operand's.
bool interleaved(const Footprint& a, const Footprint& b, std::uint64_t limit) {
  const std::uint64_t period = period_from(b, limit, period_from(a, limit, 0));
  if (period == 0) return false;
  const std::uint64_t shift = (b.base - a.base) % period;
  return shift >= span_below(a, limit) && shift + span_below(b, limit) <= period;
}

}  // namespace

std::uint64_t Footprint::end() const { return base + span_below(*this, ~std::uint64_t{0}); }

bool may_overlap(const Footprint& a, const Footprint& b) {
  if (a.base > b.base) return may_overlap(b, a);
  if (a.end() <= b.base) return false;
  for (const Footprint* x : {&a, &b}) {
    for (int i = 0; i < x->num_dims; ++i) {
      const std::uint64_t limit = x->dims[static_cast<std::size_t>(i)].stride;
      if (limit != 0 && interleaved(a, b, limit)) return false;
    }
  }
  return true;
}

}  // namespace tandem::ops

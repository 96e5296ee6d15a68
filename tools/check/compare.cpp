// SPDX-License-Identifier: Apache-2.0
#include "compare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tandem::check {
namespace {

constexpr double kMaxFinite = std::numeric_limits<float>::max();

// A float64 reference beyond fp32's range stands for what fp32 makes of it.
double in_fp32_range(const HostArray& want, std::uint64_t index) {
  const double value = want.value(index);
  if (want.type != ElementType::kF64 || std::abs(value) <= kMaxFinite) return value;
  return static_cast<double>(static_cast<float>(value));
}

double allowed_distance(const Tolerance& tolerance, double want, std::uint64_t index) {
  switch (tolerance.kind) {
    case Tolerance::Kind::kBits:
      return 0;
    case Tolerance::Kind::kUlp:
      return tolerance.ulp * ulp_fp32(want) + tolerance.abs;
    case Tolerance::Kind::kAbs:
      return tolerance.abs;
    case Tolerance::Kind::kScaled:
      return tolerance.rel * tolerance.scale->value(index);
  }
  return 0;
}

// How many times the allowed distance the element is off; 0 is equal, above 1 fails.
double excess(const HostArray& got, const HostArray& want, const Tolerance& tolerance,
              std::uint64_t index) {
  constexpr double kWrong = std::numeric_limits<double>::infinity();
  const double g = got.value(index);
  const double w = in_fp32_range(want, index);
  if (std::isnan(g)) {
    const bool allowed =
        std::isnan(w) || std::find(tolerance.nan_allowed.begin(), tolerance.nan_allowed.end(),
                                   index) != tolerance.nan_allowed.end();
    return allowed ? 0 : kWrong;
  }
  if (std::isnan(w)) return kWrong;
  if (tolerance.kind == Tolerance::Kind::kBits) {
    if (got.type == want.type) return got.bits(index) == want.bits(index) ? 0 : kWrong;
    return (g == w && std::signbit(g) == std::signbit(w)) ? 0 : kWrong;
  }
  if (g == w) return 0;
  if (std::isinf(g) || std::isinf(w)) return kWrong;
  const double allowed = allowed_distance(tolerance, w, index);
  const double distance = std::abs(g - w);
  return allowed > 0 ? distance / allowed : kWrong;
}

}  // namespace

double ulp_fp32(double value) {
  const double magnitude = std::min(std::abs(value), kMaxFinite);
  const int exponent = magnitude == 0 ? -126 : std::max(std::ilogb(magnitude), -126);
  return std::ldexp(1.0, exponent - 23);
}

Comparison compare(const HostArray& got, const HostArray& want, const Tolerance& tolerance) {
  if (got.shape != want.shape) {
    return {false, fmt::format("shape [{}], expected [{}]", fmt::join(got.shape, ", "),
                               fmt::join(want.shape, ", "))};
  }
  double worst = 0;
  std::uint64_t worst_index = 0;
  std::uint64_t wrong = 0;
  const std::uint64_t count = want.numel();
  for (std::uint64_t i = 0; i < count; ++i) {
    const double off = excess(got, want, tolerance, i);
    wrong += off > 1;
    if (off > worst) {
      worst = off;
      worst_index = i;
    }
  }
  if (worst == 0) return {true, "equal"};
  const double g = got.value(worst_index);
  const double w = in_fp32_range(want, worst_index);
  std::string detail = fmt::format("worst element {}: got {:.9g}", want.position(worst_index), g);
  if (tolerance.kind == Tolerance::Kind::kBits) {
    detail += fmt::format(" ({:#x}), expected {:.9g} ({:#x})", got.bits(worst_index), w,
                          want.bits(worst_index));
  } else {
    detail += fmt::format(", expected {:.9g}, off by {:.3g}, allowed {:.3g}", w, std::abs(g - w),
                          allowed_distance(tolerance, w, worst_index));
  }
  if (wrong > 0) detail += fmt::format("; {} of {} elements wrong", wrong, count);
  return {wrong == 0, detail};
}

}  // namespace tandem::check

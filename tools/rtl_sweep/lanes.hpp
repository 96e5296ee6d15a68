// SPDX-License-Identifier: Apache-2.0
// The Verilated row of lanes (npu_num_lanes.sv) behind an interface, so that a sound and a faulty
// build of it meet the same sweep.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace tandem::rtl_sweep {

/// Lanes of the row, the granularity of a run.
inline constexpr std::size_t kLanes = 16;

/// As unit_e of npu_num_lanes.sv.
enum class Unit : std::uint8_t {
  kFma10,
  kFma10Staged,
  kFma32,
  kFma32Staged,
  kCompare,
  kLogic,
  kMultiply,
  kConvert,
  kReduce,
  kWiden,
  kNarrow,
  kSingle
};

/// As single_e of npu_num_lanes.sv: the `op` of Unit::kSingle.
enum class Single : std::uint8_t {
  kRound10,
  kBf16ToF32,
  kF16ToF32,
  kE4m3ToF32,
  kE5m2ToF32,
  kI8ToF32,
  kF32ToBf16,
  kF32ToF16,
  kF32ToE4m3,
  kF32ToE5m2,
  kFnma,
  kAdd,
  kSub,
  kMul,
  kSignWord
};

/// What the row computes.
struct Setting {
  Unit unit = Unit::kFma10;
  std::uint8_t op = 0;       ///< Micro-operation, element type or Single, by unit.
  std::uint32_t option = 0;  ///< Narrowing to fp8: saturate.
};

class Lanes {
 public:
  virtual ~Lanes() = default;
  /// y[i] = result of a[i], b[i], c[i]. All of one size, a multiple of kLanes.
  virtual void run(const Setting& setting, std::span<const std::uint32_t> a,
                   std::span<const std::uint32_t> b, std::span<const std::uint32_t> c,
                   std::span<std::uint32_t> y) = 0;
};

/// The lanes as they are in rtl/num.
std::unique_ptr<Lanes> make_lanes();

}  // namespace tandem::rtl_sweep

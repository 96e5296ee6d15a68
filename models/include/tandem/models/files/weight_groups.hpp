// SPDX-License-Identifier: Apache-2.0
// Quantised weights as integer groups with a scale and a minimum, for keeping them quantised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tandem/models/files/stored_type.hpp"

namespace tandem::models {

/// How a quantised type reads as w = fma(scale, q, min), one scale and minimum per group of
/// consecutive elements of a row.
///
/// | type  | group | q                | scale           | min        |
/// |-------|-------|------------------|-----------------|------------|
/// | Q4_0  | 32    | unsigned, 0..15  | f16             | -8 * scale |
/// | Q4_1  | 32    | unsigned, 0..15  | f16             | f16        |
/// | Q5_0  | 32    | signed, -16..15  | f16             | none       |
/// | Q5_1  | 32    | signed, 0..31    | f16             | f16        |
/// | Q8_0  | 32    | signed, -128..127| f16             | none       |
/// | Q4_K  | 32    | unsigned, 0..15  | f32 = f16 x u6  | f32        |
/// | Q5_K  | 32    | signed, 0..31    | f32 = f16 x u6  | f32        |
/// | Q6_K  | 16    | signed, -32..31  | f32 = f16 x i8  | none       |
///
/// fma(scale, q, min) equals widen_to_f32 in value for every element (a zero may differ in sign).
struct GroupLayout {
  /// Range of the integers, which decides how densely a device can store them.
  enum class Code : std::uint8_t { kUnsigned4, kSigned8 };

  std::uint32_t group_size = 0;  ///< Elements per group: 32 or 16.
  Code code = Code::kSigned8;
  bool has_min = false;        ///< False: every minimum is +0.
  bool scales_are_f16 = true;  ///< True: every scale and stored minimum is an f16 value. Q4_0's
                               ///< -8 * scale is one too unless |scale| > 8188.

  bool operator==(const GroupLayout&) const = default;
};

/// The layout of `type`; nullopt for types that are not quantised in groups.
std::optional<GroupLayout> group_layout(StoredType type);

/// Unpacks q.size() consecutive elements.
///
/// `blocks` as for widen_to_f32. `q`: one element per byte. `scales`: q.size() / group_size values.
/// `mins`: as many, or empty where the layout has no minimum.
/// Errors: kInvalidArgument (sizes), kUnimplemented (no group layout).
void unpack_groups(StoredType type, std::span<const std::byte> blocks, std::span<std::int8_t> q,
                   std::span<float> scales, std::span<float> mins);

}  // namespace tandem::models

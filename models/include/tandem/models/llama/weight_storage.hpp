// SPDX-License-Identifier: Apache-2.0
// How weights lie in device memory: the choice that is part of a run's identity.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tandem/models/files/stored_type.hpp"
#include "tandem/ops/weights.hpp"

namespace tandem::models {

/// What matrices become on their way to the device. The choice can change bits (f16 loses range
/// below 2^-14, bf16 three bits of fraction), so runs that are compared must agree in it.
///
/// Whatever is chosen, the embedding table keeps the file's precision: its values enter the forward
/// pass as fp32 numbers and not as operands of a matrix product.
enum class WeightStorage : std::uint8_t {
  kAuto,    ///< 16-bit and 8-bit floats as in the file (exact), everything else becomes f16.
  kF16,     ///< f16.
  kBf16,    ///< bf16.
  kF32,     ///< fp32; the matrix engine rounds to E8M10.
  kStored,  ///< As in the file: quantised weights stay integers in groups.
};

/// "auto", "f16", "bf16", "f32", "stored".
std::string_view to_string(WeightStorage storage);
/// The inverse; nullopt for other words.
std::optional<WeightStorage> parse_weight_storage(std::string_view word);

/// Format of a matrix that the file holds as `stored`, which must be widenable.
ops::WeightFormat weight_format(StoredType stored, WeightStorage storage);

/// The format that holds every value of `stored` exactly (F64: after rounding to fp32).
ops::WeightFormat exact_format(StoredType stored);

/// Whether rows of both formats can lie in one matrix.
bool same_format(const ops::WeightFormat& a, const ops::WeightFormat& b);

/// "f16", "bf16", "u4 in groups of 32".
std::string describe(const ops::WeightFormat& format);

/// Name of a device type as printed: "f16", "u4".
std::string_view dtype_name(abi::Dtype dtype);

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
// Arrays of reference data on the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/models/files/safetensors_file.hpp"

namespace tandem::check {

/// Element types of reference data: those of the device, and f64 for references.
enum class ElementType { kF64, kF32, kBf16, kF16, kE4m3, kE5m2, kI8, kU8, kI32, kI64 };

/// "f64", "bf16", ... as index.json writes them; nullopt for another name.
std::optional<ElementType> element_type(std::string_view name);
std::string_view to_string(ElementType type);
std::uint64_t element_bytes(ElementType type);
/// The device's type; throws kInvalidArgument for f64, which no device has.
abi::Dtype device_type(ElementType type);

/// Row-major array of any element type.
struct HostArray {
  ElementType type = ElementType::kF32;
  std::vector<std::uint64_t> shape;
  std::vector<std::byte> bytes;

  std::uint64_t numel() const;
  /// Element as a double. I64 values beyond 2^53 lose bits: compare those through `same_bits`.
  double value(std::uint64_t index) const;
  /// Bit pattern, zero extended.
  std::uint64_t bits(std::uint64_t index) const;
  bool is_nan(std::uint64_t index) const;
  /// "[1, 3]" for messages.
  std::string position(std::uint64_t index) const;
};

HostArray make_array(ElementType type, std::vector<std::uint64_t> shape);

/// Reads a tensor of a safetensors file and checks it against the description of the case.
/// Throws kNotFound or kMismatch naming key, expected and found.
HostArray load_array(const models::SafetensorsFile& file, const std::string& key,
                     std::string_view dtype, const std::vector<std::uint64_t>& shape);

}  // namespace tandem::check

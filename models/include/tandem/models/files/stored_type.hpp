// SPDX-License-Identifier: Apache-2.0
// Element types of stored tensors (GGUF and safetensors), their block sizes and conversion to fp32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tandem::models {

/// How the elements of a tensor lie in its file. Quantised types keep ggml's names.
enum class StoredType : std::uint8_t {
  kF64,
  kF32,
  kF16,
  kBf16,
  kF8E4m3,  ///< e4m3fn: no infinity, NaN is 0x7F and 0xFF.
  kF8E5m2,
  kI8,
  kU8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kBool,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kOther,  ///< Named by the file, its data cannot be read here.
};

/// "F32", "BF16", "F8_E4M3", "Q4_K", ... as the file formats write them; "other" for kOther.
std::string_view to_string(StoredType type);

/// Elements that share one block; 1 for unquantised types, 32 or 256 for quantised ones.
std::uint32_t elements_per_block(StoredType type);

/// Bytes of one block (of one element for unquantised types); 0 for kOther.
std::uint32_t bytes_per_block(StoredType type);

/// Whether widen_to_f32 accepts the type: floating types and all quantised types above.
bool is_widenable(StoredType type);

/// Bytes of `num_elements` consecutive elements; nullopt when the count is no whole number of
/// blocks, the product overflows 64 bits, or the type is kOther.
std::optional<std::uint64_t> stored_bytes(StoredType type, std::uint64_t num_elements);

/// Converts out.size() consecutive elements to fp32. Bits are those of ggml's dequantisers: every
/// supported type is exact up to one fp32 rounding. F64 is rounded to nearest even. NaN stays NaN,
/// its payload widened.
///
/// `blocks` holds exactly stored_bytes(type, out.size()) bytes, at any alignment; `out.size()` is a
/// whole number of blocks. Errors: kInvalidArgument (sizes), kUnimplemented (!is_widenable).
void widen_to_f32(StoredType type, std::span<const std::byte> blocks, std::span<float> out);

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
// Choice of the device format of a weight.
#include "tandem/models/llama/weight_storage.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "tandem/base/error.hpp"
#include "tandem/models/files/weight_groups.hpp"

namespace tandem::models {

using abi::Dtype;

namespace {

constexpr std::array<std::pair<std::string_view, WeightStorage>, 5> kWords{{
    {"auto", WeightStorage::kAuto},
    {"f16", WeightStorage::kF16},
    {"bf16", WeightStorage::kBf16},
    {"f32", WeightStorage::kF32},
    {"stored", WeightStorage::kStored},
}};

// Types that the matrix engine reads as they lie in the file; kNone for the others.
Dtype small_float(StoredType stored) {
  switch (stored) {
    case StoredType::kF16:
      return Dtype::kF16;
    case StoredType::kBf16:
      return Dtype::kBF16;
    case StoredType::kF8E4m3:
      return Dtype::kE4M3;
    case StoredType::kF8E5m2:
      return Dtype::kE5M2;
    default:
      return Dtype::kNone;
  }
}

}  // namespace

std::string_view to_string(WeightStorage storage) {
  for (const auto& [word, value] : kWords) {
    if (value == storage) return word;
  }
  return "?";
}

std::optional<WeightStorage> parse_weight_storage(std::string_view word) {
  for (const auto& [known, value] : kWords) {
    if (known == word) return value;
  }
  return std::nullopt;
}

std::string_view dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::kNone:
      return "none";
    case Dtype::kF32:
      return "f32";
    case Dtype::kBF16:
      return "bf16";
    case Dtype::kF16:
      return "f16";
    case Dtype::kE4M3:
      return "e4m3";
    case Dtype::kE5M2:
      return "e5m2";
    case Dtype::kI8:
      return "i8";
    case Dtype::kU8:
      return "u8";
    case Dtype::kU16:
      return "u16";
    case Dtype::kI32:
      return "i32";
    case Dtype::kI64:
      return "i64";
    case Dtype::kU4:
      return "u4";
  }
  return "?";
}

std::string describe(const ops::WeightFormat& format) {
  if (format.group_size == 0) return std::string(dtype_name(format.dtype));
  return fmt::format("{} in groups of {}", dtype_name(format.dtype), format.group_size);
}

bool same_format(const ops::WeightFormat& a, const ops::WeightFormat& b) {
  return a.dtype == b.dtype && a.group_size == b.group_size &&
         (a.group_size == 0 || a.scale_dtype == b.scale_dtype);
}

ops::WeightFormat exact_format(StoredType stored) {
  if (const auto layout = group_layout(stored)) {
    const bool nibbles = layout->code == GroupLayout::Code::kUnsigned4;
    return {.dtype = nibbles ? Dtype::kU4 : Dtype::kI8,
            .group_size = layout->group_size,
            .scale_dtype = layout->scales_are_f16 ? Dtype::kF16 : Dtype::kF32};
  }
  const Dtype dtype = small_float(stored);
  return {.dtype = dtype == Dtype::kNone ? Dtype::kF32 : dtype};
}

ops::WeightFormat weight_format(StoredType stored, WeightStorage storage) {
  switch (storage) {
    case WeightStorage::kAuto: {
      const Dtype dtype = small_float(stored);
      return {.dtype = dtype == Dtype::kNone ? Dtype::kF16 : dtype};
    }
    case WeightStorage::kF16:
      return {.dtype = Dtype::kF16};
    case WeightStorage::kBf16:
      return {.dtype = Dtype::kBF16};
    case WeightStorage::kF32:
      return {.dtype = Dtype::kF32};
    case WeightStorage::kStored:
      return exact_format(stored);
  }
  throw Error(ErrorCode::kInternal, "unknown weight storage");
}

}  // namespace tandem::models

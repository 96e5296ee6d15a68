// SPDX-License-Identifier: Apache-2.0
#include "host_array.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "tandem/base/error.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::check {
namespace {

struct TypeRow {
  ElementType type;
  std::string_view name;         // in index.json
  std::string_view stored_name;  // in safetensors headers
  std::uint64_t bytes;
  abi::Dtype device;
};

constexpr std::array<TypeRow, 10> kTypes = {{
    {ElementType::kF64, "f64", "F64", 8, abi::Dtype::kNone},
    {ElementType::kF32, "f32", "F32", 4, abi::Dtype::kF32},
    {ElementType::kBf16, "bf16", "BF16", 2, abi::Dtype::kBF16},
    {ElementType::kF16, "f16", "F16", 2, abi::Dtype::kF16},
    {ElementType::kE4m3, "e4m3", "F8_E4M3", 1, abi::Dtype::kE4M3},
    {ElementType::kE5m2, "e5m2", "F8_E5M2", 1, abi::Dtype::kE5M2},
    {ElementType::kI8, "i8", "I8", 1, abi::Dtype::kI8},
    {ElementType::kU8, "u8", "U8", 1, abi::Dtype::kU8},
    {ElementType::kI32, "i32", "I32", 4, abi::Dtype::kI32},
    {ElementType::kI64, "i64", "I64", 8, abi::Dtype::kI64},
}};

const TypeRow& row(ElementType type) { return kTypes[static_cast<std::size_t>(type)]; }

template <class T>
T load(const HostArray& array, std::uint64_t index) {
  T value;
  std::memcpy(&value, array.bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

double from_f32_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace

std::optional<ElementType> element_type(std::string_view name) {
  for (const TypeRow& r : kTypes) {
    if (r.name == name) return r.type;
  }
  return std::nullopt;
}

std::string_view to_string(ElementType type) { return row(type).name; }

std::uint64_t element_bytes(ElementType type) { return row(type).bytes; }

abi::Dtype device_type(ElementType type) {
  if (type == ElementType::kF64) {
    throw Error(ErrorCode::kInvalidArgument, "f64 arrays are references; the device has no f64");
  }
  return row(type).device;
}

std::uint64_t HostArray::numel() const {
  std::uint64_t count = 1;
  for (const std::uint64_t extent : shape) count *= extent;
  return count;
}

double HostArray::value(std::uint64_t index) const {
  switch (type) {
    case ElementType::kF64:
      return load<double>(*this, index);
    case ElementType::kF32:
      return load<float>(*this, index);
    case ElementType::kBf16:
      return from_f32_bits(numerics::bf16_to_f32(load<std::uint16_t>(*this, index)));
    case ElementType::kF16:
      return from_f32_bits(numerics::f16_to_f32(load<std::uint16_t>(*this, index)));
    case ElementType::kE4m3:
      return from_f32_bits(numerics::e4m3_to_f32(load<std::uint8_t>(*this, index)));
    case ElementType::kE5m2:
      return from_f32_bits(numerics::e5m2_to_f32(load<std::uint8_t>(*this, index)));
    case ElementType::kI8:
      return load<std::int8_t>(*this, index);
    case ElementType::kU8:
      return load<std::uint8_t>(*this, index);
    case ElementType::kI32:
      return load<std::int32_t>(*this, index);
    case ElementType::kI64:
      return static_cast<double>(load<std::int64_t>(*this, index));
  }
  return 0;
}

std::uint64_t HostArray::bits(std::uint64_t index) const {
  std::uint64_t pattern = 0;
  const std::uint64_t size = element_bytes(type);
  std::memcpy(&pattern, bytes.data() + index * size, size);
  return pattern;
}

bool HostArray::is_nan(std::uint64_t index) const { return std::isnan(value(index)); }

std::string HostArray::position(std::uint64_t index) const {
  std::vector<std::uint64_t> at(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    at[axis] = index % shape[axis];
    index /= shape[axis];
  }
  return fmt::format("[{}]", fmt::join(at, ", "));
}

HostArray make_array(ElementType type, std::vector<std::uint64_t> shape) {
  HostArray array{type, std::move(shape), {}};
  array.bytes.resize(array.numel() * element_bytes(type));
  return array;
}

HostArray load_array(const models::SafetensorsFile& file, const std::string& key,
                     std::string_view dtype, const std::vector<std::uint64_t>& shape) {
  const models::SafetensorsTensor* tensor = file.find(key);
  if (tensor == nullptr) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: no tensor '{}'", file.path().string(), key));
  }
  const std::optional<ElementType> type = element_type(dtype);
  if (!type) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("tensor '{}': dtype '{}' is not one of f64 f32 bf16 f16 e4m3 e5m2 i8 "
                            "u8 i32 i64",
                            key, dtype));
  }
  if (tensor->dtype != row(*type).stored_name || tensor->shape != shape) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("{}: tensor '{}' is {}[{}], the case says {}[{}]", file.path().string(),
                            key, tensor->dtype, fmt::join(tensor->shape, ", "),
                            row(*type).stored_name, fmt::join(shape, ", ")));
  }
  HostArray array = make_array(*type, shape);
  const std::span<const std::byte> stored = file.bytes(*tensor);
  std::memcpy(array.bytes.data(), stored.data(), stored.size());
  return array;
}

}  // namespace tandem::check

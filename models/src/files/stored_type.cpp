// SPDX-License-Identifier: Apache-2.0
// Names and block sizes of stored element types.
#include "tandem/models/files/stored_type.hpp"

#include <array>

#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

struct TypeRow {
  StoredType type;
  std::string_view name;
  std::uint32_t block_elements;
  std::uint32_t block_bytes;
  bool widenable;
};

constexpr std::array<TypeRow, 24> kTypes{{
    {StoredType::kF64, "F64", 1, 8, true},        {StoredType::kF32, "F32", 1, 4, true},
    {StoredType::kF16, "F16", 1, 2, true},        {StoredType::kBf16, "BF16", 1, 2, true},
    {StoredType::kF8E4m3, "F8_E4M3", 1, 1, true}, {StoredType::kF8E5m2, "F8_E5M2", 1, 1, true},
    {StoredType::kI8, "I8", 1, 1, false},         {StoredType::kU8, "U8", 1, 1, false},
    {StoredType::kI16, "I16", 1, 2, false},       {StoredType::kU16, "U16", 1, 2, false},
    {StoredType::kI32, "I32", 1, 4, false},       {StoredType::kU32, "U32", 1, 4, false},
    {StoredType::kI64, "I64", 1, 8, false},       {StoredType::kU64, "U64", 1, 8, false},
    {StoredType::kBool, "BOOL", 1, 1, false},     {StoredType::kQ4_0, "Q4_0", 32, 18, true},
    {StoredType::kQ4_1, "Q4_1", 32, 20, true},    {StoredType::kQ5_0, "Q5_0", 32, 22, true},
    {StoredType::kQ5_1, "Q5_1", 32, 24, true},    {StoredType::kQ8_0, "Q8_0", 32, 34, true},
    {StoredType::kQ4_K, "Q4_K", 256, 144, true},  {StoredType::kQ5_K, "Q5_K", 256, 176, true},
    {StoredType::kQ6_K, "Q6_K", 256, 210, true},  {StoredType::kOther, "other", 1, 0, false},
}};

const TypeRow& row_of(StoredType type) {
  const TypeRow& row = kTypes.at(static_cast<std::size_t>(type));
  TANDEM_CHECK(row.type == type);
  return row;
}

}  // namespace

std::string_view to_string(StoredType type) { return row_of(type).name; }

std::uint32_t elements_per_block(StoredType type) { return row_of(type).block_elements; }

std::uint32_t bytes_per_block(StoredType type) { return row_of(type).block_bytes; }

bool is_widenable(StoredType type) { return row_of(type).widenable; }

std::optional<std::uint64_t> stored_bytes(StoredType type, std::uint64_t num_elements) {
  const TypeRow& row = row_of(type);
  if (row.block_bytes == 0 || num_elements % row.block_elements != 0) return std::nullopt;
  std::uint64_t num_bytes = 0;
  if (__builtin_mul_overflow(num_elements / row.block_elements, row.block_bytes, &num_bytes)) {
    return std::nullopt;
  }
  return num_bytes;
}

}  // namespace tandem::models

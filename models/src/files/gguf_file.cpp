// SPDX-License-Identifier: Apache-2.0
// Lookups and row access of an open GGUF file.
#include "tandem/models/files/gguf_file.hpp"

#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "gguf_parser.hpp"
#include "printable.hpp"
#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

template <typename T>
T load(std::span<const std::byte> bytes, std::uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

bool is_integer(GgufType type) {
  return type != GgufType::kF32 && type != GgufType::kF64 && type != GgufType::kBool &&
         type != GgufType::kString && type != GgufType::kArray;
}

bool is_number(GgufType type) {
  return is_integer(type) || type == GgufType::kF32 || type == GgufType::kF64;
}

/// The string whose length field lies at `offset`; advances `offset` behind it.
std::string_view string_at(std::span<const std::byte> bytes, std::uint64_t& offset) {
  const auto length = load<std::uint64_t>(bytes, offset);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + offset + 8, length);
  offset += 8 + length;
  return text;
}

}  // namespace

GgufFile GgufFile::open(const std::filesystem::path& path) {
  GgufFile file;
  file.file_ = MappedFile::open(path);
  GgufParser(file).parse();
  return file;
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto it = key_index_.find(key);
  return it == key_index_.end() ? nullptr : &values_[it->second];
}

const GgufTensor* GgufFile::find_tensor(std::string_view name) const {
  const auto it = tensor_index_.find(name);
  return it == tensor_index_.end() ? nullptr : &tensors_[it->second];
}

void GgufFile::wrong_type(std::string_view key, const GgufValue& value,
                          std::string_view expected) const {
  const bool array = value.type == GgufType::kArray;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: GGUF, byte offset {}: metadata key {}: expected {}, found {}{}",
                          path().string(), value.offset, printable(key), expected,
                          array ? "an array of " : "", to_string(value.element_type)));
}

std::int64_t GgufFile::integer_at(GgufType type, std::uint64_t offset) const {
  const auto bytes = file_.bytes();
  switch (type) {
    case GgufType::kU8:
      return load<std::uint8_t>(bytes, offset);
    case GgufType::kI8:
      return load<std::int8_t>(bytes, offset);
    case GgufType::kU16:
      return load<std::uint16_t>(bytes, offset);
    case GgufType::kI16:
      return load<std::int16_t>(bytes, offset);
    case GgufType::kU32:
      return load<std::uint32_t>(bytes, offset);
    case GgufType::kI32:
      return load<std::int32_t>(bytes, offset);
    case GgufType::kI64:
      return load<std::int64_t>(bytes, offset);
    default:
      break;
  }
  TANDEM_CHECK(type == GgufType::kU64);
  const auto value = load<std::uint64_t>(bytes, offset);
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: GGUF, byte offset {}: the value {} is out of range",
                            path().string(), offset, value));
  }
  return static_cast<std::int64_t>(value);
}

double GgufFile::number_at(GgufType type, std::uint64_t offset) const {
  if (type == GgufType::kF32) return load<float>(file_.bytes(), offset);
  if (type == GgufType::kF64) return load<double>(file_.bytes(), offset);
  return static_cast<double>(integer_at(type, offset));
}

std::optional<std::int64_t> GgufFile::integer(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return std::nullopt;
  if (!is_integer(value->type)) wrong_type(key, *value, "an integer");
  return integer_at(value->type, value->offset);
}

std::optional<double> GgufFile::number(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return std::nullopt;
  if (!is_number(value->type)) wrong_type(key, *value, "a number");
  return number_at(value->type, value->offset);
}

std::optional<bool> GgufFile::flag(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return std::nullopt;
  if (value->type != GgufType::kBool) wrong_type(key, *value, "a bool");
  return load<std::uint8_t>(file_.bytes(), value->offset) != 0;
}

std::optional<std::string_view> GgufFile::text(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return std::nullopt;
  if (value->type != GgufType::kString) wrong_type(key, *value, "a string");
  std::uint64_t offset = value->offset;
  return string_at(file_.bytes(), offset);
}

std::optional<std::vector<std::int64_t>> GgufFile::integers(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return std::nullopt;
  if (value->type != GgufType::kArray || !is_integer(value->element_type)) {
    wrong_type(key, *value, "an array of integers");
  }
  std::vector<std::int64_t> out(value->count);
  const std::uint64_t step = gguf_value_bytes(value->element_type);
  for (std::uint64_t i = 0; i < value->count; ++i) {
    out[i] = integer_at(value->element_type, value->offset + i * step);
  }
  return out;
}

std::optional<std::vector<double>> GgufFile::numbers(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return std::nullopt;
  if (value->type != GgufType::kArray || !is_number(value->element_type)) {
    wrong_type(key, *value, "an array of numbers");
  }
  std::vector<double> out(value->count);
  const std::uint64_t step = gguf_value_bytes(value->element_type);
  for (std::uint64_t i = 0; i < value->count; ++i) {
    out[i] = number_at(value->element_type, value->offset + i * step);
  }
  return out;
}

std::optional<std::vector<std::string_view>> GgufFile::texts(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return std::nullopt;
  if (value->type != GgufType::kArray || value->element_type != GgufType::kString) {
    wrong_type(key, *value, "an array of strings");
  }
  std::vector<std::string_view> out(value->count);
  std::uint64_t offset = value->offset;
  for (std::string_view& text : out) text = string_at(file_.bytes(), offset);
  return out;
}

std::span<const std::byte> GgufFile::row_bytes(const GgufTensor& tensor, std::uint64_t first_row,
                                               std::uint64_t num_rows) const {
  if (tensor.type == StoredType::kOther) {
    throw Error(ErrorCode::kUnimplemented,
                fmt::format("{}: tensor {} is stored as {}, which cannot be read; supported are "
                            "F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K",
                            path().string(), printable(tensor.name), tensor.type_name));
  }
  if (first_row > tensor.rows || num_rows > tensor.rows - first_row) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: tensor {}: rows {} + {} are outside its {} rows", path().string(),
                            printable(tensor.name), first_row, num_rows, tensor.rows));
  }
  const std::uint64_t row = tensor.num_bytes / tensor.rows;
  return file_.bytes().subspan(tensor.offset + first_row * row, num_rows * row);
}

void GgufFile::dequantise_rows(const GgufTensor& tensor, std::uint64_t first_row,
                               std::uint64_t num_rows, std::span<float> out) const {
  const auto blocks = row_bytes(tensor, first_row, num_rows);
  if (out.size() != num_rows * tensor.cols) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: tensor {}: {} rows of {} do not fit a buffer of {} values",
                    path().string(), printable(tensor.name), num_rows, tensor.cols, out.size()));
  }
  try {
    widen_to_f32(tensor.type, blocks, out);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("{}: tensor {}", path().string(), printable(tensor.name)));
  }
}

void GgufFile::advise_done(const GgufTensor& tensor) const noexcept {
  file_.advise_done(tensor.offset, tensor.num_bytes);
}

}  // namespace tandem::models

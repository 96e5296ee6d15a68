// SPDX-License-Identifier: Apache-2.0
// Parsing of GGUF: header, metadata, tensor table, placement of the data.
#include "gguf_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "printable.hpp"
#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

// Far above any real file; they bound the tables' memory for a small hostile one.
constexpr std::uint64_t kMaxKeys = std::uint64_t{1} << 16;
constexpr std::uint64_t kMaxTensors = std::uint64_t{1} << 18;
constexpr std::uint64_t kMaxKeyBytes = 65535;    // GGUF specification
constexpr std::uint64_t kMaxNameBytes = 1024;    // ggml itself stops at 64
constexpr std::uint64_t kDefaultAlignment = 32;  // GGUF specification

}  // namespace

void GgufParser::fail(std::uint64_t offset, const std::string& what) const {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: GGUF, byte offset {}: {}", file_.path().string(), offset, what));
}

void GgufParser::need(std::uint64_t num_bytes, std::string_view what) const {
  if (num_bytes > left()) {
    fail(at_, fmt::format("{} needs {} bytes, but only {} are left; the file is truncated or "
                          "damaged, fetch it again",
                          what, num_bytes, left()));
  }
}

template <typename T>
T GgufParser::take(std::string_view what) {
  need(sizeof(T), what);
  T value;
  std::memcpy(&value, bytes_.data() + at_, sizeof value);
  at_ += sizeof value;
  return value;
}

std::string_view GgufParser::take_string(std::string_view what, std::uint64_t max_bytes) {
  const std::uint64_t at = at_;
  const auto length = take<std::uint64_t>(what);
  if (length > max_bytes) {
    fail(at, fmt::format("{} has length {}, expected at most {}", what, length, max_bytes));
  }
  need(length, what);
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + at_, length);
  at_ += length;
  return text;
}

void GgufParser::parse() {
  parse_header();
  parse_key_values();
  if (const auto parts = file_.integer("split.count"); parts && *parts > 1) {
    throw Error(ErrorCode::kUnimplemented,
                fmt::format("{}: one of {} parts of a split model; join them with llama-gguf-split "
                            "--merge",
                            file_.path().string(), *parts));
  }
  parse_tensor_infos();
  const std::uint64_t alignment = data_alignment();
  const std::uint64_t padding = (alignment - at_ % alignment) % alignment;
  place_tensors(at_ + padding, alignment);
  check_overlaps();
}

void GgufParser::parse_header() {
  if (bytes_.size() < 4 || std::memcmp(bytes_.data(), "GGUF", 4) != 0) {
    fail(0, "expected the magic 'GGUF'; this is no GGUF file");
  }
  at_ = 4;
  file_.version_ = take<std::uint32_t>("version");
  if (file_.version_ != 2 && file_.version_ != 3) {
    const bool swapped = (file_.version_ & 0xFFFF) == 0 && file_.version_ != 0;
    throw Error(ErrorCode::kUnimplemented,
                fmt::format("{}: GGUF, byte offset 4: expected version 2 or 3, found {}",
                            file_.path().string(),
                            swapped ? "a big-endian file" : std::to_string(file_.version_)));
  }
  num_tensors_ = take<std::uint64_t>("tensor count");
  if (num_tensors_ > kMaxTensors) {
    fail(8, fmt::format("tensor count {}, expected at most {}", num_tensors_, kMaxTensors));
  }
  num_keys_ = take<std::uint64_t>("metadata count");
  if (num_keys_ > kMaxKeys) {
    fail(16, fmt::format("metadata count {}, expected at most {}", num_keys_, kMaxKeys));
  }
}

void GgufParser::parse_key_values() {
  for (std::uint64_t i = 0; i < num_keys_; ++i) {
    const std::uint64_t at = at_;
    const std::string_view key = take_string("metadata key", kMaxKeyBytes);
    if (!file_.key_index_.emplace(key, file_.keys_.size()).second) {
      fail(at, fmt::format("metadata key {} appears twice", printable(key)));
    }
    file_.keys_.emplace_back(key);
    file_.values_.push_back(parse_value());
  }
}

GgufValue GgufParser::parse_value() {
  const std::uint64_t at = at_;
  const auto number = take<std::uint32_t>("metadata type");
  if (number > static_cast<std::uint32_t>(GgufType::kF64)) {
    fail(at, fmt::format("metadata type {}, expected 0 to 12", number));
  }
  GgufValue value;
  value.type = static_cast<GgufType>(number);
  value.element_type = value.type;
  value.offset = at_;
  if (value.type == GgufType::kArray) {
    parse_array(value);
  } else if (value.type == GgufType::kString) {
    take_string("string value", left());
  } else {
    need(gguf_value_bytes(value.type), "metadata value");
    at_ += gguf_value_bytes(value.type);
  }
  return value;
}

void GgufParser::parse_array(GgufValue& value) {
  const std::uint64_t at = at_;
  const auto number = take<std::uint32_t>("array element type");
  if (number > static_cast<std::uint32_t>(GgufType::kF64) ||
      number == static_cast<std::uint32_t>(GgufType::kArray)) {
    fail(at, fmt::format("array element type {}, expected a number, bool or string", number));
  }
  value.element_type = static_cast<GgufType>(number);
  value.count = take<std::uint64_t>("array length");
  value.offset = at_;
  const bool strings = value.element_type == GgufType::kString;
  const std::uint64_t least_bytes = strings ? 8 : gguf_value_bytes(value.element_type);
  if (value.count > left() / least_bytes) {
    fail(at + 4, fmt::format("array of {} elements of type {} does not fit the {} bytes left",
                             value.count, to_string(value.element_type), left()));
  }
  if (strings) {
    for (std::uint64_t i = 0; i < value.count; ++i) take_string("array string", left());
  } else {
    at_ += value.count * least_bytes;
  }
}

void GgufParser::parse_tensor_infos() {
  for (std::uint64_t i = 0; i < num_tensors_; ++i) {
    const std::uint64_t at = at_;
    file_.tensors_.push_back(parse_tensor_info());
    const GgufTensor& tensor = file_.tensors_.back();
    const std::string_view in_file(reinterpret_cast<const char*>(bytes_.data()) + at + 8,
                                   tensor.name.size());
    if (!file_.tensor_index_.emplace(in_file, i).second) {
      fail(at, fmt::format("tensor {} appears twice", printable(tensor.name)));
    }
  }
}

GgufTensor GgufParser::parse_tensor_info() {
  GgufTensor tensor;
  const std::uint64_t at = at_;
  tensor.name = take_string("tensor name", kMaxNameBytes);
  tensor.num_dims = take<std::uint32_t>("dimension count");
  if (tensor.num_dims < 1 || tensor.num_dims > 4) {
    fail(at, fmt::format("tensor {} has {} dimensions, expected 1 to 4", printable(tensor.name),
                         tensor.num_dims));
  }
  for (std::uint32_t i = 0; i < tensor.num_dims; ++i) {
    tensor.ggml_extents[i] = take<std::uint64_t>("tensor extent");
  }
  tensor.ggml_type = take<std::uint32_t>("tensor type");
  tensor.offset = take<std::uint64_t>("tensor offset");
  set_shape(tensor, at);
  return tensor;
}

void GgufParser::set_shape(GgufTensor& tensor, std::uint64_t at) {
  const GgmlType* type = find_ggml_type(tensor.ggml_type);
  tensor.type_name = type ? std::string(type->name) : fmt::format("type {}", tensor.ggml_type);
  tensor.type = type ? type->type : StoredType::kOther;
  tensor.cols = tensor.ggml_extents[0];
  std::uint64_t elements = tensor.cols;
  for (int i = 1; i < 4; ++i) {
    if (__builtin_mul_overflow(elements, tensor.ggml_extents[i], &elements)) {
      fail(at,
           fmt::format("tensor {}: the product of its extents overflows", printable(tensor.name)));
    }
    // Cannot overflow where the product with cols >= 1 did not.
    tensor.rows *= tensor.ggml_extents[i];
  }
  if (elements == 0) fail(at, fmt::format("tensor {} has an extent of 0", printable(tensor.name)));
  if (!type) return;
  if (tensor.cols % type->block_elements != 0) {
    fail(at, fmt::format("tensor {}: rows of {} elements are no whole number of {} blocks of {}",
                         printable(tensor.name), tensor.cols, type->name, type->block_elements));
  }
  if (__builtin_mul_overflow(elements / type->block_elements, type->block_bytes,
                             &tensor.num_bytes)) {
    fail(at, fmt::format("tensor {}: its size overflows", printable(tensor.name)));
  }
}

std::uint64_t GgufParser::data_alignment() const {
  const auto alignment = file_.integer("general.alignment").value_or(kDefaultAlignment);
  if (alignment < 1 || alignment > (1 << 20) ||
      !std::has_single_bit(static_cast<std::uint64_t>(alignment))) {
    fail(file_.find("general.alignment")->offset,
         fmt::format("general.alignment is {}, expected a power of two up to 1048576", alignment));
  }
  return static_cast<std::uint64_t>(alignment);
}

void GgufParser::place_tensors(std::uint64_t data_start, std::uint64_t alignment) {
  for (GgufTensor& tensor : file_.tensors_) {
    const std::uint64_t relative = tensor.offset;
    if (relative % alignment != 0) {
      fail(at_, fmt::format("tensor {} lies at data offset {}, expected a multiple of {}",
                            printable(tensor.name), relative, alignment));
    }
    std::uint64_t end = 0;
    if (__builtin_add_overflow(data_start, relative, &tensor.offset) ||
        __builtin_add_overflow(tensor.offset, tensor.num_bytes, &end) || end > bytes_.size()) {
      fail(at_, fmt::format("tensor {} of {} bytes at data offset {} reaches past the end of the "
                            "file ({} bytes); the file is truncated or damaged, fetch it again",
                            printable(tensor.name), tensor.num_bytes, relative, bytes_.size()));
    }
  }
}

void GgufParser::check_overlaps() const {
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& tensor : file_.tensors_) {
    if (tensor.num_bytes > 0) order.push_back(&tensor);
  }
  std::ranges::sort(order, {}, [](const GgufTensor* t) { return t->offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const GgufTensor& before = *order[i - 1];
    if (before.offset + before.num_bytes > order[i]->offset) {
      fail(order[i]->offset, fmt::format("the data of tensors {} and {} overlaps",
                                         printable(before.name), printable(order[i]->name)));
    }
  }
}

}  // namespace tandem::models

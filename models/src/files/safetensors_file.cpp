// SPDX-License-Identifier: Apache-2.0
// Reader of one safetensors file.
#include "tandem/models/files/safetensors_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "json_text.hpp"
#include "printable.hpp"
#include "safetensors_dtypes.hpp"
#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

constexpr JsonLimits kHeaderLimits{SafetensorsFile::kMaxHeaderBytes, 4'000'000, 8};

[[noreturn]] void fail(const MappedFile& file, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: safetensors: {}", file.path().string(), what));
}

/// The header's JSON text, after its length field.
std::string_view header_text(const MappedFile& file) {
  const auto bytes = file.bytes();
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) {
    fail(file, fmt::format("byte offset 0: expected a header length of 8 bytes, found {} bytes",
                           bytes.size()));
  }
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > SafetensorsFile::kMaxHeaderBytes) {
    fail(file, fmt::format("byte offset 0: header length {}, expected at most {}", length,
                           SafetensorsFile::kMaxHeaderBytes));
  }
  if (length > bytes.size() - sizeof length) {
    fail(file, fmt::format("byte offset 0: a header of {} bytes does not fit the file's {}; it is "
                           "truncated or damaged, fetch it again",
                           length, bytes.size()));
  }
  return {reinterpret_cast<const char*>(bytes.data()) + sizeof length, length};
}

std::uint64_t take_unsigned(const MappedFile& file, const std::string& name, const Json& value,
                            std::string_view what) {
  if (!value.is_number_unsigned()) {
    fail(file, fmt::format("tensor {}: {}: expected an integer from 0, found {}", printable(name),
                           what, describe(value)));
  }
  return value.get<std::uint64_t>();
}

/// Fills name, type, shape, element count and the byte count that they demand.
SafetensorsTensor take_shape(const MappedFile& file, const std::string& name,
                             const JsonFields& fields) {
  SafetensorsTensor tensor;
  tensor.name = name;
  const auto dtype = fields.text("dtype");
  if (!dtype) fields.missing("dtype", "an element type such as \"F32\"");
  tensor.dtype = *dtype;
  tensor.type = safetensors_type(tensor.dtype);
  for (const Json& extent : fields.array("shape")) {
    tensor.shape.push_back(take_unsigned(file, name, extent, "shape"));
    if (__builtin_mul_overflow(tensor.num_elements, tensor.shape.back(), &tensor.num_elements)) {
      fail(file, fmt::format("tensor {}: the product of its shape overflows", printable(name)));
    }
  }
  return tensor;
}

/// Reads data_offsets [begin, end) and checks them against shape and file.
void take_offsets(const MappedFile& file, const JsonFields& fields, std::uint64_t data_start,
                  SafetensorsTensor& tensor) {
  const Json& offsets = fields.array("data_offsets");
  if (offsets.size() != 2) fields.fail("data_offsets", "expected two offsets");
  const std::uint64_t begin = take_unsigned(file, tensor.name, offsets[0], "data_offsets");
  const std::uint64_t end = take_unsigned(file, tensor.name, offsets[1], "data_offsets");
  const std::uint64_t data_bytes = file.size() - data_start;
  if (begin > end || end > data_bytes) {
    fail(file, fmt::format("tensor {}: data offsets {} to {} do not lie in the file's {} data "
                           "bytes; it is truncated or damaged, fetch it again",
                           printable(tensor.name), begin, end, data_bytes));
  }
  tensor.offset = data_start + begin;
  tensor.num_bytes = end - begin;
  if (tensor.type == StoredType::kOther) return;
  const auto needed = stored_bytes(tensor.type, tensor.num_elements);
  if (!needed || *needed != tensor.num_bytes) {
    fail(file, fmt::format("tensor {}: {} elements of {} do not fill data offsets {} to {}",
                           printable(tensor.name), tensor.num_elements, tensor.dtype, begin, end));
  }
}

/// The data of all tensors together is the rest of the file, without holes or overlaps: what the
/// format's reference implementation demands.
void check_coverage(const MappedFile& file, std::vector<SafetensorsTensor>& tensors,
                    std::uint64_t data_start) {
  std::ranges::sort(tensors, [](const SafetensorsTensor& a, const SafetensorsTensor& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.num_bytes < b.num_bytes;
  });
  std::uint64_t at = data_start;
  for (const SafetensorsTensor& tensor : tensors) {
    if (tensor.offset != at) {
      fail(file, fmt::format("byte offset {}: tensor {} starts at {}, expected {}: {}", at,
                             printable(tensor.name), tensor.offset, at,
                             tensor.offset < at ? "tensors overlap" : "bytes belong to no tensor"));
    }
    at += tensor.num_bytes;
  }
  if (at != file.size()) {
    fail(file, fmt::format("byte offset {}: {} bytes belong to no tensor", at, file.size() - at));
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile out;
  out.file_ = MappedFile::open(path);
  const std::string_view text = header_text(out.file_);
  const std::string where = path.string() + ": safetensors header";
  const Json header = parse_json(text, where, kHeaderLimits);
  const JsonFields top(header, where);
  const std::uint64_t data_start = sizeof(std::uint64_t) + text.size();
  for (const auto& [name, entry] : header.items()) {
    const JsonFields fields = top.object(name);
    if (name == "__metadata__") {
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) fields.fail(printable(key), "expected a string");
        out.metadata_.emplace(key, value.get<std::string>());
      }
      continue;
    }
    out.tensors_.push_back(take_shape(out.file_, name, fields));
    take_offsets(out.file_, fields, data_start, out.tensors_.back());
  }
  check_coverage(out.file_, out.tensors_, data_start);
  for (std::size_t i = 0; i < out.tensors_.size(); ++i) out.index_[out.tensors_[i].name] = i;
  return out;
}

const SafetensorsTensor* SafetensorsFile::find(std::string_view name) const {
  const auto it = index_.find(std::string(name));
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

std::span<const std::byte> SafetensorsFile::bytes(const SafetensorsTensor& tensor) const {
  if (tensor.type == StoredType::kOther) {
    throw Error(ErrorCode::kUnimplemented,
                fmt::format("{}: tensor {} has dtype {}, which cannot be read", path().string(),
                            printable(tensor.name), printable(tensor.dtype)));
  }
  return file_.bytes().subspan(tensor.offset, tensor.num_bytes);
}

void SafetensorsFile::read_f32(const SafetensorsTensor& tensor, std::uint64_t first,
                               std::span<float> out) const {
  const auto all = bytes(tensor);
  if (first > tensor.num_elements || out.size() > tensor.num_elements - first) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: tensor {}: elements {} + {} are outside its {}", path().string(),
                            printable(tensor.name), first, out.size(), tensor.num_elements));
  }
  const std::uint64_t size = bytes_per_block(tensor.type);
  try {
    widen_to_f32(tensor.type, all.subspan(first * size, out.size() * size), out);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("{}: tensor {}", path().string(), printable(tensor.name)));
  }
}

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
// Checks a mapped GGUF file and builds its tables of metadata and tensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tandem/models/files/gguf_file.hpp"

namespace tandem::models {

/// Name and block sizes of one of ggml's type numbers.
struct GgmlType {
  std::uint32_t id;
  std::string_view name;
  std::uint32_t block_elements;
  std::uint32_t block_bytes;
  StoredType type;  // kOther where the data cannot be read here
};

/// The row of a type number, or nullptr for numbers that ggml did not define.
const GgmlType* find_ggml_type(std::uint32_t id);

std::string_view to_string(GgufType type);

/// Bytes of one value of a fixed-size type; 0 for strings and arrays.
std::uint64_t gguf_value_bytes(GgufType type);

/// One pass over header, metadata and tensor table. Every read is checked against the file's end
/// and every error names the byte offset.
class GgufParser {
 public:
  explicit GgufParser(GgufFile& file) : file_(file), bytes_(file.file_.bytes()) {}
  void parse();

 private:
  void parse_header();
  void parse_key_values();
  GgufValue parse_value();
  void parse_array(GgufValue& value);
  void parse_tensor_infos();
  GgufTensor parse_tensor_info();
  void set_shape(GgufTensor& tensor, std::uint64_t at);
  void place_tensors(std::uint64_t data_start, std::uint64_t alignment);
  void check_overlaps() const;
  std::uint64_t data_alignment() const;

  template <typename T>
  T take(std::string_view what);
  std::string_view take_string(std::string_view what, std::uint64_t max_bytes);
  void need(std::uint64_t num_bytes, std::string_view what) const;
  std::uint64_t left() const { return bytes_.size() - at_; }
  [[noreturn]] void fail(std::uint64_t offset, const std::string& what) const;

  GgufFile& file_;
  std::span<const std::byte> bytes_;
  std::uint64_t at_ = 0;
  std::uint64_t num_tensors_ = 0;
  std::uint64_t num_keys_ = 0;
};

}  // namespace tandem::models

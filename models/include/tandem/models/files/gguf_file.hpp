// SPDX-License-Identifier: Apache-2.0
// Reader of GGUF files, versions 2 and 3, little endian, on a memory mapping.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tandem/models/files/mapped_file.hpp"
#include "tandem/models/files/stored_type.hpp"

namespace tandem::models {

/// Metadata value types as numbered in the file.
enum class GgufType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};

/// Where one metadata value lies in the file. Values are decoded when asked for.
struct GgufValue {
  GgufType type = GgufType::kU8;          ///< kArray for arrays.
  GgufType element_type = GgufType::kU8;  ///< Of an array; else equal to `type`.
  std::uint64_t count = 1;                ///< Elements of an array; else 1.
  std::uint64_t offset = 0;               ///< File offset of the (first) element.
};

/// One entry of the tensor table.
struct GgufTensor {
  std::string name;
  std::uint32_t ggml_type = 0;                            ///< Type number as stored.
  std::string type_name;                                  ///< ggml's name, e.g. "Q4_K", "IQ2_XS".
  StoredType type = StoredType::kOther;                   ///< kOther: listed only, data unreadable.
  std::uint32_t num_dims = 0;                             ///< 1..4.
  std::array<std::uint64_t, 4> ggml_extents{1, 1, 1, 1};  ///< [0] is the contiguous one.
  std::uint64_t rows = 1;       ///< Row-major matrix: product of all extents but the first.
  std::uint64_t cols = 1;       ///< Row-major matrix: the first extent.
  std::uint64_t offset = 0;     ///< File offset of the data.
  std::uint64_t num_bytes = 0;  ///< 0 where the type number is unknown.
};

/// An open GGUF file. Every count, length, offset and product is checked while opening, and memory
/// stays proportional to the number of entries: string arrays stay in the mapping.
///
/// Thread-safety: const calls may run in parallel.
class GgufFile {
 public:
  /// Errors, with file and byte offset: kNotFound, kInvalidArgument (malformed),
  /// kUnimplemented (version 1, big endian, one part of a split model).
  static GgufFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return file_.path(); }
  const MappedFile& mapping() const noexcept { return file_; }
  std::uint32_t version() const noexcept { return version_; }

  /// Metadata keys in file order.
  const std::vector<std::string>& keys() const noexcept { return keys_; }
  /// The value of a key, or nullptr.
  const GgufValue* find(std::string_view key) const;

  // Typed lookups: nullopt when the key is absent; kInvalidArgument naming key, expected and found
  // type when it is there with another type. Any integer type fits integer(), any number number().
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  std::optional<std::string_view> text(std::string_view key) const;  ///< Valid while *this lives.
  std::optional<std::vector<std::int64_t>> integers(std::string_view key) const;
  std::optional<std::vector<double>> numbers(std::string_view key) const;
  std::optional<std::vector<std::string_view>> texts(std::string_view key) const;

  /// Tensors in file order.
  const std::vector<GgufTensor>& tensors() const noexcept { return tensors_; }
  /// The tensor of that name, or nullptr.
  const GgufTensor* find_tensor(std::string_view name) const;

  /// The stored bytes of rows [first_row, first_row + num_rows).
  /// Errors: kInvalidArgument (range), kUnimplemented (kOther), naming tensor and type.
  std::span<const std::byte> row_bytes(const GgufTensor& tensor, std::uint64_t first_row,
                                       std::uint64_t num_rows) const;

  /// Those rows as fp32; `out` holds num_rows x cols values. Bits as ggml's dequantisers.
  /// Errors: as row_bytes; kUnimplemented also for integer tensors.
  void dequantise_rows(const GgufTensor& tensor, std::uint64_t first_row, std::uint64_t num_rows,
                       std::span<float> out) const;

  /// Lets the system drop the tensor's pages (MappedFile::advise_done).
  void advise_done(const GgufTensor& tensor) const noexcept;

 private:
  friend class GgufParser;
  std::int64_t integer_at(GgufType type, std::uint64_t offset) const;
  double number_at(GgufType type, std::uint64_t offset) const;
  [[noreturn]] void wrong_type(std::string_view key, const GgufValue& value,
                               std::string_view expected) const;

  MappedFile file_;
  std::uint32_t version_ = 0;
  std::vector<std::string> keys_;
  std::vector<GgufValue> values_;
  std::unordered_map<std::string_view, std::size_t> key_index_;  // views into the mapping
  std::vector<GgufTensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> tensor_index_;  // views into the mapping
};

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
// Readers of safetensors files: one file, or the shards of a Hugging Face directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tandem/models/files/mapped_file.hpp"
#include "tandem/models/files/stored_type.hpp"

namespace tandem::models {

/// One tensor of a safetensors file; row-major, innermost extent last.
struct SafetensorsTensor {
  std::string name;
  std::string dtype;                     ///< As written in the file, e.g. "BF16".
  StoredType type = StoredType::kOther;  ///< kOther: a dtype that is listed but not read here.
  std::vector<std::uint64_t> shape;      ///< Empty for a scalar.
  std::uint64_t num_elements = 1;
  std::uint64_t offset = 0;  ///< File offset of the data.
  std::uint64_t num_bytes = 0;
};

/// An open safetensors file. Header, shapes and offsets are checked while opening: sizes match the
/// shapes, nothing overlaps, nothing lies outside the file, no bytes are left unnamed.
///
/// Thread-safety: const calls may run in parallel.
class SafetensorsFile {
 public:
  /// A header longer than this is refused, as the reference implementation does.
  static constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

  /// Errors, with file and offset or line: kNotFound, kInvalidArgument (malformed).
  static SafetensorsFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return file_.path(); }
  const MappedFile& mapping() const noexcept { return file_; }
  /// The `__metadata__` entries.
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

  /// Tensors in order of their data.
  const std::vector<SafetensorsTensor>& tensors() const noexcept { return tensors_; }
  /// The tensor of that name, or nullptr.
  const SafetensorsTensor* find(std::string_view name) const;

  /// The stored bytes of a tensor of this file. Errors: kUnimplemented (kOther).
  std::span<const std::byte> bytes(const SafetensorsTensor& tensor) const;

  /// Elements [first, first + out.size()) as fp32.
  /// Errors: kInvalidArgument (range), kUnimplemented (not a floating type), naming the tensor.
  void read_f32(const SafetensorsTensor& tensor, std::uint64_t first, std::span<float> out) const;

 private:
  MappedFile file_;
  std::map<std::string, std::string> metadata_;
  std::vector<SafetensorsTensor> tensors_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// All tensors of one model: a single file, or the shards that `model.safetensors.index.json`
/// names.
class SafetensorsSet {
 public:
  /// A tensor together with the file that holds it; both null when there is none.
  struct Entry {
    const SafetensorsFile* file = nullptr;
    const SafetensorsTensor* tensor = nullptr;
  };

  /// `path` is a .safetensors file, an index.json, or a directory with either.
  /// Errors: kNotFound, kInvalidArgument (malformed, a name in two shards, a shard outside the
  /// directory), kMismatch (the index names a tensor that its shard does not have).
  static SafetensorsSet open(const std::filesystem::path& path);

  Entry find(std::string_view name) const;
  const std::vector<SafetensorsFile>& files() const noexcept { return files_; }

 private:
  std::vector<SafetensorsFile> files_;
  std::unordered_map<std::string, Entry> index_;
};

}  // namespace tandem::models

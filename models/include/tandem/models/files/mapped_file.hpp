// SPDX-License-Identifier: Apache-2.0
// A read-only memory mapping of one regular file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace tandem::models {

/// Maps a whole file for reading. Pages are loaded when touched and shared with the page cache, so
/// a mapped model costs no second copy. Move-only; the mapping keeps its address when moved.
///
/// Thread-safety: everything const may be called from several threads.
/// The file must not be truncated by others while it is mapped (the system answers with SIGBUS).
class MappedFile {
 public:
  /// Errors: kNotFound (no such file), kInvalidArgument (not a regular file, not readable).
  static MappedFile open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  /// All bytes of the file; empty for an empty file. The start is page aligned.
  std::span<const std::byte> bytes() const noexcept { return {data_, num_bytes_}; }
  std::uint64_t size() const noexcept { return num_bytes_; }
  const std::filesystem::path& path() const noexcept { return path_; }

  /// Tells the system that [offset, offset + num_bytes) is not needed for now, so that its whole
  /// pages leave this process's resident memory. Reading them again is correct, only slower.
  /// A range beyond the end is cut; never fails.
  void advise_done(std::uint64_t offset, std::uint64_t num_bytes) const noexcept;

 private:
  void unmap() noexcept;

  const std::byte* data_ = nullptr;
  std::uint64_t num_bytes_ = 0;
  std::filesystem::path path_;
};

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
// Files of typed records in zstd blocks: the container of traces and snapshots.
// docs/reference/trace_format.md describes the bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace tandem::runtime {

inline constexpr std::size_t kMaxRecordBytes = std::size_t{1} << 20;  ///< Payload of one record.
inline constexpr std::size_t kBlockBytes = std::size_t{2}
                                           << 20;          ///< Raw bytes of one block, at most.
inline constexpr std::size_t kMaxHeaderBytes = 64 * 1024;  ///< Header text, at most.
inline constexpr std::uint32_t kRecordFileVersion = 1;
/// Last record of every file; its payload is the number of records before it (8 bytes).
inline constexpr std::uint32_t kEndRecord = 0xffff'ffff;

/// What a file holds: the first eight bytes.
struct RecordFileKind {
  std::array<char, 8> magic;
  std::string_view name;  ///< "trace", "snapshot": for messages.
};

/// XXH64 (Yann Collet, xxHash specification) of bytes that arrive in pieces, seed 0.
class Xxh64 {
 public:
  void update(std::span<const std::byte> bytes);
  std::uint64_t digest() const;

 private:
  std::array<std::uint64_t, 4> lanes_ = {0x60ea27eeadc0b5d6u, 0xc2b2ae3d27d4eb4fu, 0u,
                                         0x61c8864e7a143579u};
  std::array<std::byte, 32> tail_{};
  std::size_t tail_bytes_ = 0;
  std::uint64_t total_ = 0;
};

/// XXH64 of a file's bytes, as `xxhsum -H64` prints it. Throws kNotFound.
std::uint64_t hash_file(const std::string& path);

/// Writes a file. Errors of the file system throw kUnavailable with the path and the reason; a file
/// that was not finished is removed by the destructor.
class RecordWriter {
 public:
  RecordWriter(std::string path, const RecordFileKind& kind, std::string_view header_text);
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  /// Appends a record whose payload is all `parts` one after the other, kMaxRecordBytes in total at
  /// most.
  void add(std::uint32_t type, std::initializer_list<std::span<const std::byte>> parts);
  /// Writes what is buffered and the end record, and closes the file.
  void finish();

  std::uint64_t num_records() const { return num_records_; }
  const std::string& path() const { return path_; }

 private:
  void write_block();
  void write_bytes(const void* data, std::size_t num_bytes);

  std::string path_;
  std::ofstream out_;
  ZSTD_CCtx_s* context_ = nullptr;
  std::vector<std::byte> raw_;
  std::vector<std::byte> stored_;
  std::uint64_t num_records_ = 0;
  bool finished_ = false;
};

/// Reads a file written by RecordWriter, block by block: memory stays below 8 MiB for any file.
/// Every error throws kInvalidArgument (kMismatch for another version) with path and byte offset.
class RecordReader {
 public:
  struct Record {
    std::uint32_t type = 0;
    std::span<const std::byte> payload;  ///< Valid until the next call.
    std::uint64_t offset = 0;            ///< Of the block in the file, for messages.
  };

  RecordReader(std::string path, const RecordFileKind& kind);
  ~RecordReader();
  /// A second reader that goes on at the same record; the file is opened again.
  RecordReader(const RecordReader& other);
  RecordReader& operator=(const RecordReader&) = delete;

  const std::string& header_text() const { return header_text_; }
  std::uint64_t abi_hash() const { return abi_hash_; }
  const std::string& path() const { return path_; }
  /// Records read so far.
  std::uint64_t num_records() const { return num_records_; }

  /// The next record; false behind the last one.
  bool next(Record& record);

  /// Throws the error "PATH: KIND damaged at byte OFFSET: WHAT".
  [[noreturn]] void fail(std::uint64_t offset, const std::string& what) const;

 private:
  void open_file();
  void read_header(const RecordFileKind& kind);
  bool read_block();
  void read_bytes(void* data, std::size_t num_bytes, std::string_view what);
  void check_end(const Record& record);

  std::string path_;
  std::string_view kind_name_;
  std::ifstream in_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t block_offset_ = 0;
  ZSTD_DCtx_s* context_ = nullptr;
  std::string header_text_;
  std::uint64_t abi_hash_ = 0;
  std::vector<std::byte> stored_;
  std::vector<std::byte> raw_;
  std::size_t position_ = 0;
  std::uint64_t num_records_ = 0;
  bool ended_ = false;
};

/// The bytes of a trivially copyable value, for RecordWriter::add.
template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return {reinterpret_cast<const std::byte*>(&value), sizeof(T)};
}
inline std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace tandem::runtime

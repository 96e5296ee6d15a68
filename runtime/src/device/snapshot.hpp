// SPDX-License-Identifier: Apache-2.0
// Records of snapshot files. docs/reference/trace_format.md describes the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "record_file.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::runtime {

inline constexpr RecordFileKind kSnapshotKind = {{'T', 'N', 'D', 'M', 'S', 'N', 'P', '\n'},
                                                 "snapshot"};

enum class SnapshotRecord : std::uint32_t {
  kPages = 1,    ///< Address, then whole pages.
  kZero = 2,     ///< Address and bytes: pages that the base holds and that are zero now.
  kProgram = 3,  ///< First word (4 bytes), number of words (4 bytes), words.
  kTable = 4,    ///< Number of the table (4 bytes), 256 words.
};

/// What the head of a snapshot says.
struct SnapshotInfo {
  std::string backend;
  std::uint64_t seq = 0;  ///< Packets submitted when it was made.
  driver::DeviceConfig config;
  std::string base;  ///< Path of the base, relative to the directory of this file; empty: none.
  std::uint64_t base_hash = 0;  ///< XXH64 of the base file.
};

SnapshotInfo read_snapshot_info(const RecordReader& file);

/// Goes through the pages of a snapshot that has no base, one after the other.
class PageReader {
 public:
  explicit PageReader(const std::string& path);

  /// Moves to the next page; false behind the last one.
  bool next();
  std::uint64_t addr() const { return addr_; }
  std::span<const std::byte> page() const { return page_; }
  const SnapshotInfo& info() const { return info_; }
  std::uint64_t abi_hash() const { return file_.abi_hash(); }

 private:
  RecordReader file_;
  SnapshotInfo info_;
  std::span<const std::byte> rest_;
  std::uint64_t next_addr_ = 0;
  std::uint64_t addr_ = 0;
  std::span<const std::byte> page_;
};

}  // namespace tandem::runtime

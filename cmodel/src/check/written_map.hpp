// SPDX-License-Identifier: Apache-2.0
// Which bytes of device memory have been written.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace tandem::cmodel {

/// One bit a byte, in pages of 4 KiB that exist only while a page is written in part.
///
/// Thread-safety: none.
class WrittenMap {
 public:
  void mark(std::uint64_t addr, std::uint64_t num_bytes) { set(addr, num_bytes, true); }
  void clear(std::uint64_t addr, std::uint64_t num_bytes) { set(addr, num_bytes, false); }

  /// First byte of [addr, addr + num_bytes) that is not written, or addr + num_bytes.
  std::uint64_t first_unwritten(std::uint64_t addr, std::uint64_t num_bytes) const {
    return find(addr, num_bytes, false);
  }
  /// First byte of [addr, addr + num_bytes) that is written, or addr + num_bytes.
  std::uint64_t first_written(std::uint64_t addr, std::uint64_t num_bytes) const {
    return find(addr, num_bytes, true);
  }

 private:
  static constexpr std::uint64_t kPageBytes = 4096;
  static constexpr std::uint64_t kPages = 256;  ///< Pages of a chunk.
  static constexpr std::uint64_t kChunkBytes = kPageBytes * kPages;

  using Bits = std::array<std::uint64_t, kPageBytes / 64>;
  struct Page {
    bool full = false;           ///< Without `bits`: all bytes are written, or none is.
    std::unique_ptr<Bits> bits;  ///< Present while some are and some are not.
  };
  struct Chunk {
    std::array<Page, kPages> pages;
  };

  void set(std::uint64_t addr, std::uint64_t num_bytes, bool value);
  static void set_in_page(Page& page, std::uint64_t first, std::uint64_t last, bool value);
  static std::uint64_t find_in_page(const Page& page, std::uint64_t first, std::uint64_t last,
                                    bool value);
  std::uint64_t find(std::uint64_t addr, std::uint64_t num_bytes, bool value) const;
  const Chunk* chunk_of(std::uint64_t addr) const;

  std::unordered_map<std::uint64_t, Chunk> chunks_;  // by addr / kChunkBytes
  // Runs of an operand lie close together. Elements of an unordered_map stay where they are.
  mutable std::uint64_t last_key_ = ~std::uint64_t{0};
  mutable const Chunk* last_chunk_ = nullptr;
};

}  // namespace tandem::cmodel

// SPDX-License-Identifier: Apache-2.0
// Simulated device memory that several in-process backends share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tandem/base/phys_addr.hpp"

namespace tandem::driver {

/// Physical memory as a few banks, each a lazily backed host mapping: bytes never written cost
/// nothing and read as zero. Banks that adjoin in physical addresses adjoin in the host mapping
/// too.
///
/// Thread-safety: banks are fixed at construction; concurrent accesses to disjoint bytes are safe.
class SparseRam {
 public:
  struct Bank {
    std::uint64_t base = 0;  ///< 4 KiB aligned, not 0.
    std::uint64_t size = 0;  ///< Bytes, a multiple of 4 KiB.
  };

  /// Reserves host address space for every bank. Throws kInvalidArgument for misaligned, empty or
  /// overlapping banks and kOutOfMemory if the host refuses; both name the bank.
  explicit SparseRam(std::vector<Bank> banks);
  ~SparseRam();
  SparseRam(const SparseRam&) = delete;
  SparseRam& operator=(const SparseRam&) = delete;

  /// Ascending by base.
  std::span<const Bank> banks() const { return banks_; }

  /// Host pointer to `addr` if [addr, addr + num_bytes) lies in one bank or in banks that adjoin,
  /// else nullptr. The host pointer is as aligned as `addr`, up to 4 KiB.
  std::byte* pointer(std::uint64_t addr, std::uint64_t num_bytes) const {
    for (const Run& run : runs_) {
      const std::uint64_t offset = addr - run.base;
      if (offset < run.size && num_bytes <= run.size - offset) return run.host + offset;
    }
    return nullptr;
  }

  /// First address of [addr, addr + num_bytes) that no bank holds, or addr + num_bytes if there is
  /// none.
  std::uint64_t first_hole(std::uint64_t addr, std::uint64_t num_bytes) const;

  /// Copies; throw kInvalidArgument naming the first address outside every bank, then nothing was
  /// copied.
  void read(std::uint64_t src, std::span<std::byte> dst) const;
  void write(std::uint64_t dst, std::span<const std::byte> src);

  /// Calls `visit(addr, page)` for every 4 KiB page that holds a non-zero byte, ascending. Pages
  /// that were never touched are not looked at.
  void for_each_page(
      const std::function<void(std::uint64_t, std::span<const std::byte>)>& visit) const;

  /// Returns all memory to zero and its pages to the host.
  void clear();
  /// Returns the pages wholly inside [addr, addr + num_bytes) to the host; they read as zero again.
  void discard(std::uint64_t addr, std::uint64_t num_bytes);
  /// Bytes of host memory in use.
  std::uint64_t resident_bytes() const;

  /// "[10000000, 20000000) [80000000, c0000000)", for messages.
  std::string describe_banks() const;

  static constexpr std::uint64_t kPageBytes = 4096;

 private:
  /// Banks that adjoin, and their mapping, which has an unmapped page on either side.
  struct Run {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    std::byte* host = nullptr;
    std::byte* mapping = nullptr;
    std::size_t mapping_bytes = 0;
  };

  void map(Run& run) const;
  void unmap_all() noexcept;
  [[noreturn]] void throw_unmapped(std::uint64_t addr, std::uint64_t num_bytes,
                                   const char* verb) const;

  std::vector<Bank> banks_;
  std::vector<Run> runs_;
};

}  // namespace tandem::driver

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

/// Physical memory as a few banks, each a lazily backed host mapping: bytes never written cost nothing and read as zero.
///
/// Thread-safety: banks are fixed at construction; concurrent accesses to disjoint bytes are safe.
class SparseRam {
 public:
  struct Bank {
    std::uint64_t base = 0;  ///< 4 KiB aligned.
    std::uint64_t size = 0;  ///< Bytes, a multiple of 4 KiB.
  };

  /// Reserves host address space for every bank. Throws kOutOfMemory naming the bank if the host refuses.
  explicit SparseRam(std::vector<Bank> banks);
  ~SparseRam();
  SparseRam(const SparseRam&) = delete;
  SparseRam& operator=(const SparseRam&) = delete;

  std::span<const Bank> banks() const { return banks_; }

  /// Host pointer to `addr` if [addr, addr + num_bytes) lies in one bank, else nullptr.
  std::byte* pointer(std::uint64_t addr, std::uint64_t num_bytes) const;

  /// Copies; throw kInvalidArgument naming the first address outside every bank.
  void read(std::uint64_t src, std::span<std::byte> dst) const;
  void write(std::uint64_t dst, std::span<const std::byte> src);

  /// Calls `visit(addr, page)` for every 4 KiB page that holds a non-zero byte, ascending.
  void for_each_page(const std::function<void(std::uint64_t, std::span<const std::byte>)>& visit) const;

  /// Returns all memory to zero and its pages to the host.
  void clear();
  /// Returns the pages wholly inside [addr, addr + num_bytes) to the host; they read as zero again.
  void discard(std::uint64_t addr, std::uint64_t num_bytes);
  /// Bytes of host memory in use.
  std::uint64_t resident_bytes() const;

  static constexpr std::uint64_t kPageBytes = 4096;

 private:
  std::vector<Bank> banks_;
  std::vector<std::byte*> host_;
};

}  // namespace tandem::driver

// SPDX-License-Identifier: Apache-2.0
// Operands of a MATMUL as the device multiplies them, from any memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tandem/abi/elements.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::debug {

/// An element of C.
struct MatmulElement {
  std::uint64_t batch0 = 0;
  std::uint64_t batch1 = 0;
  std::uint64_t m = 0;
  std::uint64_t n = 0;
};

/// Pages of a memory, kept while others do not need their place.
class PageCache {
 public:
  explicit PageCache(abi::ReadMemory memory);
  void read(std::uint64_t addr, std::span<std::byte> dst);

 private:
  struct Entry {
    std::uint64_t base = 1;  // No page.
    std::vector<std::byte> bytes;
  };
  abi::ReadMemory memory_;
  std::vector<Entry> entries_;
};

class MatmulTerms {
 public:
  MatmulTerms(const abi::MatmulPacket& packet, abi::ReadMemory memory);

  std::uint64_t c_addr(const MatmulElement& element) const;
  /// Accumulator bits before the first step; those of the old C with init mode ACCUMULATE.
  std::uint32_t initial(const MatmulElement& element);
  /// Operands of step k, floats: E8M10.
  float a(const MatmulElement& element, std::uint64_t k);
  float b(const MatmulElement& element, std::uint64_t k);
  /// |b|, or |scale q| + |minimum|: what the roundings of a weight are relative to.
  float b_magnitude(const MatmulElement& element, std::uint64_t k);
  /// I8 x I8.
  std::int32_t a_integer(const MatmulElement& element, std::uint64_t k);
  std::int32_t b_integer(const MatmulElement& element, std::uint64_t k);

 private:
  template <class T>
  T load(std::uint64_t addr);
  float load_float(abi::Dtype type, std::uint64_t addr);
  std::uint64_t a_addr(const MatmulElement& element, std::uint64_t k) const;
  /// Row of B as stored and element in it.
  std::pair<std::uint64_t, std::uint64_t> b_place(const MatmulElement& element,
                                                  std::uint64_t k) const;
  std::uint64_t b_row_addr(const MatmulElement& element, std::uint64_t row) const;
  std::uint64_t scale_offset(const MatmulElement& element, std::uint64_t k) const;

  abi::MatmulPacket p_;
  PageCache memory_;
};

}  // namespace tandem::debug

// SPDX-License-Identifier: Apache-2.0
#include "written_map.hpp"

#include <algorithm>
#include <bit>

namespace tandem::cmodel {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

/// Bits of word `word` that lie in [first, last).
std::uint64_t word_mask(std::uint64_t word, std::uint64_t first, std::uint64_t last) {
  std::uint64_t mask = kAll;
  if (first > word * 64) mask &= kAll << (first - word * 64);
  if (last < word * 64 + 64) mask &= kAll >> (word * 64 + 64 - last);
  return mask;
}

}  // namespace

void WrittenMap::set_in_page(Page& page, std::uint64_t first, std::uint64_t last, bool value) {
  if (first == 0 && last == kPageBytes) {
    page.bits.reset();
    page.full = value;
    return;
  }
  if (!page.bits) {
    if (page.full == value) return;
    page.bits = std::make_unique<Bits>();
    page.bits->fill(page.full ? kAll : 0);
  }
  Bits& bits = *page.bits;
  const std::uint64_t uniform = value ? kAll : 0;
  bool changed = false;
  for (std::uint64_t w = first / 64; w * 64 < last; ++w) {
    const std::uint64_t mask = word_mask(w, first, last);
    const std::uint64_t after = value ? bits[w] | mask : bits[w] & ~mask;
    changed |= after != bits[w] && after == uniform;
    bits[w] = after;
  }
  if (!changed) return;
  if (std::all_of(bits.begin(), bits.end(), [&](std::uint64_t w) { return w == uniform; })) {
    page.bits.reset();
    page.full = value;
  }
}

void WrittenMap::set(std::uint64_t addr, std::uint64_t num_bytes, bool value) {
  const std::uint64_t end = addr + num_bytes;
  while (addr != end) {
    const std::uint64_t key = addr / kChunkBytes;
    const std::uint64_t chunk_end = std::min(end, (key + 1) * kChunkBytes);
    Chunk* chunk = const_cast<Chunk*>(chunk_of(addr));
    if (chunk == nullptr && value) {
      chunk = &chunks_[key];
      last_key_ = key;
      last_chunk_ = chunk;
    }
    while (addr != chunk_end) {
      const std::uint64_t page = addr % kChunkBytes / kPageBytes;
      const std::uint64_t first = addr % kPageBytes;
      const std::uint64_t last = std::min(kPageBytes, first + (chunk_end - addr));
      if (chunk != nullptr) set_in_page(chunk->pages[page], first, last, value);
      addr += last - first;
    }
  }
}

std::uint64_t WrittenMap::find_in_page(const Page& page, std::uint64_t first, std::uint64_t last,
                                       bool value) {
  if (!page.bits) return page.full == value ? first : last;
  for (std::uint64_t w = first / 64; w * 64 < last; ++w) {
    const std::uint64_t word = value ? (*page.bits)[w] : ~(*page.bits)[w];
    const std::uint64_t hits = word & word_mask(w, first, last);
    if (hits != 0) return w * 64 + static_cast<std::uint64_t>(std::countr_zero(hits));
  }
  return last;
}

std::uint64_t WrittenMap::find(std::uint64_t addr, std::uint64_t num_bytes, bool value) const {
  const std::uint64_t end = addr + num_bytes;
  while (addr != end) {
    const std::uint64_t chunk_end = std::min(end, (addr / kChunkBytes + 1) * kChunkBytes);
    const Chunk* chunk = chunk_of(addr);
    if (chunk == nullptr) {
      if (!value) return addr;
      addr = chunk_end;
      continue;
    }
    while (addr != chunk_end) {
      const std::uint64_t first = addr % kPageBytes;
      const std::uint64_t last = std::min(kPageBytes, first + (chunk_end - addr));
      const std::uint64_t hit =
          find_in_page(chunk->pages[addr % kChunkBytes / kPageBytes], first, last, value);
      addr += hit - first;
      if (hit != last) return addr;
    }
  }
  return end;
}

const WrittenMap::Chunk* WrittenMap::chunk_of(std::uint64_t addr) const {
  const std::uint64_t key = addr / kChunkBytes;
  if (key != last_key_ || last_chunk_ == nullptr) {
    const auto it = chunks_.find(key);
    last_key_ = key;
    last_chunk_ = it == chunks_.end() ? nullptr : &it->second;
  }
  return last_chunk_;
}

}  // namespace tandem::cmodel

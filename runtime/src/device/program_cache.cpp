// SPDX-License-Identifier: Apache-2.0
#include "program_cache.hpp"

#include <algorithm>

#include "tandem/base/error.hpp"

namespace tandem::runtime {
namespace {

/// Quick rather than strong: equal hashes only cost a comparison.
std::uint64_t hash_words(std::span<const std::uint64_t> words) {
  std::uint64_t hash = words.size();
  for (const std::uint64_t word : words) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

std::optional<std::uint16_t> ProgramCache::find(std::span<const std::uint64_t> words) const {
  auto [it, end] = by_hash_.equal_range(hash_words(words));
  for (; it != end; ++it) {
    const Program& program = programs_[it->second];
    if (std::ranges::equal(words,
                           std::span(image_).subspan(program.first_word, program.num_words))) {
      return static_cast<std::uint16_t>(program.first_word);
    }
  }
  return std::nullopt;
}

std::uint16_t ProgramCache::add(std::span<const std::uint64_t> words) {
  TANDEM_CHECK(fits(words.size()));
  const auto first_word = static_cast<std::uint32_t>(image_.size());
  by_hash_.emplace(hash_words(words), programs_.size());
  programs_.push_back({first_word, static_cast<std::uint32_t>(words.size())});
  image_.insert(image_.end(), words.begin(), words.end());
  return static_cast<std::uint16_t>(first_word);
}

void ProgramCache::clear() {
  image_.clear();
  programs_.clear();
  by_hash_.clear();
}

}  // namespace tandem::runtime

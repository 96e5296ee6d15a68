// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding with a heap of candidate merges.
#include "bpe.hpp"

#include <fmt/format.h>

#include <queue>

#include "byte_alphabet.hpp"
#include "tandem/models/text/utf8.hpp"

namespace tandem::models {
namespace {

/// A pair that may be merged. It is out of date when its symbols changed meanwhile.
struct Candidate {
  std::uint32_t rank;
  std::uint32_t position;  // of the left symbol
  TokenId left;
  TokenId right;
  TokenId result;
};

/// The lowest rank first, the leftmost among equals.
struct Later {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  }
};

constexpr std::uint32_t kNowhere = ~std::uint32_t{0};

}  // namespace

Bpe::Bpe(const Vocabulary& vocabulary, const BpeOptions& options)
    : vocabulary_(&vocabulary), options_(options) {
  for (int byte = 0; byte < 256; ++byte) {
    std::string text;
    append_utf8(text, byte_character(static_cast<unsigned char>(byte)));
    const auto at = static_cast<std::size_t>(byte);
    byte_tokens_[at] = vocabulary.find(text).value_or(-1);
    fallback_tokens_[at] = vocabulary.find(fmt::format("<0x{:02X}>", byte)).value_or(-1);
  }
}

bool Bpe::add_merge(std::string_view left, std::string_view right) {
  const auto a = vocabulary_->find(left);
  const auto b = vocabulary_->find(right);
  const auto result = vocabulary_->find(std::string(left).append(right));
  if (!a || !b || !result) return false;
  const auto rank = static_cast<std::uint32_t>(merges_.size());
  merges_.try_emplace(pair_key(*a, *b), Merge{rank, *result});
  return true;
}

void Bpe::encode(std::string_view word, std::vector<TokenId>& out) const {
  if (word.empty()) return;
  if (options_.ignore_merges) {
    const auto whole =
        vocabulary_->find(options_.byte_level ? to_byte_alphabet(word) : std::string(word));
    if (whole) {
      out.push_back(*whole);
      return;
    }
  }
  std::vector<TokenId> symbols =
      options_.byte_level ? symbols_of_bytes(word) : symbols_of_characters(word);
  merge_all(symbols);
  out.insert(out.end(), symbols.begin(), symbols.end());
}

std::vector<TokenId> Bpe::symbols_of_bytes(std::string_view word) const {
  std::vector<TokenId> out;
  out.reserve(word.size());
  bool last_unknown = false;
  for (const char c : word) {
    const TokenId id = byte_tokens_[static_cast<unsigned char>(c)];
    if (id >= 0) {
      out.push_back(id);
    } else if (options_.unknown && !(options_.fuse_unknown && last_unknown)) {
      out.push_back(*options_.unknown);
    }
    last_unknown = id < 0;
  }
  return out;
}

bool Bpe::add_byte_tokens(std::string_view character, std::vector<TokenId>& out) const {
  for (const char c : character) {
    if (fallback_tokens_[static_cast<unsigned char>(c)] < 0) return false;
  }
  for (const char c : character) out.push_back(fallback_tokens_[static_cast<unsigned char>(c)]);
  return true;
}

std::vector<TokenId> Bpe::symbols_of_characters(std::string_view word) const {
  std::vector<TokenId> out;
  bool last_unknown = false;
  while (!word.empty()) {
    const std::string_view character = word.substr(0, utf8_step(word).num_bytes);
    word.remove_prefix(character.size());
    if (const auto id = vocabulary_->find(character)) {
      out.push_back(*id);
      last_unknown = false;
    } else if (options_.byte_fallback && add_byte_tokens(character, out)) {
      last_unknown = false;
    } else {
      if (options_.unknown && !(options_.fuse_unknown && last_unknown)) {
        out.push_back(*options_.unknown);
      }
      last_unknown = true;
    }
  }
  return out;
}

void Bpe::merge_all(std::vector<TokenId>& symbols) const {
  if (symbols.size() < 2 || merges_.empty()) return;
  const auto count = static_cast<std::uint32_t>(symbols.size());
  std::vector<std::uint32_t> next(count), previous(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1 < count ? i + 1 : kNowhere;
    previous[i] = i > 0 ? i - 1 : kNowhere;
  }
  std::priority_queue<Candidate, std::vector<Candidate>, Later> heap;
  const auto consider = [&](std::uint32_t left, std::uint32_t right) {
    const auto it = merges_.find(pair_key(symbols[left], symbols[right]));
    if (it == merges_.end()) return;
    heap.push({it->second.rank, left, symbols[left], symbols[right], it->second.result});
  };
  for (std::uint32_t i = 0; i + 1 < count; ++i) consider(i, i + 1);
  constexpr TokenId kGone = -1;
  while (!heap.empty()) {
    const Candidate top = heap.top();
    heap.pop();
    const std::uint32_t left = top.position;
    const std::uint32_t right = next[left];
    if (symbols[left] != top.left || right == kNowhere || symbols[right] != top.right) continue;
    symbols[left] = top.result;
    symbols[right] = kGone;
    next[left] = next[right];
    if (next[left] != kNowhere) {
      previous[next[left]] = left;
      consider(left, next[left]);
    }
    if (previous[left] != kNowhere) consider(previous[left], left);
  }
  std::erase(symbols, kGone);
}

}  // namespace tandem::models

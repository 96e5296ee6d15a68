// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding of one word.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vocabulary.hpp"

namespace tandem::models {

struct BpeOptions {
  bool byte_level = true;      ///< Words are bytes in GPT-2's alphabet; else characters.
  bool byte_fallback = false;  ///< A character without a token becomes its bytes' <0xNN> tokens.
  bool fuse_unknown = false;   ///< Neighbouring unknown characters become one unknown token.
  bool ignore_merges = false;  ///< A word that is a token is taken whole.
  std::optional<TokenId> unknown;
};

class Bpe {
 public:
  /// `vocabulary` must outlive this object and stay where it is.
  Bpe(const Vocabulary& vocabulary, const BpeOptions& options);

  /// Adds the next merge; earlier ones take precedence. False when a part or the result is no
  /// token.
  bool add_merge(std::string_view left, std::string_view right);
  void reserve(std::size_t num_merges) { merges_.reserve(num_merges); }

  /// Appends the tokens of a word (valid UTF-8) in time O(n log n).
  void encode(std::string_view word, std::vector<TokenId>& out) const;

 private:
  struct Merge {
    std::uint32_t rank;
    TokenId result;
  };
  static std::uint64_t pair_key(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
  }

  std::vector<TokenId> symbols_of_bytes(std::string_view word) const;
  std::vector<TokenId> symbols_of_characters(std::string_view word) const;
  bool add_byte_tokens(std::string_view character, std::vector<TokenId>& out) const;
  void merge_all(std::vector<TokenId>& symbols) const;

  const Vocabulary* vocabulary_;
  BpeOptions options_;
  std::array<TokenId, 256> byte_tokens_{};      // -1: none
  std::array<TokenId, 256> fallback_tokens_{};  // -1: none
  std::unordered_map<std::uint64_t, Merge> merges_;
};

}  // namespace tandem::models

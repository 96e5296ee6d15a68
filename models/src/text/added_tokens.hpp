// SPDX-License-Identifier: Apache-2.0
// Tokens that are recognised in the text itself, before it is normalised and cut.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tandem/models/text/tokenizer.hpp"

namespace tandem::models {

/// One entry of `added_tokens`.
struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;      ///< Left out by decoding with SpecialText::kSkip.
  bool single_word = false;  ///< Only between characters that belong to no word.
  bool lstrip = false;       ///< White space before it belongs to it.
  bool rstrip = false;       ///< White space behind it belongs to it.
  bool normalized = false;   ///< Looked for in the normalised text.
};

/// A stretch of text, or one added token in its place.
struct TextSpan {
  std::string_view text;
  std::optional<TokenId> token;
};

/// Finds added tokens: leftmost first, the longest of those that start at one place.
class AddedTokenFinder {
 public:
  static constexpr std::size_t kMaxContentBytes = 1024;
  static constexpr std::size_t kMaxTotalBytes = std::size_t{4} << 20;

  /// Errors: kInvalidArgument naming `where` for a content that is empty or too long,
  /// or too much in total.
  AddedTokenFinder(const std::vector<AddedToken>& tokens, const std::string& where);

  /// `text` (valid UTF-8) in order; time is at most text.size() * the longest token.
  std::vector<TextSpan> split(std::string_view text) const;

 private:
  struct Match {
    std::size_t end = 0;
    const AddedToken* token = nullptr;
  };

  static std::uint64_t edge_key(std::uint32_t node, char byte) {
    return std::uint64_t{node} << 8 | static_cast<unsigned char>(byte);
  }
  Match match_at(std::string_view text, std::size_t begin) const;

  std::vector<AddedToken> tokens_;
  // A trie: edges by (node, byte), and the token that ends at a node (-1: none).
  std::unordered_map<std::uint64_t, std::uint32_t> edges_;
  std::vector<std::int32_t> ends_;
};

}  // namespace tandem::models

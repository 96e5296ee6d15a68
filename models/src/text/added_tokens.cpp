// SPDX-License-Identifier: Apache-2.0
// Search for added tokens with a trie.
#include "added_tokens.hpp"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>

#include "../files/printable.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/text/utf8.hpp"

namespace tandem::models {
namespace {

/// Letters, marks, decimal digits and connectors, as \w of Hugging Face tokenizers.
bool is_word(char32_t point) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(point))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return point == 0x200C || point == 0x200D;  // join controls
  }
}

/// Unicode's White_Space.
bool is_space(char32_t point) {
  if ((point >= 0x09 && point <= 0x0D) || point == 0x85) return true;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(point));
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

/// Where the last character of `text` begins; 0 for an empty text.
std::size_t last_character(std::string_view text) {
  std::size_t at = text.size();
  while (at > 0) {
    --at;
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) break;
  }
  return at;
}

bool ends_with_word(std::string_view text) {
  return !text.empty() && is_word(utf8_step(text.substr(last_character(text))).code_point);
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && is_word(utf8_step(text).code_point);
}

std::size_t leading_space(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Utf8Step step = utf8_step(text.substr(at));
    if (!is_space(step.code_point)) break;
    at += step.num_bytes;
  }
  return at;
}

/// Where the white space at the end of `text` begins, not before `lowest`.
std::size_t trailing_space(std::string_view text, std::size_t lowest) {
  std::size_t at = text.size();
  while (at > lowest) {
    const std::size_t begin = last_character(text.substr(0, at));
    if (begin < lowest || !is_space(utf8_step(text.substr(begin)).code_point)) break;
    at = begin;
  }
  return at;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(const std::vector<AddedToken>& tokens, const std::string& where)
    : tokens_(tokens), ends_(1, -1) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& content = tokens_[i].content;
    if (content.empty() || content.size() > kMaxContentBytes) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: added token {} has {} bytes, expected 1 to {}", where,
                              printable(content), content.size(), kMaxContentBytes));
    }
    std::uint32_t node = 0;
    for (const char c : content) {
      const auto [it, fresh] =
          edges_.try_emplace(edge_key(node, c), static_cast<std::uint32_t>(ends_.size()));
      node = it->second;
      if (fresh) ends_.push_back(-1);
    }
    ends_[node] = static_cast<std::int32_t>(i);
    if (ends_.size() > kMaxTotalBytes) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: the added tokens have more than {} bytes", where, kMaxTotalBytes));
    }
  }
}

AddedTokenFinder::Match AddedTokenFinder::match_at(std::string_view text, std::size_t begin) const {
  Match best;
  std::uint32_t node = 0;
  for (std::size_t at = begin; at < text.size(); ++at) {
    const auto it = edges_.find(edge_key(node, text[at]));
    if (it == edges_.end()) break;
    node = it->second;
    if (ends_[node] >= 0) best = {at + 1, &tokens_[static_cast<std::size_t>(ends_[node])]};
  }
  return best;
}

std::vector<TextSpan> AddedTokenFinder::split(std::string_view text) const {
  std::vector<TextSpan> out;
  std::size_t done = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto [match_end, token] = match_at(text, at);
    if (!token) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = match_end;
    at = match_end;
    if (token->single_word &&
        (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) {
      continue;
    }
    if (token->lstrip && begin > done) begin = trailing_space(text.substr(0, begin), done);
    if (token->rstrip) end += leading_space(text.substr(end));
    if (begin > done) out.push_back({text.substr(done, begin - done), std::nullopt});
    out.push_back({text.substr(begin, end - begin), token->id});
    done = end;
    at = std::max(at, done);
  }
  if (done < text.size()) out.push_back({text.substr(done), std::nullopt});
  return out;
}

}  // namespace tandem::models

// SPDX-License-Identifier: Apache-2.0
// Tokens by id and ids by token.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tandem/models/text/tokenizer.hpp"

namespace tandem::models {

class Vocabulary {
 public:
  Vocabulary() = default;
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;
  Vocabulary(const Vocabulary&) = delete;  // the index refers to the texts
  Vocabulary& operator=(const Vocabulary&) = delete;

  /// Errors: kInvalidArgument naming `where`: an id or text given twice, or ids so far apart that
  /// the table would be mostly empty.
  Vocabulary(std::vector<std::pair<std::string, std::int64_t>> entries, const std::string& where);

  /// One more than the largest id.
  std::size_t size() const { return texts_.size(); }
  bool has(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < texts_.size() &&
           present_[static_cast<std::size_t>(id)];
  }
  std::string_view text(TokenId id) const {
    return has(id) ? std::string_view(texts_[static_cast<std::size_t>(id)]) : std::string_view();
  }
  std::optional<TokenId> find(std::string_view text) const {
    const auto it = ids_.find(text);
    return it == ids_.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  std::vector<std::string> texts_;
  std::vector<bool> present_;
  std::unordered_map<std::string_view, TokenId> ids_;
};

}  // namespace tandem::models

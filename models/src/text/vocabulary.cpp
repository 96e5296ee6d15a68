// SPDX-License-Identifier: Apache-2.0
// Building of the token tables.
#include "vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "../files/printable.hpp"
#include "tandem/base/error.hpp"

namespace tandem::models {

Vocabulary::Vocabulary(std::vector<std::pair<std::string, std::int64_t>> entries,
                       const std::string& where) {
  // Real vocabularies have small gaps at most; a huge id must not size the table.
  const auto limit = static_cast<std::int64_t>(2 * entries.size() + 65536);
  std::int64_t size = 0;
  for (const auto& [text, id] : entries) {
    if (id < 0 || id >= limit) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: token {} has id {}, expected 0 to {}", where, printable(text),
                              id, limit - 1));
    }
    size = std::max(size, id + 1);
  }
  texts_.resize(static_cast<std::size_t>(size));
  present_.resize(static_cast<std::size_t>(size));
  for (auto& [text, id] : entries) {
    const auto at = static_cast<std::size_t>(id);
    if (present_[at]) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: tokens {} and {} have the same id {}", where,
                              printable(texts_[at]), printable(text), id));
    }
    present_[at] = true;
    texts_[at] = std::move(text);
  }
  ids_.reserve(entries.size());
  for (std::size_t id = 0; id < texts_.size(); ++id) {
    if (!present_[id]) continue;
    const auto [it, fresh] = ids_.emplace(texts_[id], static_cast<TokenId>(id));
    if (!fresh) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: token {} has the ids {} and {}", where, printable(texts_[id]),
                              it->second, id));
    }
  }
}

}  // namespace tandem::models
